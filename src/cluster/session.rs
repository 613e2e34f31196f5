//! What a user asks of a cluster through the plugin: in one namespace, with the rights of the kubeconfig's user.

pub mod exec;
pub mod forward;
pub mod logs;
pub mod one_off;
pub mod pods;

use std::fmt::Debug;
use std::path::PathBuf;

use futures::future::ready;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Event, Node, ObjectReference, Pod};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use crate::api::{ComposeStack, keys};

use super::client::{Call, Class, Error, TIMEOUT, client_of, failure};

mod beside;
mod inventory;
mod written;

pub use inventory::Inventory;
pub use inventory::PROCESSES;
pub use written::{Document, typed};

/// Which cluster, as whom and where: what kubectl's flags of these names say.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub namespace: Option<String>,
}

/// A user's way to one namespace of a cluster.
#[derive(Clone)]
pub struct Session {
    client: Client,
    namespace: String,
}

impl Session {
    /// Reads the kubeconfig: the one that is named, or `$KUBECONFIG`, `~/.kube/config`, the pod's service account. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] where none of them can be used.
    pub async fn open(access: &Access) -> Result<Self, Error> {
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let config = match &access.kubeconfig {
            Some(path) => match Kubeconfig::read_from(path) {
                Ok(file) => Config::from_custom_kubeconfig(file, &options).await,
                Err(error) => Err(error),
            }
            .map_err(|error| error.to_string()),
            None if options.context.is_some() => Config::from_kubeconfig(&options).await.map_err(|error| error.to_string()),
            None => Config::infer().await.map_err(|error| error.to_string()),
        };
        let config = config.map_err(Error::Configuration)?;
        let namespace = access.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Self::new(client_of(config, concat!("kubectl-compose/", env!("CARGO_PKG_VERSION")))?, namespace))
    }

    /// A way by this client.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self { client, namespace: namespace.into() }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A stack of the namespace.
    ///
    /// # Errors
    /// Where the API server doesn't answer, refuses, or knows no stacks.
    pub async fn stack(&self, name: &str) -> Result<Option<ComposeStack>, Error> {
        let api = self.api::<ComposeStack>();
        match within(Call { verb: "get", kind: "ComposeStack", name }, async { api.get(name).await }).await {
            Ok(stack) => Ok(Some(stack)),
            Err(Error::Answer { status, .. }) if status.reason == "NotFound" => Ok(None),
            Err(error) => Err(unknown_kind(error)),
        }
    }

    /// The stacks of the namespace, or of all of them, by namespace and name.
    ///
    /// # Errors
    /// As [`Self::stack`].
    pub async fn stacks(&self, of_all_namespaces: bool) -> Result<Vec<ComposeStack>, Error> {
        let api = if of_all_namespaces { Api::all(self.client.clone()) } else { self.api::<ComposeStack>() };
        let call = Call { verb: "list", kind: "ComposeStack", name: if of_all_namespaces { "" } else { &self.namespace } };
        let mut stacks = within(call, async { api.list(&ListParams::default()).await }).await.map_err(unknown_kind)?.items;
        stacks.sort_by(|a, b| (&a.metadata.namespace, &a.metadata.name).cmp(&(&b.metadata.namespace, &b.metadata.name)));
        Ok(stacks)
    }

    /// Objects of a kind that belong to a stack.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn of_stack<K>(&self, kind: &'static str, stack: &str) -> Result<Vec<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let selected = ListParams::default().labels(&format!("{}={stack}", keys::STACK));
        let listed = within(Call { verb: "list", kind, name: stack }, async { self.api::<K>().list(&selected).await }).await?;
        Ok(listed.items)
    }

    /// The pods of a stack.
    ///
    /// # Errors
    /// As [`Self::of_stack`].
    pub async fn pods(&self, stack: &str) -> Result<Vec<Pod>, Error> {
        self.of_stack("Pod", stack).await
    }

    /// The Events of the namespace, at most 1,000.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn events(&self) -> Result<Vec<Event>, Error> {
        let most = ListParams::default().limit(1_000);
        let call = Call { verb: "list", kind: "Event", name: &self.namespace };
        Ok(within(call, async { self.api::<Event>().list(&most).await }).await?.items)
    }

    /// The Events of the namespace as they come, those that are there already first.
    pub fn new_events(&self) -> impl Stream<Item = Result<Event, Error>> + use<> {
        let namespace = self.namespace.clone();
        // What breaks off is taken up again; a refusal would meet every attempt.
        let refusal = move |error: watcher::Error| match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status)) | watcher::Error::WatchStartFailed(kube::Error::Api(status))
                if status.is_forbidden() =>
            {
                Some(Error::Answer { verb: "watch", what: format!("Events of {namespace}"), status })
            }
            _ => None,
        };
        let events = watcher(self.api::<Event>(), watcher::Config::default()).default_backoff().applied_objects();
        events.filter_map(move |event| ready(event.map_or_else(|error| refusal(error).map(Err), |event| Some(Ok(event)))))
    }

    /// What the API server knows of an object beside what is its kind's own; nothing where it has gone, or can't be looked at.
    ///
    /// # Errors
    /// Where the API server doesn't answer.
    pub async fn metadata(&self, object: &ObjectReference) -> Result<Option<ObjectMeta>, Error> {
        let (kind, name) = (object.kind.as_deref().unwrap_or_default(), object.name.as_deref().unwrap_or_default());
        let (group, version) = match object.api_version.as_deref().unwrap_or("v1").split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", object.api_version.as_deref().unwrap_or("v1")),
        };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        match within(Call { verb: "get", kind: "metadata", name }, async { api.get_metadata_opt(name).await }).await {
            Ok(found) => Ok(found.map(|found| found.metadata)),
            Err(error) if matches!(error.class(), Class::Missing | Class::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An address by which a node is reached, where one may be looked at.
    pub async fn node_address(&self) -> Option<String> {
        let api: Api<Node> = Api::all(self.client.clone());
        let first = ListParams::default().limit(1);
        let nodes = within(Call { verb: "list", kind: "Node", name: "" }, async { api.list(&first).await }).await.ok()?;
        let addresses = nodes.items.into_iter().next()?.status?.addresses?;
        let of_type = |wanted: &str| addresses.iter().find(|address| address.type_ == wanted).map(|address| address.address.clone());
        of_type("ExternalIP").or_else(|| of_type("InternalIP"))
    }
}

/// Gives a call its time, and its error the words of what was attempted.
///
/// # Errors
/// Where there is no answer in [`TIMEOUT`], or one that refuses.
pub async fn within<T>(call: Call<'_>, answer: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(|error| failure(call, &error)),
        Err(_) => Err(Error::Timeout { verb: call.verb, what: call.what() }),
    }
}

/// An API server that has no such kind answers 404 in words of its own.
fn unknown_kind(error: Error) -> Error {
    match error {
        Error::Answer { ref status, .. } if status.code == 404 && status.reason != "NotFound" => Error::NoStacks,
        other => other,
    }
}

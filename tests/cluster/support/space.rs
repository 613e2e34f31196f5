//! A test's own namespace.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use compose_operator::api::{ComposeStack, ServiceStatus};
use devcluster::AuditEvent;
use futures::{TryStream, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::installed::{PATIENCE, Turn, installed, turn};
use super::oracle;

/// A namespace, and a client of the admin's. Tests end with [`Space::close`].
pub struct Space {
    pub name: String,
    pub client: Client,
    closed: bool,
    _turn: Turn,
}

impl Space {
    /// A new namespace with this topic in its name.
    pub async fn open(topic: &str) -> Self {
        Self::open_labelled(topic, json!({})).await
    }

    /// The same, with labels on the namespace.
    pub async fn open_labelled(topic: &str, labels: Value) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let turn = turn().await;
        let name = format!("{topic}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // A client's worker belongs to a runtime, and each test has its own.
        let kubeconfig = Kubeconfig::read_from(installed().cluster.admin()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        oracle::expect(&name);
        let namespace = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap();
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        Self { name, client, closed: false, _turn: turn }
    }

    /// The admin's kubeconfig.
    pub fn kubeconfig() -> PathBuf {
        installed().cluster.admin().to_owned()
    }

    /// A kubeconfig with the rights of a ServiceAccount of this namespace.
    pub async fn account(&self, name: &str) -> PathBuf {
        self.until::<ServiceAccount>(name, "there", |account| account.is_some()).await;
        let (namespace, name) = (self.name.clone(), name.to_owned());
        tokio::task::spawn_blocking(move || installed().cluster.service_account(&namespace, &name).unwrap()).await.unwrap()
    }

    /// Objects of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates a stack from the text of a Compose file.
    pub async fn create(&self, name: &str, compose: &str) -> ComposeStack {
        self.create_spec(name, json!({"compose": compose})).await
    }

    /// Creates a stack from the whole spec.
    pub async fn create_spec(&self, name: &str, spec: Value) -> ComposeStack {
        let stack = json!({"apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "metadata": {"name": name}, "spec": spec});
        self.api().create(&PostParams::default(), &serde_json::from_value(stack).unwrap()).await.unwrap()
    }

    /// Gives a stack another Compose file.
    pub async fn compose(&self, name: &str, compose: &str) -> ComposeStack {
        self.patch(name, json!({"compose": compose})).await
    }

    /// Changes a stack's spec by a merge patch.
    pub async fn patch(&self, name: &str, spec: Value) -> ComposeStack {
        self.merge(name, json!({"spec": spec})).await
    }

    /// Changes any object by a merge patch, as the admin.
    pub async fn merge<K>(&self, name: &str, patch: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        self.api().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap()
    }

    /// Creates any object, as the admin.
    pub async fn make<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    {
        self.api().create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
    }

    /// Deletes any object, as the admin.
    pub async fn delete<K>(&self, name: &str)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        self.api::<K>().delete(name, &DeleteParams::background()).await.unwrap();
    }

    /// All objects of a kind.
    pub async fn list<K>(&self) -> Vec<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        self.api().list(&ListParams::default()).await.unwrap().items
    }

    /// The names of all objects of a kind.
    pub async fn names<K>(&self) -> Vec<String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug,
    {
        self.list::<K>().await.iter().map(ResourceExt::name_any).collect()
    }

    /// Sets an annotation on every pod of a service, or removes it: see `devcluster/stages.yaml`.
    pub async fn annotate_pods(&self, service: &str, annotation: &str, value: Option<&str>) {
        let pods = self.api::<Pod>();
        let selector = ListParams::default().labels(&format!("compose-operator.dev/service={service}"));
        let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation: value}}}));
        for pod in pods.list(&selector).await.unwrap() {
            pods.patch(&pod.name_any(), &PatchParams::default(), &patch).await.unwrap();
        }
    }

    /// Waits until a stack is Ready at its present generation.
    pub async fn ready(&self, name: &str) -> ComposeStack {
        self.until_stack(name, "Ready", is_ready).await
    }

    /// Waits until a stack is Stalled for this reason, at its present generation.
    pub async fn stalled(&self, name: &str, reason: &str) -> ComposeStack {
        let stalled = |stack: &ComposeStack| is_current(stack) && is(stack, "Stalled", "True", Some(reason));
        self.until_stack(name, &format!("Stalled with {reason}"), stalled).await
    }

    /// Waits until a stack is as described.
    pub async fn until_stack(&self, name: &str, description: &str, is_so: impl Fn(&ComposeStack) -> bool) -> ComposeStack {
        self.until(name, description, |stack: Option<&ComposeStack>| stack.is_some_and(&is_so)).await.unwrap()
    }

    /// Waits until an object, or its absence, is as described. Gives the object.
    pub async fn until<K>(&self, name: &str, description: &str, is_so: impl Fn(Option<&K>) -> bool) -> Option<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let condition = async {
            loop {
                if let Ok(object) = await_condition(self.api::<K>(), name, |object: Option<&K>| is_so(object)).await {
                    return object;
                }
                // A server ends its watches when a CustomResourceDefinition changes, as an upgrade of the operator does.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let Ok(object) = tokio::time::timeout(PATIENCE, condition).await else {
            panic!("{} {name} is not {description}, but:\n{}\n{}", K::kind(&()), self.describe::<K>(name).await, installed().report())
        };
        object
    }

    /// Waits until any object of a kind is as described.
    pub async fn until_any<K>(&self, description: &str, is_so: impl Fn(&K) -> bool)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let mut changes = std::pin::pin!(watcher(self.api::<K>(), watcher::Config::default()).default_backoff().applied_objects());
        let found = async { while !is_so(&next(&mut changes).await) {} };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "there is no {} {description}\n{}", K::kind(&()), installed().report());
    }

    /// Waits until so many pods of a service exist, none of them terminating.
    pub async fn until_pods(&self, service: &str, count: usize) -> Vec<Pod> {
        let (store, writer) = reflector::store::<Pod>();
        let selected = watcher::Config::default().labels(&format!("compose-operator.dev/service={service}"));
        let mut changes = std::pin::pin!(watcher(self.api::<Pod>(), selected).default_backoff().reflect(writer));
        let living =
            || store.state().iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(|pod| Pod::clone(pod)).collect::<Vec<_>>();
        let settled = async {
            loop {
                let change = next(&mut changes).await;
                let listing = matches!(change, watcher::Event::Init | watcher::Event::InitApply(_));
                if !listing && living().len() == count && store.state().len() == count {
                    return;
                }
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        assert!(settled.is_ok(), "service {service} has {} pods and not {count}\n{}", living().len(), installed().report());
        living()
    }

    /// Successful writes of the operator in this namespace so far, without Events. On a cluster without our audit log it seems to have made none:
    /// see [`audited`](super::audited).
    pub fn writes(&self) -> Vec<AuditEvent> {
        oracle::writes(&self.name)
    }

    /// Successful writes of the plugin in this namespace so far.
    pub fn writes_of_plugin(&self) -> Vec<String> {
        oracle::writes_of_plugin(&self.name)
    }

    /// Whatever the operator asked about this namespace.
    pub fn requests(&self) -> Vec<String> {
        oracle::requests(&self.name)
    }

    /// Judges what the operator did here. The namespace stays on a control plane that ends anyway.
    pub async fn close(mut self) {
        self.closed = true;
        let violations = oracle::violations(&self.name);
        if installed().tidies() {
            // The test may have deleted it itself.
            let _ = Api::<Namespace>::all(self.client.clone()).delete(&self.name, &DeleteParams::background()).await;
        }
        assert!(violations.is_empty(), "the operator did what it must not:\n{}", violations.join("\n"));
    }

    async fn describe<K>(&self, name: &str) -> String
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    {
        match self.api::<K>().get_opt(name).await {
            Ok(Some(mut object)) => {
                object.meta_mut().managed_fields = None;
                serde_yaml::to_string(&object).unwrap_or_else(|error| error.to_string())
            }
            Ok(None) => "not there".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        assert!(self.closed || std::thread::panicking(), "the test didn't close its space: nobody judged what the operator did");
    }
}

/// The next change that a watch tells of; what it stumbles over it gets over by itself.
async fn next<T>(changes: &mut (impl TryStream<Ok = T, Error = watcher::Error> + Unpin)) -> T {
    loop {
        if let Ok(change) = changes.try_next().await {
            return change.unwrap();
        }
    }
}

/// Runs kubectl in the space's namespace, as the admin, and gives what it printed; also where it only answers with a code, as `auth can-i` does.
pub async fn kubectl(space: &Space, arguments: &[&str]) -> String {
    let mut command = installed().cluster.kubectl();
    command.args(["--namespace", &space.name]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (printed, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(complained.is_empty() || output.status.success(), "kubectl {arguments:?}: {complained}");
    printed.into_owned()
}

/// A condition of a stack.
pub fn condition<'a>(stack: &'a ComposeStack, kind: &str) -> Option<&'a Condition> {
    stack.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether a stack is Ready, and its status about its present generation.
fn is_ready(stack: &ComposeStack) -> bool {
    is_current(stack) && is(stack, "Ready", "True", None)
}

/// A service in a stack's status.
#[track_caller]
pub fn service<'a>(stack: &'a ComposeStack, name: &str) -> &'a ServiceStatus {
    let services = stack.status.iter().flat_map(|status| &status.services);
    services
        .clone()
        .find(|service| service.name == name)
        .unwrap_or_else(|| panic!("no service {name} in {:?}", services.collect::<Vec<_>>()))
}

fn is_current(stack: &ComposeStack) -> bool {
    stack.status.as_ref().is_some_and(|status| status.observed_generation == stack.metadata.generation)
}

fn is(stack: &ComposeStack, kind: &str, status: &str, reason: Option<&str>) -> bool {
    condition(stack, kind).is_some_and(|condition| condition.status == status && reason.is_none_or(|reason| condition.reason == reason))
}

//! Objects beside a stack: Secrets and ConfigMaps with its files, claims that go with it, pods that are to end sooner.

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams, Preconditions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::api::keys;
use crate::cluster::client::{Call, Caller, Class, Error};
use crate::cluster::references::{Fetched, Reference, fetch};
use crate::telemetry::metrics::Metrics;

use super::written::params;
use super::{Session, within};

/// How often a read and the write that rests on it are tried while others write the same object.
const ATTEMPTS: usize = 4;

impl Session {
    /// An object; `None` where there is none.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn find<K>(&self, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let (api, kind) = (self.api::<K>(), kind::<K>());
        match within(Call { verb: "get", kind, name }, async { api.get(name).await }).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.class() == Class::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses: in words that quote nothing of a Secret.
    pub async fn create<K>(&self, object: &K) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let (api, kind, name) = (self.api::<K>(), kind::<K>(), object.meta().name.as_deref().unwrap_or_default());
        let made = within(Call { verb: "create", kind, name }, async { api.create(&params(), object).await }).await;
        made.map(|_| ()).map_err(|error| if kind == "Secret" { discreet(error) } else { error })
    }

    /// Gives an object this owner too, beside those that it has.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses; [`Class::Missing`] where there is no such object.
    pub async fn give<K>(&self, name: &str, owner: &OwnerReference) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let (api, kind) = (self.api::<PartialObjectMeta<K>>(), kind::<K>());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let meta = within(Call { verb: "get", kind, name }, async { api.get(name).await }).await?.metadata;
            let mut owners = meta.owner_references.unwrap_or_default();
            if owners.iter().any(|known| known.uid == owner.uid) {
                return Ok(());
            }
            owners.push(owner.clone());
            let patch = json!({"metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version, "ownerReferences": owners}});
            let params = PatchParams { field_manager: Some(keys::PLUGIN.to_owned()), ..PatchParams::default() };
            let given = within(Call { verb: "patch", kind, name }, async { api.patch(name, &params, &Patch::Merge(&patch)).await }).await;
            match given {
                Err(error) if error.class() == Class::Conflict && attempts < ATTEMPTS => {}
                given => return given.map(|_| ()),
            }
        }
    }

    /// What the plugin has made for a stack, of one kind, without its content. What the user may not list he hasn't made either.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn made_for<K>(&self, stack: &str) -> Result<Vec<ObjectMeta>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let selected = ListParams::default().labels(&format!("{}={stack},{}={}", keys::STACK, keys::MANAGED_BY, keys::PLUGIN));
        let api = self.api::<PartialObjectMeta<K>>();
        match within(Call { verb: "list", kind: kind::<K>(), name: stack }, async { api.list(&selected).await }).await {
            Ok(listed) => Ok(listed.items.into_iter().map(|object| object.metadata).collect()),
            Err(error) if error.class() == Class::Forbidden => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Deletes this very object as it was seen. One that has gone already is fine.
    ///
    /// # Errors
    /// Where the API server doesn't answer or refuses; [`Class::Conflict`] where it has changed.
    pub async fn remove<K>(&self, seen: &ObjectMeta) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        self.delete::<K>(seen, &DeleteParams::background().preconditions(preconditions)).await
    }

    /// Gives this very pod so many seconds to end.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn end_pod(&self, seen: &ObjectMeta, grace: u32) -> Result<(), Error> {
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: None };
        match self.delete::<Pod>(seen, &DeleteParams::default().grace_period(grace).preconditions(preconditions)).await {
            // Another pod has its name by now.
            Err(error) if error.class() == Class::Conflict => Ok(()),
            result => result,
        }
    }

    async fn delete<K>(&self, seen: &ObjectMeta, params: &DeleteParams) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let (api, name) = (self.api::<K>(), seen.name.as_deref().unwrap_or_default());
        match within(Call { verb: "delete", kind: kind::<K>(), name }, async { api.delete(name, params).await }).await {
            Err(error) if error.class() != Class::Missing => Err(error),
            _ => Ok(()),
        }
    }

    /// The content of a ConfigMap or Secret that a stack names; `None` where there is none.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn fetch(&self, reference: &Reference) -> Result<Option<Fetched>, Error> {
        fetch(&Caller::new(self.client.clone(), Metrics::default()), &self.namespace, reference).await
    }
}

fn kind<K: Resource<DynamicType = ()>>() -> &'static str {
    match K::kind(&()) {
        Cow::Borrowed(kind) => kind,
        Cow::Owned(_) => "object",
    }
}

/// A refusal may quote what stands in a Secret.
fn discreet(mut error: Error) -> Error {
    if let Error::Answer { status, .. } = &mut error
        && status.reason == "Invalid"
    {
        "the API server refuses it as invalid".clone_into(&mut status.message);
    }
    error
}

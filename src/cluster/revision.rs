//! Records of revisions: Secrets in the operator's own namespace, one for each stack that keeps one.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams};
use kube::core::{ObjectList, PartialObjectMeta, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::ComposeStackSpec;
use crate::api::keys;

use super::client::{Call, Caller, Class, Error};
use super::{Fetched, Reference, ReferenceKind, StackKey};

/// The one key of such a Secret.
const KEY: &str = "revision.json";
/// Most bytes of a record: the API server's own bound is 1 MiB for all data of a Secret.
const BOUND: usize = 1_000_000;

/// What a stack was made from.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Sources {
    pub spec: ComposeStackSpec,
    /// The ConfigMaps and Secrets that it takes files and variables from.
    objects: Vec<Source>,
}

#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
struct Source {
    secret: bool,
    name: String,
    /// Content in base64, by key; `None`: there was no such object.
    data: Option<BTreeMap<String, String>>,
}

/// Why a revision is not kept.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("it takes {0} bytes, and {BOUND} are the most that is kept")]
    TooLarge(usize),
    #[error("{}", .0.message())]
    Answer(#[from] Error),
}

impl Sources {
    pub fn new(spec: &ComposeStackSpec, copies: &BTreeMap<Reference, Option<Fetched>>, named: &BTreeSet<Reference>) -> Self {
        let source = |reference: &Reference| {
            let secret = match reference.kind {
                ReferenceKind::ConfigMap => false,
                ReferenceKind::Secret => true,
                ReferenceKind::PersistentVolumeClaim => return None,
            };
            let copy = copies.get(reference).and_then(Option::as_ref);
            let data = copy.map(|copy| copy.data.iter().map(|(key, content)| (key.clone(), BASE64_STANDARD.encode(content))).collect());
            Some(Source { secret, name: reference.name.clone(), data })
        };
        Self { spec: spec.clone(), objects: named.iter().filter_map(source).collect() }
    }

    /// The objects as they were then.
    pub fn copies(&self) -> BTreeMap<Reference, Option<Fetched>> {
        let copy = |data: &BTreeMap<String, String>| {
            let content = |(key, text): (&String, &String)| Some((key.clone(), BASE64_STANDARD.decode(text).ok()?));
            Fetched { data: data.iter().filter_map(content).collect(), ..Fetched::default() }
        };
        let kind = |secret| if secret { ReferenceKind::Secret } else { ReferenceKind::ConfigMap };
        self.objects.iter().map(|o| (Reference::new(kind(o.secret), o.name.clone()), o.data.as_ref().map(copy))).collect()
    }
}

/// Keeps what a stack is made from, in the place of what was kept before.
///
/// # Errors
/// Where it is too large, or the API server refuses or does not answer.
pub async fn keep(caller: &Caller, namespace: &str, stack: &StackKey, uid: &str, sources: &Sources) -> Result<(), Refused> {
    let record = serde_json::to_string(sources).unwrap_or_default();
    if record.len() > BOUND {
        return Err(Refused::TooLarge(record.len()));
    }
    let name = name(uid);
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": { keys::REVISION_OF: uid },
            "annotations": { keys::STACK: stack.to_string() },
        },
        "data": { KEY: BASE64_STANDARD.encode(record) },
    });
    let params = PatchParams::apply(keys::MANAGER).force();
    let request = Request::new(path(namespace)).patch(&name, &params, &Patch::Apply(&body));
    caller.call::<PartialObjectMeta<Secret>>(call("apply", &name), request).await.map_err(discreet)?;
    Ok(())
}

/// What is kept of a stack; `None` where there is nothing, or nothing that can be read.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn read(caller: &Caller, namespace: &str, uid: &str) -> Result<Option<Sources>, Error> {
    let name = name(uid);
    let request = Request::new(path(namespace)).get(&name, &GetParams::default());
    match caller.call::<Secret>(call("get", &name), request).await {
        Ok(secret) => {
            let record = secret.data.as_ref().and_then(|data| data.get(KEY));
            Ok(record.and_then(|record| serde_json::from_slice(&record.0).ok()))
        }
        Err(error) if error.class() == Class::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// Forgets what is kept of a stack.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn forget(caller: &Caller, namespace: &str, uid: &str) -> Result<(), Error> {
    let name = name(uid);
    let request = Request::new(path(namespace)).delete(&name, &DeleteParams::background());
    match caller.call::<Value>(call("delete", &name), request).await {
        Ok(_) => Ok(()),
        Err(error) if error.class() == Class::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

/// The UIDs of the stacks of which a revision is kept.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn kept(caller: &Caller, namespace: &str) -> Result<Vec<String>, Error> {
    let request = Request::new(path(namespace)).list(&ListParams::default().labels(keys::REVISION_OF));
    let list: ObjectList<PartialObjectMeta<Secret>> = caller.call(call("list", ""), request).await?;
    let uid = |one: &PartialObjectMeta<Secret>| one.metadata.labels.as_ref()?.get(keys::REVISION_OF).cloned();
    Ok(list.items.iter().filter_map(uid).collect())
}

/// A refusal may quote what stands in the Secret.
fn discreet(mut error: Error) -> Error {
    if let (Class::Refused, Error::Answer { status, .. }) = (error.class(), &mut error) {
        status.message = format!("the API server refuses it: {}", status.reason);
    }
    error
}

fn name(uid: &str) -> String {
    format!("revision-{uid}")
}

fn path(namespace: &str) -> String {
    Secret::url_path(&(), Some(namespace))
}

fn call<'a>(verb: &'static str, name: &'a str) -> Call<'a> {
    Call { verb, kind: "Secret", name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let map = Reference::new(ReferenceKind::ConfigMap, "files");
        let missing = Reference::new(ReferenceKind::Secret, "none");
        let data = BTreeMap::from([("a".to_owned(), vec![0, 255])]);
        let copies =
            BTreeMap::from([(map.clone(), Some(Fetched { version: 7, layout: None, data: data.clone() })), (missing.clone(), None)]);
        let named = copies.keys().cloned().collect();
        let spec = ComposeStackSpec { compose: Some("services: {}".to_owned()), ..ComposeStackSpec::default() };
        let sources = Sources::new(&spec, &copies, &named);
        let text = serde_json::to_string(&sources).unwrap_or_default();
        let read: Sources = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(read.spec, spec);
        let back = read.copies();
        assert_eq!(back[&map].as_ref().map(|copy| &copy.data), Some(&data));
        assert_eq!(back[&missing], None);
    }
}

//! Writes to the objects that stacks become. Nothing is overwritten that isn't ours, and a change or a delete names the uid that it means.

use std::time::Duration;

use http::Request as HttpRequest;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceSpec};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request;
use kube::core::request::Error as RequestError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::keys;
use crate::translate::{HttpRoute, Key, Kind, Object};

use super::client::{Call, Caller, Class, Error};
use super::view::{
    AnyView, AutoscalerView, ClaimView, CronJobView, DaemonSetView, DeploymentView, HttpRouteView, JobObjectView, Seen, ServiceObjectView,
    StatefulSetView, View, WorkloadView,
};

/// A request that is ready to be sent.
type Built = Result<HttpRequest<Vec<u8>>, RequestError>;

/// How often a read and the patch that rests on it are tried while others write the same object.
const ATTEMPTS: usize = 4;

/// Where objects are written, and for whom.
#[derive(Clone, Debug)]
pub struct Place {
    pub namespace: String,
    pub owner: OwnerReference,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    pub seen: Seen,
    /// Whether the object differed and was applied.
    pub repaired: bool,
}

/// Pauses between attempts to get the addresses of a Service that has gone: the API server gives them back a moment after it says so.
const RELEASE: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

/// Creates by POST: an object that exists already answers 409 and stays as it is. A Service that can't have the addresses that it asks for gets
/// others.
///
/// # Errors
/// Where the API server refuses or does not answer; [`Class::Conflict`] where the object exists.
pub async fn create(caller: &Caller, place: &Place, object: Object) -> Result<Seen, Error> {
    let key = object.key();
    let Some(unaddressed) = unaddressed(&object) else { return post(caller, place, &key, object).await };
    let mut pauses = RELEASE.into_iter();
    loop {
        match post(caller, place, &key, object.clone()).await {
            Err(error) if error.is_address_taken() => match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            },
            // They are of no use any more.
            Err(error) if error.class() == Class::Refused => break,
            result => return result,
        }
    }
    post(caller, place, &key, unaddressed).await
}

async fn post(caller: &Caller, place: &Place, key: &Key, object: Object) -> Result<Seen, Error> {
    let params = PostParams { field_manager: Some(keys::MANAGER.to_owned()), ..PostParams::default() };
    let request = body(place, object, None).and_then(|bytes| at(place, key.kind).create(&params, bytes));
    send(caller, "create", key, request).await
}

/// A Service that asks for addresses, without them.
fn unaddressed(object: &Object) -> Option<Object> {
    let Object::Service(service) = object else { return None };
    let spec = service.spec.as_ref().filter(|spec| spec.cluster_ip.as_deref().is_some_and(|address| address != "None"))?;
    let mut service = service.clone();
    service.spec = Some(ServiceSpec { cluster_ip: None, cluster_ips: None, ..spec.clone() });
    Some(Object::Service(service))
}

/// Reads an object; `None` where there is none.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn read(caller: &Caller, namespace: &str, key: &Key) -> Result<Option<Seen>, Error> {
    let request = Request::new(path(key.kind, namespace)).get(&key.name, &GetParams::default());
    match send(caller, "get", key, request).await {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.class() == Class::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// Changes an object by server-side apply with its uid in the body. Where `posted`, fields of ours still belong to the entry that the
/// POST made: they are handed to the apply manager first, or what leaves the file would stay for ever.
///
/// # Errors
/// Where the API server refuses or does not answer; [`Class::Conflict`] where the object has gone or has a successor.
pub async fn apply(caller: &Caller, place: &Place, object: Object, uid: &str, posted: bool) -> Result<Seen, Error> {
    let key = object.key();
    if posted {
        take_over(caller, place, &key, uid).await?;
    }
    let request = rendered(place, object, Some(uid)).and_then(|wanted| apply_request(place, &key, &wanted));
    send(caller, "apply", &key, request).await
}

/// Deletes with preconditions on uid and resourceVersion; dependents go in the background, or stay as `orphans`. An object that is gone already
/// is fine.
///
/// # Errors
/// Where the API server refuses or does not answer; [`Class::Conflict`] where the object is no longer the one that was meant.
pub async fn delete(caller: &Caller, namespace: &str, key: &Key, uid: &str, resource_version: &str, orphans: bool) -> Result<(), Error> {
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: Some(resource_version.to_owned()) };
    let params = if orphans { DeleteParams::orphan() } else { DeleteParams::background() };
    let params = params.preconditions(preconditions);
    let request = Request::new(path(key.kind, namespace)).delete(&key.name, &params);
    match caller.call::<Value>(call("delete", key), request).await {
        Ok(_) => Ok(()),
        Err(error) if error.class() == Class::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads an object and compares it with today's rendering; a difference is applied. `None` where the object is gone, has a successor, or has
/// replicas of ours by now that the rendering leaves out.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn compare(caller: &Caller, place: &Place, object: Object, uid: &str) -> Result<Option<Compared>, Error> {
    let key = object.key();
    let live = match get(caller, place, &key).await {
        Ok(live) => live,
        Err(error) if error.class() == Class::Missing => return Ok(None),
        Err(error) => return Err(error),
    };
    let seen = decode(&key, &live)?;
    if seen.uid != uid {
        return Ok(None);
    }
    let wanted = rendered(place, object, None).map_err(|e| unreadable("apply", &key, &e))?;
    // Replicas that have become ours since this was asked for, such as the 0 of a stop, would fall back to the default of 1.
    let holds_replicas = matches!(seen.state, WorkloadView::Replicated { holds_replicas: true, .. });
    if holds_replicas && key.kind.scales() && wanted["spec"]["replicas"].is_null() {
        return Ok(None);
    }
    if contains(&live, &wanted) {
        return Ok(Some(Compared { seen, repaired: false }));
    }
    if seen.posted {
        take_over(caller, place, &key, uid).await?;
    }
    let mut wanted = wanted;
    wanted["metadata"]["uid"] = json!(uid);
    match send(caller, "apply", &key, apply_request(place, &key, &wanted)).await {
        Ok(seen) => Ok(Some(Compared { seen, repaired: true })),
        // A Job's template never changes: it runs as the version rendered it that made it.
        Err(error) if key.kind == Kind::Job && error.is_immutable() => Ok(Some(Compared { seen, repaired: false })),
        Err(error) => Err(error),
    }
}

/// Whether all that is wanted stands in the live object. What others add (defaults, sidecars, labels) doesn't count.
pub fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(k, w)| match live.get(k) {
            Some(l) => contains(l, w),
            None => is_empty(w),
        }),
        // Of objects others may add some (a sidecar); a list of plain values (arguments) is one value.
        (Value::Array(live), Value::Array(wanted)) if wanted.iter().all(Value::is_object) => {
            wanted.iter().all(|w| live.iter().any(|l| contains(l, w)))
        }
        _ => live == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Moves the fields of the POST to the apply manager: in a fresh read, our `Update` entry becomes an `Apply` entry, if nobody writes in
/// between. The index of the entry moves when others apply, hence the tests.
async fn take_over(caller: &Caller, place: &Place, key: &Key, uid: &str) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let live = get(caller, place, key).await?;
        if live["metadata"]["uid"] != *uid {
            // The apply that follows carries the uid and is refused.
            return Ok(());
        }
        let Some(index) = posted_entry(&live) else { return Ok(()) };
        let entry = format!("/metadata/managedFields/{index}");
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
            { "op": "test", "path": format!("{entry}/manager"), "value": keys::MANAGER },
            { "op": "test", "path": format!("{entry}/operation"), "value": "Update" },
            { "op": "replace", "path": format!("{entry}/operation"), "value": "Apply" },
        ]);
        match caller.call::<Value>(call("patch", key), json_patch(place, key, &patch)).await {
            Ok(_) => return Ok(()),
            Err(error) if attempt < ATTEMPTS && matches!(error.class(), Class::Conflict | Class::Refused) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets go of a workload's replicas without changing them: another manager holds them through `/scale` from now on, so that what is applied
/// without them leaves them as they are. The resourceVersion of the read keeps a number from being written that an autoscaler has changed.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn release_replicas(caller: &Caller, place: &Place, key: &Key, uid: &str) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let live = get(caller, place, key).await?;
        if live["metadata"]["uid"] != *uid {
            return Ok(());
        }
        let scale = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": { "name": key.name, "uid": uid, "resourceVersion": live["metadata"]["resourceVersion"] },
            "spec": { "replicas": live["spec"]["replicas"] },
        });
        let params = PatchParams::apply(keys::SCALE_MANAGER).force();
        let request = at(place, key.kind).patch_subresource("scale", &key.name, &params, &Patch::Apply(&scale));
        match caller.call::<Value>(call("scale", key), request).await {
            Ok(_) => return Ok(()),
            Err(error) if attempt < ATTEMPTS && error.class() == Class::Conflict => {}
            Err(error) => return Err(error),
        }
    }
}

/// Index of the entry of our POST in managedFields; none where an apply of ours has taken it over.
fn posted_entry(live: &Value) -> Option<usize> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let ours = |e: &Value, operation: &str| {
        e["manager"] == keys::MANAGER && e["operation"] == operation && e["subresource"].as_str().unwrap_or_default().is_empty()
    };
    if entries.iter().any(|e| ours(e, "Apply")) {
        return None;
    }
    entries.iter().position(|e| ours(e, "Update"))
}

async fn get(caller: &Caller, place: &Place, key: &Key) -> Result<Value, Error> {
    caller.call(call("get", key), at(place, key.kind).get(&key.name, &GetParams::default())).await
}

async fn send(caller: &Caller, verb: &'static str, key: &Key, request: Built) -> Result<Seen, Error> {
    let call = call(verb, key);
    let sent = async {
        match key.kind {
            Kind::ConfigMap | Kind::Secret | Kind::NetworkPolicy | Kind::PodDisruptionBudget | Kind::Ingress => {
                caller.call::<AnyView>(call, request).await.map(|v| v.seen())
            }
            Kind::PersistentVolumeClaim => view::<ClaimView>(caller, call, request).await,
            Kind::Service => view::<ServiceObjectView>(caller, call, request).await,
            Kind::Deployment => view::<DeploymentView>(caller, call, request).await,
            Kind::DaemonSet => view::<DaemonSetView>(caller, call, request).await,
            Kind::Job => view::<JobObjectView>(caller, call, request).await,
            Kind::StatefulSet => view::<StatefulSetView>(caller, call, request).await,
            Kind::CronJob => view::<CronJobView>(caller, call, request).await,
            Kind::HorizontalPodAutoscaler => view::<AutoscalerView>(caller, call, request).await,
            Kind::HttpRoute => view::<HttpRouteView>(caller, call, request).await,
        }
    };
    sent.await.map_err(|error| discreet(key.kind, error))
}

/// A refusal of a Secret may quote what stands in it.
fn discreet(kind: Kind, mut error: Error) -> Error {
    if kind == Kind::Secret
        && error.class() == Class::Refused
        && let Error::Answer { status, .. } = &mut error
    {
        status.message = format!("the API server refuses it: {}", status.reason);
    }
    error
}

async fn view<V: View + DeserializeOwned>(caller: &Caller, call: Call<'_>, request: Built) -> Result<Seen, Error> {
    caller.call::<V>(call, request).await.map(|v| v.seen())
}

fn decode(key: &Key, live: &Value) -> Result<Seen, Error> {
    fn via<V: View + DeserializeOwned>(live: &Value) -> serde_json::Result<Seen> {
        V::deserialize(live).map(|v| v.seen())
    }
    match key.kind {
        Kind::ConfigMap | Kind::Secret | Kind::NetworkPolicy | Kind::PodDisruptionBudget | Kind::Ingress => {
            serde::Deserialize::deserialize(live).map(|v: AnyView| v.seen())
        }
        Kind::PersistentVolumeClaim => via::<ClaimView>(live),
        Kind::Service => via::<ServiceObjectView>(live),
        Kind::Deployment => via::<DeploymentView>(live),
        Kind::DaemonSet => via::<DaemonSetView>(live),
        Kind::Job => via::<JobObjectView>(live),
        Kind::StatefulSet => via::<StatefulSetView>(live),
        Kind::CronJob => via::<CronJobView>(live),
        Kind::HorizontalPodAutoscaler => via::<AutoscalerView>(live),
        Kind::HttpRoute => via::<HttpRouteView>(live),
    }
    .map_err(|e| unreadable("get", key, &e))
}

fn unreadable(verb: &'static str, key: &Key, error: &dyn std::error::Error) -> Error {
    Error::Transport { verb, what: key.to_string(), message: error.to_string() }
}

fn call<'a>(verb: &'static str, key: &'a Key) -> Call<'a> {
    Call { verb, kind: key.kind.as_str(), name: &key.name }
}

fn apply_request(place: &Place, key: &Key, wanted: &Value) -> Built {
    at(place, key.kind).patch(&key.name, &PatchParams::apply(keys::MANAGER).force(), &Patch::Apply(wanted))
}

fn json_patch(place: &Place, key: &Key, patch: &Value) -> Built {
    let uri = format!("{}/{}?fieldManager={}", path(key.kind, &place.namespace), key.name, keys::MANAGER);
    let bytes = serde_json::to_vec(patch).map_err(RequestError::SerializeBody)?;
    HttpRequest::patch(uri)
        .header(http::header::CONTENT_TYPE, "application/json-patch+json")
        .body(bytes)
        .map_err(RequestError::BuildRequest)
}

fn at(place: &Place, kind: Kind) -> Request {
    Request::new(path(kind, &place.namespace))
}

fn path(kind: Kind, namespace: &str) -> String {
    let namespace = Some(namespace);
    match kind {
        Kind::ConfigMap => ConfigMap::url_path(&(), namespace),
        Kind::Secret => Secret::url_path(&(), namespace),
        Kind::PersistentVolumeClaim => PersistentVolumeClaim::url_path(&(), namespace),
        Kind::NetworkPolicy => NetworkPolicy::url_path(&(), namespace),
        Kind::Service => Service::url_path(&(), namespace),
        Kind::Deployment => Deployment::url_path(&(), namespace),
        Kind::DaemonSet => DaemonSet::url_path(&(), namespace),
        Kind::Job => Job::url_path(&(), namespace),
        Kind::StatefulSet => StatefulSet::url_path(&(), namespace),
        Kind::CronJob => CronJob::url_path(&(), namespace),
        Kind::HorizontalPodAutoscaler => HorizontalPodAutoscaler::url_path(&(), namespace),
        Kind::PodDisruptionBudget => PodDisruptionBudget::url_path(&(), namespace),
        Kind::Ingress => Ingress::url_path(&(), namespace),
        Kind::HttpRoute => HttpRoute::url_path(&(), namespace),
    }
}

/// The object with the facts of the cluster: namespace, owner (claims have none, ever) and, for a change, uid.
fn placed(place: &Place, mut object: Object, uid: Option<&str>) -> Object {
    let owned = object.kind() != Kind::PersistentVolumeClaim;
    let meta = object.metadata_mut();
    meta.namespace = Some(place.namespace.clone());
    meta.uid = uid.map(str::to_owned);
    meta.owner_references = owned.then(|| vec![place.owner.clone()]);
    object
}

fn body(place: &Place, object: Object, uid: Option<&str>) -> Result<Vec<u8>, RequestError> {
    serde_json::to_vec(&placed(place, object, uid)).map_err(RequestError::SerializeBody)
}

fn rendered(place: &Place, object: Object, uid: Option<&str>) -> Result<Value, RequestError> {
    body(place, object, uid).and_then(|bytes| serde_json::from_slice(&bytes).map_err(RequestError::SerializeBody))
}

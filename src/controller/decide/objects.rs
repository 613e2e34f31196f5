use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort};

use super::acts::Acts;
use super::claims::{self, OfReplica};
use super::observed::{FailureKind, LiveObject};
use super::outcome::{Action, Cause};
use super::stand::{Stand, going, is_due, stand, taken};
use super::template::{mentions, pod_spec};
use super::view::{Scene, Seen};
use super::writes::{apply, delete, repair, replace};
use crate::api::keys;
use crate::cluster::view::WorkloadView;
use crate::translate::{Key, Kind, Object, ServicePlan};

/// Why an object is not as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An action of this very decision mends it.
    Pending,
    Deletion(String),
    Conflict(String),
    Failed(FailureKind, String),
}

/// How each wanted object that is no workload, and each claim of a replica, stands; `None`: as it is to be.
pub(super) struct Standing {
    /// Whether there is an object of ours by that name.
    pub exists: bool,
    pub trouble: Option<Trouble>,
}

/// Plans everything that is no workload. Nothing of it waits for anything.
pub(super) fn plan<'a>(scene: &Scene<'a>, acts: &mut Acts) -> BTreeMap<&'a Key, Standing> {
    let wanted = scene.desired.objects.iter().filter(|(key, _)| !key.kind.is_workload());
    let mut standings: BTreeMap<&Key, Standing> = wanted.map(|(key, object)| (key, one(scene, key, object, acts))).collect();
    standings.extend(claims::of_replicas(scene).iter().map(|claim| (claim.key, of_replica(claim, acts))));
    standings
}

/// A claim that follows the template that it was made by, as far as a claim can.
fn of_replica(claim: &OfReplica, acts: &mut Acts) -> Standing {
    let trouble = claim.changed().map(|object| {
        acts.push(apply(sticky(&object, claim.live), claim.live, Cause::Changed));
        acts.failure(claim.key).map_or(Trouble::Pending, |f| Trouble::Failed(f.kind, f.message.clone()))
    });
    Standing { exists: true, trouble }
}

fn one(scene: &Scene, key: &Key, object: &Object, acts: &mut Acts) -> Standing {
    let before = acts.failure(key).map(|f| Trouble::Failed(f.kind, f.message.clone()));
    let pending = Some(before.unwrap_or(Trouble::Pending));
    match stand(scene, key) {
        Stand::Missing => {
            acts.push(create(scene, key, object));
            Standing { exists: false, trouble: pending }
        }
        Stand::Going(seen) => {
            retry(scene, &seen, key, object, acts);
            Standing { exists: false, trouble: Some(Trouble::Deletion(going(key))) }
        }
        Stand::Taken(seen, owner) => {
            retry(scene, &seen, key, object, acts);
            Standing { exists: false, trouble: Some(Trouble::Conflict(taken(key, owner))) }
        }
        Stand::Stray(live) => {
            acts.push(apply(sticky(object, live), live, Cause::Adopted));
            Standing { exists: false, trouble: pending }
        }
        Stand::Ours(live) if becomes_virtual(object, live) => {
            // A Service's clusterIP can't be changed from None: only another object has another.
            acts.push(delete(key, live));
            Standing { exists: false, trouble: pending }
        }
        Stand::Ours(live) if replace(object, live, acts) => Standing { exists: false, trouble: Some(Trouble::Pending) },
        Stand::Ours(live) => {
            let Some(action) = mend(scene, key, object, live) else { return Standing { exists: true, trouble: None } };
            let asked = acts.repair(action, live.changed_by.as_deref());
            Standing { exists: true, trouble: pending.filter(|_| asked) }
        }
    }
}

fn retry(scene: &Scene, seen: &Seen, key: &Key, object: &Object, acts: &mut Acts) {
    if is_due(seen, acts) {
        acts.push(create(scene, key, object));
    }
}

/// A Service that was there before is asked for with the addresses that it had: programs resolved its name long ago.
fn create(scene: &Scene, key: &Key, object: &Object) -> Action {
    let mut object = object.clone();
    let before = scene.recorded_object(key).and_then(|recorded| recorded.address.as_deref());
    if let (Object::Service(service), Some(before)) = (&mut object, before)
        && let Some(spec) = service.spec.as_mut().filter(|spec| spec.type_.as_deref() != Some("ExternalName") && spec.cluster_ip.is_none())
    {
        let addresses: Vec<String> = before.split(',').map(str::to_owned).collect();
        spec.cluster_ip = addresses.first().cloned();
        spec.cluster_ips = Some(addresses);
    }
    Action::Create { object: Box::new(object) }
}

fn mend(scene: &Scene, key: &Key, object: &Object, live: &LiveObject) -> Option<Action> {
    if live.inputs.as_deref() != Some(object.inputs()) {
        return Some(apply(sticky(object, live), live, Cause::Changed));
    }
    repair(scene, key, live, || sticky(object, live))
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) == Some("None")
}

fn becomes_virtual(object: &Object, live: &LiveObject) -> bool {
    matches!(object, Object::Service(service) if !is_headless(service) && live.headless == Some(true))
}

/// The object with what can't be changed as it is. A Service with an address keeps it, and its ports, also when nothing is known any more
/// that would need them: programs that resolved its name would lose it otherwise. One that is adopted without an address has none for now.
fn sticky(object: &Object, live: &LiveObject) -> Object {
    let mut object = object.clone();
    if let (Object::PersistentVolumeClaim(claim), WorkloadView::Claim { spec, .. }) = (&mut object, &live.state) {
        claims::keep(claim, spec);
    }
    let Object::Service(service) = &mut object else { return object };
    let headless = is_headless(service);
    let Some(spec) = &mut service.spec else { return object };
    match (headless, live.headless, &live.state) {
        (true, Some(false), WorkloadView::Service { ports, .. }) => {
            spec.cluster_ip = None;
            spec.ports = Some(ports.iter().map(|p| port(p.port, &p.protocol)).collect());
        }
        (false, Some(true), _) => spec.cluster_ip = Some("None".to_owned()),
        _ => {}
    }
    object
}

fn port(port: i32, protocol: &str) -> ServicePort {
    let name = format!("p-{port}-{}", protocol.to_ascii_lowercase());
    ServicePort { name: Some(name), port, protocol: Some(protocol.to_owned()), ..ServicePort::default() }
}

/// An object that isn't there yet and keeps the pods of a service from being made.
pub(super) struct Obstacle {
    pub message: String,
    /// It is not going to be there before somebody does something.
    pub blocked: bool,
}

/// What keeps the pods of a service from being made: an object that all or this one needs.
pub(super) fn obstacle(scene: &Scene, standings: &BTreeMap<&Key, Standing>, plan: &ServicePlan) -> Option<Obstacle> {
    let needed = standings.iter().filter(|(key, standing)| !standing.exists && !key.kind.is_optional());
    needed.into_iter().find_map(|(key, standing)| match &standing.trouble {
        // Others must not suffer for a name that is taken or a right that is missing, but no pod may mount what is another's.
        Some(
            Trouble::Conflict(message) | Trouble::Failed(FailureKind::Forbidden | FailureKind::Refused | FailureKind::Immutable, message),
        ) => concerns(scene, plan, key).then(|| Obstacle { message: format!("needs {key}: {message}"), blocked: true }),
        _ => Some(Obstacle { message: format!("{key} is made first"), blocked: false }),
    })
}

fn concerns(scene: &Scene, plan: &ServicePlan, key: &Key) -> bool {
    let labels = scene.desired.objects.get(key).and_then(|o| o.metadata().labels.as_ref());
    let service = labels.and_then(|l| l.get(keys::SERVICE));
    let its_own = |s: &String| *s == plan.object_name || scene.guests(plan).iter().any(|guest| guest.object_name == *s);
    match key.kind {
        Kind::Service => service.is_some_and(its_own),
        Kind::NetworkPolicy => service.is_none_or(its_own),
        _ => {
            let steps = plan.pre_start.as_ref().map(|steps| &steps.workload);
            let pods = std::iter::once(&plan.workload).chain(steps).filter_map(|workload| pod_spec(scene.desired.objects.get(workload)?));
            pods.into_iter().any(|pod| mentions(pod, key))
        }
    }
}

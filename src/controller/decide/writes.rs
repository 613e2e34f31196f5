//! What is written of an object that is ours.

use super::acts::Acts;
use super::observed::{FailureKind, LiveObject};
use super::outcome::{Action, Cause};
use super::view::Scene;
use crate::cluster::view::WorkloadView;
use crate::translate::{Key, Kind, Object};

/// Repairs drift. `render` gives the object as it is to be.
pub(super) fn repair(scene: &Scene, key: &Key, live: &LiveObject, render: impl FnOnce() -> Object) -> Option<Action> {
    match scene.expected_fields(key, &live.uid) {
        Some(expected) if live.fields.as_deref() == Some(expected) => None,
        // Without another manager our own write, whose answer was lost, may have made the difference: the object itself must tell.
        Some(_) if live.changed_by.is_some() => Some(apply(render(), live, Cause::Drift)),
        _ => Some(Action::Compare { object: Box::new(render()), uid: live.uid.clone() }),
    }
}

pub(super) fn apply(object: Object, live: &LiveObject, cause: Cause) -> Action {
    Action::Apply { object: Box::new(object), uid: live.uid.clone(), cause, releases: false }
}

pub(super) fn delete(key: &Key, live: &LiveObject) -> Action {
    Action::Delete { key: key.clone(), uid: live.uid.clone(), resource_version: live.resource_version.clone(), orphans: false }
}

/// Deletes what can't be changed into what is wanted, so that it is made anew; whether that is called for. Claims are data, and a Job runs as it
/// was made. The replicas of a StatefulSet stay for its successor, unless they lack a claim, which only their own successors can have.
pub(super) fn replace(object: &Object, live: &LiveObject, acts: &mut Acts) -> bool {
    let key = object.key();
    let can_not_change = acts.failure(&key).is_some_and(|failure| failure.kind == FailureKind::Immutable);
    if !can_not_change || matches!(key.kind, Kind::PersistentVolumeClaim | Kind::Job) {
        return false;
    }
    let orphans = match (object, &live.state) {
        (Object::StatefulSet(set), WorkloadView::Replicated { claim_templates, .. }) => {
            let wanted = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
            wanted.filter_map(|template| template.metadata.name.as_ref()).all(|name| claim_templates.contains(name))
        }
        _ => false,
    };
    let (uid, resource_version) = (live.uid.clone(), live.resource_version.clone());
    acts.at_once(Action::Delete { key, uid, resource_version, orphans });
    true
}

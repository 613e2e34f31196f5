use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::bugs::Bugs;
use super::observed::{Input, LiveObject, Observed};
use super::undo::{self, Undo};
use crate::api::{ObjectStatus, ServiceStatus};
use crate::cluster::view::PodView;
use crate::translate::{Desired, Key, ServicePlan};

/// Everything that one decision about a reconcilable stack looks at.
pub(super) struct Scene<'a> {
    pub input: &'a Input<'a>,
    pub desired: &'a Desired,
    pub bugs: Bugs,
    /// Whether the wanted update has failed.
    pub undo: Undo<'a>,
    /// Whether what is wanted is another revision than the one that could be put back.
    pub is_update: bool,
    seen: BTreeMap<&'a Key, Seen<'a>>,
    /// The services that run in the pods of another, by its object name.
    guests: BTreeMap<&'a str, Vec<&'a ServicePlan>>,
}

/// One object as far as anything is known of it: the cache's state, or that of our own newer write.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub object: &'a LiveObject,
    pub deleting: bool,
    /// Set where it is not in the cache but was read after a 409.
    pub read: Option<Timestamp>,
    /// Whether the caches select it by its labels.
    pub labelled: bool,
}

impl<'a> Scene<'a> {
    pub fn new(input: &'a Input<'a>, desired: &'a Desired, undo: Undo<'a>, bugs: Bugs) -> Self {
        let mut guests: BTreeMap<&str, Vec<&ServicePlan>> = BTreeMap::new();
        for plan in desired.services.iter().filter(|plan| plan.is_guest()) {
            guests.entry(&plan.pod).or_default().push(plan);
        }
        let is_update = undo == Undo::No && undo::is_update(input, desired);
        Self { input, desired, bugs, undo, is_update, seen: overlay(input, bugs), guests }
    }

    /// The services that run in the pods of this one.
    pub fn guests(&self, host: &ServicePlan) -> &[&'a ServicePlan] {
        self.guests.get(host.object_name.as_str()).map_or(&[], Vec::as_slice)
    }

    pub fn get(&self, key: &Key) -> Option<Seen<'a>> {
        self.seen.get(key).copied()
    }

    /// Objects of this stack, as far as ownership tells.
    pub fn ours(&self) -> impl Iterator<Item = (&'a Key, Seen<'a>)> + '_ {
        self.seen.iter().filter(|(_, s)| self.is_ours(s)).map(|(k, s)| (*k, *s))
    }

    pub fn is_ours(&self, seen: &Seen) -> bool {
        self.bugs.skip_uid_test || seen.object.whose == Observed::Ours
    }

    pub fn all(&self) -> impl Iterator<Item = (&'a Key, Seen<'a>)> + '_ {
        self.seen.iter().map(|(k, s)| (*k, *s))
    }

    /// The pods that are labelled with this object name of a service.
    pub fn pods(&self, object_name: &str) -> &'a [PodView] {
        self.input.live.pods.get(object_name).map_or(&[], Vec::as_slice)
    }

    /// The hash of our fields after our last write of the object, where that is known.
    pub fn expected_fields(&self, key: &Key, uid: &str) -> Option<&'a str> {
        match self.input.unseen.answers.get(key) {
            Some(answer) if answer.uid == uid => answer.fields.as_deref(),
            _ => self.recorded_object(key).filter(|o| o.uid.as_deref() == Some(short(uid)))?.fields.as_deref(),
        }
    }

    pub fn recorded_object(&self, key: &Key) -> Option<&'a ObjectStatus> {
        self.input.recorded.objects.iter().find(|o| o.name == key.name && o.kind == key.kind.as_str())
    }

    pub fn recorded_service(&self, name: &str) -> Option<&'a ServiceStatus> {
        self.input.recorded.services.iter().find(|s| s.name == name)
    }
}

/// As much of a UID as the status keeps.
pub(super) fn short(uid: &str) -> &str {
    uid.get(..8).unwrap_or(uid)
}

fn overlay<'a>(input: &'a Input, bugs: Bugs) -> BTreeMap<&'a Key, Seen<'a>> {
    let mut seen = BTreeMap::new();
    for (key, probed) in &input.live.probed {
        // By now it would have got its labels and the caches would show it, were it still there: only another create can tell.
        let old = input.now.duration_since(probed.at) >= SignedDuration::from_secs(10);
        if old && matches!(probed.object.whose, Observed::Ours | Observed::Adoptable) {
            continue;
        }
        seen.insert(
            key,
            Seen { object: &probed.object, deleting: probed.object.deleting, read: Some(probed.at), labelled: probed.labelled },
        );
    }
    for (key, object) in &input.live.objects {
        seen.insert(key, Seen { object, deleting: object.deleting, read: None, labelled: true });
    }
    if bugs.forget_unseen {
        return seen;
    }
    for (key, written) in &input.unseen.written {
        let newer = seen.get(key).is_none_or(|s| version(written) > version(s.object));
        if newer {
            seen.insert(key, Seen { object: written, deleting: written.deleting, read: None, labelled: true });
        }
    }
    for (key, uid) in &input.unseen.deleted {
        if let Some(entry) = seen.get_mut(key).filter(|s| s.object.uid == *uid) {
            entry.deleting = true;
        }
    }
    seen
}

/// Since Kubernetes 1.35 resourceVersions of one kind may be compared as numbers.
fn version(object: &LiveObject) -> u64 {
    object.resource_version.parse().unwrap_or(0)
}

//! What the caches and our own answers show of one stack's namespace, in the words of a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::cluster::StackKey;
use crate::cluster::cache::Cache;
use crate::cluster::view::{Owner, Seen};
use crate::translate::{Key, Kind};

use super::decide::{Live, LiveObject, Observed, Probed, Unseen};
use super::memory::Memory;

/// From whose side objects are seen.
pub struct Viewer<'a> {
    pub cache: &'a Cache,
    pub stack: &'a StackKey,
    pub uid: &'a str,
}

/// What a decision rests on, and the cached objects that it was made from.
pub struct Sight {
    pub live: Live,
    pub unseen: Unseen,
    pub cached: BTreeMap<Key, Arc<Seen>>,
}

impl Viewer<'_> {
    /// Drops from memory what the caches have caught up with, and gives what is known now. `wanted` are the keys of the desired objects.
    pub fn observe(&self, memory: &mut Memory, wanted: &BTreeSet<&Key>) -> Sight {
        memory.written.retain(|key, seen| !self.cache.has_reached(key.kind, seen.resource_version.parse().unwrap_or_default()));
        let names = wanted.iter().copied().chain(memory.written.keys()).chain(memory.deleted.keys());
        let cached = self.cache.objects(self.stack, names);
        memory
            .deleted
            .retain(|key, uid| memory.written.contains_key(key) || cached.get(key).is_some_and(|seen| seen.uid == *uid && !seen.deleting));
        memory.probed.retain(|key, _| !cached.contains_key(key));
        let mut objects = BTreeMap::new();
        for (key, seen) in &cached {
            let live = self.live(key.kind, seen);
            if live.whose == Observed::Ours || wanted.contains(key) {
                objects.insert(key.clone(), live);
            }
        }
        let written = memory.written.iter().map(|(key, seen)| (key.clone(), self.live(key.kind, seen)));
        let unseen = Unseen { written: written.collect(), deleted: memory.deleted.clone(), answers: memory.answers.clone() };
        let live = Live { objects, probed: memory.probed.clone(), pods: self.cache.pods(self.stack) };
        Sight { live, unseen, cached }
    }

    /// An object that stands in the way of a create, as a read showed it.
    pub fn probed(&self, kind: Kind, seen: &Seen, now: Timestamp) -> Probed {
        Probed { object: self.live(kind, seen), labelled: seen.labelled, at: now }
    }

    fn live(&self, kind: Kind, seen: &Seen) -> LiveObject {
        LiveObject {
            uid: seen.uid.clone(),
            resource_version: seen.resource_version.clone(),
            whose: self.whose(kind, seen),
            deleting: seen.deleting,
            inputs: seen.inputs.clone(),
            service: seen.service.clone(),
            restarted_for: seen.restarted_for.clone(),
            fields: seen.fields.clone(),
            changed_by: seen.changed_by.clone(),
            headless: seen.headless,
            address: seen.address.clone(),
            state: seen.state.clone(),
        }
    }

    fn whose(&self, kind: Kind, seen: &Seen) -> Observed {
        match &seen.owner {
            Owner::Stack { uid, .. } if uid == self.uid && kind != Kind::PersistentVolumeClaim => Observed::Ours,
            Owner::Claim { stack } if *stack == self.stack.name => Observed::Ours,
            Owner::Stack { uid, .. } if !self.cache.is_alive(uid) => Observed::Orphan,
            Owner::Stack { name, .. } | Owner::Claim { stack: name } => Observed::Foreign(format!("ComposeStack {name}")),
            Owner::Other { kind, name } => Observed::Foreign(format!("{kind} {name}")),
            Owner::Nobody if seen.adopt.as_deref() == Some(&self.stack.name) => Observed::Adoptable,
            Owner::Nobody => Observed::Foreign("nobody".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::view::WorkloadView;
    use crate::telemetry::metrics::Metrics;

    use super::*;

    fn seen(owner: Owner, adopt: Option<&str>) -> Seen {
        Seen {
            uid: "u".to_owned(),
            resource_version: "1".to_owned(),
            owner,
            adopt: adopt.map(str::to_owned),
            deleting: false,
            labelled: true,
            inputs: None,
            service: None,
            restarted_for: None,
            layout: None,
            fields: None,
            posted: false,
            changed_by: None,
            headless: None,
            address: None,
            state: WorkloadView::None,
        }
    }

    #[track_caller]
    fn check(kind: Kind, owner: Owner, adopt: Option<&str>, expected: &Observed) {
        let cache = Cache::new(Box::new(|_| {}), Metrics::default());
        let stack = StackKey::new("team", "shop");
        let viewer = Viewer { cache: &cache, stack: &stack, uid: "shop-uid" };
        assert_eq!(viewer.whose(kind, &seen(owner, adopt)), *expected);
    }

    fn stack(uid: &str) -> Owner {
        Owner::Stack { name: "shop".to_owned(), uid: uid.to_owned() }
    }

    #[test]
    fn the_uid_of_the_owner_decides() {
        check(Kind::Service, stack("shop-uid"), None, &Observed::Ours);
        check(Kind::Service, stack("uid-of-a-predecessor"), None, &Observed::Orphan);
    }

    #[test]
    fn claims_go_by_annotations() {
        check(Kind::PersistentVolumeClaim, Owner::Claim { stack: "shop".to_owned() }, None, &Observed::Ours);
        let other = Observed::Foreign("ComposeStack blog".to_owned());
        check(Kind::PersistentVolumeClaim, Owner::Claim { stack: "blog".to_owned() }, None, &other);
    }

    #[test]
    fn what_is_not_ours_names_its_owner_and_is_adopted_only_when_free() {
        let owner = Owner::Other { kind: "Deployment".to_owned(), name: "nginx".to_owned() };
        check(Kind::Service, owner.clone(), None, &Observed::Foreign("Deployment nginx".to_owned()));
        check(Kind::Service, owner, Some("shop"), &Observed::Foreign("Deployment nginx".to_owned()));
        check(Kind::Service, Owner::Nobody, Some("shop"), &Observed::Adoptable);
        check(Kind::Service, Owner::Nobody, Some("blog"), &Observed::Foreign("nobody".to_owned()));
    }
}

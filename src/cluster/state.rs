//! What the caches hold, as plain data: no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::{Resource, ResourceExt};

use crate::api::keys;
use crate::translate::{Key, Kind};

use super::StackKey;
use super::pod::PodObjectView;
use super::references::{Reference, ReferenceKind, References, Version, version};
use super::stack::{RawStack, StackEntry};
use super::view::{PodView, Seen, View, of_metadata};

/// Stacks to look at.
pub(super) type Wakes = BTreeSet<StackKey>;

/// Namespace and name; the namespace of a cluster-wide object is empty.
pub(super) type Id = (String, String);

#[derive(Debug, Default)]
pub(super) struct State {
    pub stacks: BTreeMap<StackKey, Arc<StackEntry>>,
    pub uids: BTreeMap<String, StackKey>,
    pub namespaces: BTreeMap<String, NamespaceView>,
    pub objects: BTreeMap<String, BTreeMap<Key, Arc<Seen>>>,
    pub by_stack: BTreeMap<StackKey, BTreeSet<Key>>,
    pub pods: BTreeMap<StackKey, BTreeMap<String, PodEntry>>,
    pub references: References,
    /// How far the watch of each kind has come.
    pub marks: BTreeMap<Kind, u64>,
    /// Kinds of others (custom resources) that the cluster doesn't serve.
    pub unserved: BTreeSet<Kind>,
    /// Stacks for which an object of somebody else stands in the way.
    pub obstructed: BTreeSet<StackKey>,
}

/// A namespace, as little of it as is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceView {
    pub terminating: bool,
    /// The keys of its labels that offer external networks.
    pub networks: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PodEntry {
    /// Label `compose-operator.dev/service`.
    pub service: String,
    pub view: PodView,
}

/// A kind that is watched, and what its events do to the state.
pub(super) trait Row: Resource<DynamicType = ()> {
    /// The kind's name in the Kubernetes API.
    const NAME: &'static str;
    /// The owned kind that it is, where it is one.
    const OWNED: Option<Kind>;

    fn put(self, state: &mut State, wakes: &mut Wakes);
    fn remove(id: &Id, version: u64, state: &mut State, wakes: &mut Wakes);
    /// All that the state holds of this kind.
    fn held(state: &State) -> Vec<Id>;
}

pub(super) fn id_of(meta: &ObjectMeta) -> Id {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

impl View for PartialObjectMeta<ConfigMap> {
    const KIND: Kind = Kind::ConfigMap;

    fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl View for PartialObjectMeta<Secret> {
    const KIND: Kind = Kind::Secret;

    fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl View for PartialObjectMeta<NetworkPolicy> {
    const KIND: Kind = Kind::NetworkPolicy;

    fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl View for PartialObjectMeta<PodDisruptionBudget> {
    const KIND: Kind = Kind::PodDisruptionBudget;

    fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl View for PartialObjectMeta<Ingress> {
    const KIND: Kind = Kind::Ingress;

    fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl<V: View> Row for V {
    const NAME: &'static str = V::KIND.as_str();
    const OWNED: Option<Kind> = Some(V::KIND);

    fn put(self, state: &mut State, wakes: &mut Wakes) {
        let (namespace, name) = id_of(self.meta());
        let seen = self.seen();
        if let Some(kind) = reference_kind(V::KIND) {
            let at = Version::At(version(Some(&seen.resource_version)));
            wakes.extend(state.references.note(&namespace, Reference::new(kind, name.clone()), at));
        }
        let key = Key::new(V::KIND, name);
        if seen.labelled || seen.adopt.is_some() || seen.owner.stack().is_some() {
            state.put_object(&namespace, key, seen, wakes);
        } else {
            state.remove_object(&namespace, &key, wakes);
        }
    }

    fn remove((namespace, name): &Id, version: u64, state: &mut State, wakes: &mut Wakes) {
        if let Some(kind) = reference_kind(V::KIND) {
            wakes.extend(state.references.note(namespace, Reference::new(kind, name.clone()), Version::Gone(version)));
        }
        state.remove_object(namespace, &Key::new(V::KIND, name.clone()), wakes);
    }

    fn held(state: &State) -> Vec<Id> {
        let objects = state.objects.iter().flat_map(|(namespace, objects)| {
            objects.keys().filter(|k| k.kind == V::KIND).map(move |k| (namespace.clone(), k.name.clone()))
        });
        let named = reference_kind(V::KIND).map(|kind| state.references.of_kind(kind)).unwrap_or_default();
        objects.chain(named.into_iter().map(|(namespace, reference)| (namespace, reference.name))).collect()
    }
}

fn reference_kind(kind: Kind) -> Option<ReferenceKind> {
    match kind {
        Kind::ConfigMap => Some(ReferenceKind::ConfigMap),
        Kind::Secret => Some(ReferenceKind::Secret),
        Kind::PersistentVolumeClaim => Some(ReferenceKind::PersistentVolumeClaim),
        _ => None,
    }
}

impl Row for PodObjectView {
    const NAME: &'static str = "Pod";
    const OWNED: Option<Kind> = None;

    fn put(self, state: &mut State, wakes: &mut Wakes) {
        let (namespace, name) = id_of(&self.metadata);
        let (Some(stack), Some(service)) = (self.stack(), self.service()) else { return };
        let stack = StackKey::new(namespace, stack.clone());
        let entry = PodEntry { service: service.clone(), view: self.view() };
        let pods = state.pods.entry(stack.clone()).or_default();
        if pods.get(&name) != Some(&entry) {
            pods.insert(name, entry);
            wakes.insert(stack);
        }
    }

    fn remove((namespace, name): &Id, _: u64, state: &mut State, wakes: &mut Wakes) {
        let in_namespace = state.pods.range_mut(StackKey::new(namespace.clone(), "")..).take_while(|(k, _)| k.namespace == *namespace);
        let mut emptied = None;
        for (stack, pods) in in_namespace {
            if pods.remove(name).is_some() {
                wakes.insert(stack.clone());
                emptied = pods.is_empty().then(|| stack.clone());
                break;
            }
        }
        if let Some(stack) = emptied {
            state.pods.remove(&stack);
        }
    }

    fn held(state: &State) -> Vec<Id> {
        state.pods.iter().flat_map(|(stack, pods)| pods.keys().map(|name| (stack.namespace.clone(), name.clone()))).collect()
    }
}

impl Row for RawStack {
    const NAME: &'static str = "ComposeStack";
    const OWNED: Option<Kind> = None;

    fn put(self, state: &mut State, wakes: &mut Wakes) {
        let (namespace, name) = id_of(&self.metadata);
        let key = StackKey::new(namespace, name);
        let entry = StackEntry::from(self);
        let uid = entry.uid().to_owned();
        let old = state.stacks.insert(key.clone(), Arc::new(entry));
        let new = &state.stacks[&key];
        // Our own writes of status come back as events; they need no look.
        if old.as_ref().is_none_or(|old| is_news(&old.stack.metadata, &new.stack.metadata)) {
            wakes.insert(key.clone());
        }
        if let Some(old) = old.filter(|old| old.uid() != uid) {
            state.uids.remove(old.uid());
        }
        state.uids.insert(uid, key);
    }

    fn remove((namespace, name): &Id, _: u64, state: &mut State, wakes: &mut Wakes) {
        let key = StackKey::new(namespace.clone(), name.clone());
        if let Some(old) = state.stacks.remove(&key) {
            state.uids.remove(old.uid());
            state.references.set(&key, BTreeSet::new());
            state.obstructed.remove(&key);
            wakes.insert(key);
        }
    }

    fn held(state: &State) -> Vec<Id> {
        state.stacks.keys().map(|k| (k.namespace.clone(), k.name.clone())).collect()
    }
}

fn is_news(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    old.uid != new.uid
        || old.generation != new.generation
        || old.deletion_timestamp != new.deletion_timestamp
        || old.annotations != new.annotations
}

impl Row for PartialObjectMeta<Namespace> {
    const NAME: &'static str = "Namespace";
    const OWNED: Option<Kind> = None;

    fn put(self, state: &mut State, wakes: &mut Wakes) {
        let networks = self.labels().keys().filter(|l| l.starts_with(keys::NAMESPACE_NETWORK_PREFIX)).cloned().collect();
        let view = NamespaceView { terminating: self.metadata.deletion_timestamp.is_some(), networks };
        let name = self.name_any();
        if state.namespaces.get(&name) != Some(&view) {
            wakes.extend(state.stacks_of(&name));
            state.namespaces.insert(name, view);
        }
    }

    fn remove((_, name): &Id, _: u64, state: &mut State, _: &mut Wakes) {
        state.namespaces.remove(name);
    }

    fn held(state: &State) -> Vec<Id> {
        state.namespaces.keys().map(|name| (String::new(), name.clone())).collect()
    }
}

impl State {
    /// The stacks of one namespace.
    pub fn stacks_of(&self, namespace: &str) -> Vec<StackKey> {
        let from = StackKey::new(namespace, "");
        self.stacks.range(from..).take_while(|(k, _)| k.namespace == namespace).map(|(k, _)| k.clone()).collect()
    }

    fn put_object(&mut self, namespace: &str, key: Key, seen: Seen, wakes: &mut Wakes) {
        let stack = seen.owner.stack().map(|name| StackKey::new(namespace, name));
        let objects = self.objects.entry(namespace.to_owned()).or_default();
        let old = objects.get(&key);
        let old_stack = old.and_then(|o| o.owner.stack()).map(|name| StackKey::new(namespace, name));
        if old.is_none_or(|old| !same_but_for_version(old, &seen)) {
            wakes.extend(stack.clone());
            wakes.extend(old_stack.clone());
        }
        if old_stack != stack
            && let Some(left) = &old_stack
        {
            remove_from(&mut self.by_stack, left, &key);
        }
        if let Some(stack) = stack {
            self.by_stack.entry(stack).or_default().insert(key.clone());
        }
        objects.insert(key, Arc::new(seen));
    }

    fn remove_object(&mut self, namespace: &str, key: &Key, wakes: &mut Wakes) {
        let Some(objects) = self.objects.get_mut(namespace) else { return };
        let Some(old) = objects.remove(key) else { return };
        if objects.is_empty() {
            self.objects.remove(namespace);
        }
        if let Some(stack) = old.owner.stack().map(|name| StackKey::new(namespace, name)) {
            remove_from(&mut self.by_stack, &stack, key);
            wakes.insert(stack);
        }
        // What stood in somebody's way may have gone.
        wakes.extend(self.obstructed.iter().filter(|s| s.namespace == namespace).cloned());
    }
}

fn remove_from(by_stack: &mut BTreeMap<StackKey, BTreeSet<Key>>, stack: &StackKey, key: &Key) {
    if let Some(keys) = by_stack.get_mut(stack) {
        keys.remove(key);
        if keys.is_empty() {
            by_stack.remove(stack);
        }
    }
}

fn same_but_for_version(old: &Seen, new: &Seen) -> bool {
    old.uid == new.uid
        && old.owner == new.owner
        && old.adopt == new.adopt
        && old.deleting == new.deleting
        && old.labelled == new.labelled
        && old.inputs == new.inputs
        && old.service == new.service
        && old.restarted_for == new.restarted_for
        && old.layout == new.layout
        && old.fields == new.fields
        && old.posted == new.posted
        && old.headless == new.headless
        && old.address == new.address
        && old.state == new.state
}

//! The caches: one list and watch per kind, each object reduced to what decisions need.
//!
//! A watch that breaks is resumed by itself; it is logged and slows nothing else. What a new list no longer has counts as deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::api::keys;
use crate::telemetry::metrics::{self, Metrics};
use crate::translate::{Key, Kind, OPTIONAL};

use super::StackKey;
use super::client::describe;
use super::pod::PodObjectView;
use super::references::{Reference, Version, version};
use super::retry::WatchRetry;
use super::stack::{RawStack, StackEntry};
use super::state::{Id, Row, State, Wakes, id_of};
use super::view::{
    AutoscalerView, ClaimView, CronJobView, DaemonSetView, DeploymentView, HttpRouteView, JobObjectView, PodView, Seen, ServiceObjectView,
    StatefulSetView,
};

pub use super::state::NamespaceView;

/// How often a kind of others is asked for that the cluster doesn't serve.
const UNSERVED_PERIOD: Duration = Duration::from_secs(15);

/// After so long a watch is begun anew where it was: a connection that is dead without a word is found out within a minute.
const WATCH_SECONDS: u32 = 50;

/// Called with each stack that has to be looked at.
pub type Wake = Box<dyn Fn(StackKey) + Send + Sync>;

/// What the watches have shown so far.
pub struct Cache {
    state: RwLock<State>,
    /// How many watches have had their first list.
    listed: tokio::sync::watch::Sender<usize>,
    /// How many watches there are.
    watches: OnceLock<usize>,
    wake: Wake,
    metrics: Metrics,
}

impl Cache {
    pub fn new(wake: Wake, metrics: Metrics) -> Self {
        Self { state: RwLock::default(), listed: tokio::sync::watch::Sender::new(0), watches: OnceLock::new(), wake, metrics }
    }

    /// Follows every kind, but for those that the administrator does `without`, until the set of tasks is dropped.
    pub fn follow(self: &Arc<Self>, client: &Client, without: &BTreeSet<Kind>) -> JoinSet<()> {
        let ours = format!("{}={}", keys::MANAGED_BY, keys::MANAGED_BY_VALUE);
        let all = watcher::Config::default().timeout(WATCH_SECONDS);
        let owned = all.clone().labels(&ours);
        let mut tasks = JoinSet::new();
        self.follow_one::<RawStack>(&mut tasks, client, all.clone());
        self.follow_one::<PartialObjectMeta<Namespace>>(&mut tasks, client, all.clone());
        self.follow_one::<PodObjectView>(&mut tasks, client, all.clone().labels(keys::STACK));
        // All of these three: stacks name some that are not ours. What nobody names is dropped when it comes in.
        self.follow_one::<PartialObjectMeta<ConfigMap>>(&mut tasks, client, all.clone());
        self.follow_one::<PartialObjectMeta<Secret>>(&mut tasks, client, all.clone());
        self.follow_one::<ClaimView>(&mut tasks, client, all);
        self.follow_one::<PartialObjectMeta<NetworkPolicy>>(&mut tasks, client, owned.clone());
        self.follow_one::<ServiceObjectView>(&mut tasks, client, owned.clone());
        self.follow_one::<DeploymentView>(&mut tasks, client, owned.clone());
        self.follow_one::<DaemonSetView>(&mut tasks, client, owned.clone());
        self.follow_one::<JobObjectView>(&mut tasks, client, owned.clone());
        self.follow_one::<StatefulSetView>(&mut tasks, client, owned.clone());
        self.follow_one::<CronJobView>(&mut tasks, client, owned.clone());
        for kind in OPTIONAL.into_iter().filter(|kind| !without.contains(kind)) {
            match kind {
                Kind::HorizontalPodAutoscaler => self.follow_one::<AutoscalerView>(&mut tasks, client, owned.clone()),
                Kind::PodDisruptionBudget => self.follow_one::<PartialObjectMeta<PodDisruptionBudget>>(&mut tasks, client, owned.clone()),
                Kind::Ingress => self.follow_one::<PartialObjectMeta<Ingress>>(&mut tasks, client, owned.clone()),
                _ => self.follow_if_served::<HttpRouteView>(&mut tasks, client, owned.clone()),
            }
        }
        let _ = self.watches.set(tasks.len());
        tasks
    }

    /// Waits until every watch has had its first list.
    pub async fn filled(&self) {
        // The sender lives as long as the cache, so waiting can't fail.
        let _ = self.listed.subscribe().wait_for(|n| self.watches.get() == Some(n)).await;
    }

    pub fn stack(&self, key: &StackKey) -> Option<Arc<StackEntry>> {
        self.read().stacks.get(key).cloned()
    }

    pub fn stacks(&self) -> Vec<Arc<StackEntry>> {
        self.read().stacks.values().cloned().collect()
    }

    /// The stacks of one namespace.
    pub fn stacks_of(&self, namespace: &str) -> Vec<StackKey> {
        self.read().stacks_of(namespace)
    }

    /// Whether a stack of this uid exists.
    pub fn is_alive(&self, uid: &str) -> bool {
        self.read().uids.contains_key(uid)
    }

    pub fn namespace(&self, name: &str) -> NamespaceView {
        self.read().namespaces.get(name).cloned().unwrap_or_default()
    }

    /// The objects that say they belong to a stack of this name, and those that bear one of `names`.
    pub fn objects<'a>(&self, stack: &StackKey, names: impl Iterator<Item = &'a Key>) -> BTreeMap<Key, Arc<Seen>> {
        let state = self.read();
        let Some(objects) = state.objects.get(&stack.namespace) else { return BTreeMap::new() };
        let held = |key: &Key| Some((key.clone(), objects.get(key)?.clone()));
        let own = state.by_stack.get(stack).into_iter().flatten().filter_map(held);
        own.chain(names.filter_map(held)).collect()
    }

    /// The pods of a stack, by the label `compose-operator.dev/service`.
    pub fn pods(&self, stack: &StackKey) -> BTreeMap<String, Vec<PodView>> {
        let mut by_service = BTreeMap::<String, Vec<PodView>>::new();
        for entry in self.read().pods.get(stack).into_iter().flat_map(BTreeMap::values) {
            by_service.entry(entry.service.clone()).or_default().push(entry.view.clone());
        }
        by_service
    }

    /// Whether the watch of a kind has come as far as this resourceVersion: an object written at it stands in the cache, or somebody has
    /// deleted it since.
    pub fn has_reached(&self, kind: Kind, version: u64) -> bool {
        self.read().marks.get(&kind).is_some_and(|mark| *mark >= version)
    }

    /// Replaces what a stack names, so that it is woken when one of these changes.
    pub fn refer(&self, stack: &StackKey, references: BTreeSet<Reference>) {
        self.write().references.set(stack, references);
    }

    pub fn version(&self, namespace: &str, reference: &Reference) -> Version {
        self.read().references.version(namespace, reference)
    }

    /// Whether to wake this stack whenever an object goes that could have stood in its way.
    pub fn set_obstructed(&self, stack: &StackKey, obstructed: bool) {
        if self.read().obstructed.contains(stack) != obstructed {
            let mut state = self.write();
            if obstructed {
                state.obstructed.insert(stack.clone());
            } else {
                state.obstructed.remove(stack);
            }
        }
    }

    fn follow_one<K>(self: &Arc<Self>, tasks: &mut JoinSet<()>, client: &Client, config: watcher::Config)
    where
        K: Row + Resource + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let (cache, api) = (self.clone(), Api::<K>::all(client.clone()));
        tasks.spawn(async move { cache.watch(api, config, &mut false).await });
    }

    /// Follows a kind of others, of which the cluster may know nothing: today, or from now on.
    fn follow_if_served<K>(self: &Arc<Self>, tasks: &mut JoinSet<()>, client: &Client, config: watcher::Config)
    where
        K: Row + Resource + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let (cache, client) = (self.clone(), client.clone());
        tasks.spawn(async move {
            let mut listed = false;
            loop {
                let served = is_served::<K>(&client).await;
                cache.set_served::<K>(served);
                if served {
                    cache.watch(Api::<K>::all(client.clone()), config.clone(), &mut listed).await;
                } else {
                    cache.note_listed(&mut listed);
                }
                tokio::time::sleep(UNSERVED_PERIOD).await;
            }
        });
    }

    /// Takes in the events of a kind, for as long as the cluster serves it.
    async fn watch<K>(&self, api: Api<K>, config: watcher::Config, listed: &mut bool)
    where
        K: Row + Resource + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let kind = K::NAME;
        let events = watch(api, config).backoff(WatchRetry::default());
        pin_mut!(events);
        let mut list = None;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let done = matches!(event, Event::InitDone);
                    self.take(event, &mut list);
                    if done {
                        self.note_listed(listed);
                    }
                }
                Err(error) => {
                    self.metrics.watch_errors.get_or_create(&metrics::Watch { kind }).inc();
                    tracing::warn!(kind, error = reason(&error), "watch failed");
                    if is_unknown(&error) && K::OWNED.is_some_and(Kind::is_optional) {
                        return;
                    }
                }
            }
        }
    }

    fn note_listed(&self, listed: &mut bool) {
        if !std::mem::replace(listed, true) {
            self.listed.send_modify(|n| *n += 1);
        }
    }

    /// Whether the cluster serves a kind of others; a change is told to every stack.
    fn set_served<K: Row>(&self, served: bool) {
        let Some(kind) = K::OWNED else { return };
        let mut wakes = Wakes::new();
        {
            let mut state = self.write();
            let changed = if served { state.unserved.remove(&kind) } else { state.unserved.insert(kind) };
            if changed {
                tracing::info!(%kind, served, "the cluster's kinds have changed");
                wakes.extend(state.stacks.keys().cloned());
            }
            if changed && !served {
                for id in K::held(&state) {
                    K::remove(&id, 0, &mut state, &mut wakes);
                }
            }
        }
        for stack in wakes {
            (self.wake)(stack);
        }
    }

    /// Kinds of others that the cluster doesn't serve.
    pub fn unserved(&self) -> BTreeSet<Kind> {
        self.read().unserved.clone()
    }

    fn take<K: Row>(&self, event: Event<K>, list: &mut Option<List>) {
        let mut wakes = Wakes::new();
        {
            let mut state = self.write();
            match event {
                Event::Init => *list = Some(List::default()),
                Event::InitApply(object) => {
                    let list = list.get_or_insert_default();
                    list.seen.insert(id_of(object.meta()));
                    list.mark = list.mark.max(version(object.meta().resource_version.as_deref()));
                    object.put(&mut state, &mut wakes);
                }
                Event::InitDone => {
                    let done = list.take().unwrap_or_default();
                    for id in K::held(&state) {
                        if !done.seen.contains(&id) {
                            K::remove(&id, 0, &mut state, &mut wakes);
                        }
                    }
                    advance::<K>(&mut state, done.mark);
                }
                Event::Apply(object) => {
                    advance::<K>(&mut state, version(object.meta().resource_version.as_deref()));
                    object.put(&mut state, &mut wakes);
                }
                Event::Delete(object) => {
                    let at = version(object.meta().resource_version.as_deref());
                    advance::<K>(&mut state, at);
                    K::remove(&id_of(object.meta()), at, &mut state, &mut wakes);
                }
            }
        }
        for stack in wakes {
            (self.wake)(stack);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list that is coming in.
#[derive(Debug, Default)]
struct List {
    seen: BTreeSet<Id>,
    mark: u64,
}

/// Whether the API server serves the kind; where it doesn't answer, it does: the watch will tell.
async fn is_served<K: Resource<DynamicType = ()>>(client: &Client) -> bool {
    match client.list_api_group_resources(&K::api_version(&())).await {
        Ok(known) => known.resources.iter().any(|resource| resource.name == K::plural(&())),
        Err(kube::Error::Api(status)) => status.code != 404,
        Err(_) => true,
    }
}

/// Whether a watch failed because the API server doesn't know the kind.
fn is_unknown(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))
    | watcher::Error::WatchFailed(kube::Error::Api(status))
    | watcher::Error::WatchError(status)) = error
    else {
        return false;
    };
    status.code == 404
}

fn advance<K: Row>(state: &mut State, version: u64) {
    if let Some(kind) = K::OWNED {
        let mark = state.marks.entry(kind).or_default();
        *mark = version.max(*mark);
    }
}

fn reason(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(e) | watcher::Error::WatchStartFailed(e) | watcher::Error::WatchFailed(e) => describe(e),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests;

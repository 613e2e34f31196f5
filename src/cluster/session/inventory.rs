//! What there is of a stack, and what is left of it, as watches show it.

use std::collections::BTreeMap;

use futures::stream::{BoxStream, SelectAll};
use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::discovery::ApiResource;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};

use crate::api::keys;
use crate::cluster::client::{Class, Error};
use crate::cluster::retry::WatchRetry;
use crate::translate::{HttpRoute, Kind};

use super::Session;
use super::written::refusal;

/// Kinds of pods and of what makes them.
pub const PROCESSES: [&str; 7] = ["Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

type Seen = (usize, Result<Event<PartialObjectMeta<DynamicObject>>, watcher::Error>);

/// Objects with the label of a stack, of some kinds. Kinds that the cluster doesn't have, or that the user may not see, count as none.
pub struct Inventory {
    changes: SelectAll<BoxStream<'static, Seen>>,
    kinds: Vec<Held>,
}

#[derive(Debug, Default)]
struct Held {
    kind: String,
    /// Whether all of them have been seen once.
    listed: bool,
    there: BTreeMap<String, ObjectMeta>,
    /// Those of a list that isn't complete yet.
    coming: BTreeMap<String, ObjectMeta>,
}

impl Session {
    /// The pods of a stack.
    pub fn pods_of(&self, stack: &str) -> Inventory {
        self.inventory(stack, vec![ApiResource::erase::<Pod>(&())])
    }

    /// The claims with a stack's label.
    pub fn claims_of(&self, stack: &str) -> Inventory {
        self.inventory(stack, vec![ApiResource::erase::<PersistentVolumeClaim>(&())])
    }

    /// All that a stack became, but for claims.
    pub fn objects_of(&self, stack: &str) -> Inventory {
        let owned = crate::translate::KINDS.into_iter().filter(|kind| *kind != Kind::PersistentVolumeClaim).map(resource);
        self.inventory(stack, owned.chain([ApiResource::erase::<ReplicaSet>(&()), ApiResource::erase::<Pod>(&())]).collect())
    }

    fn inventory(&self, stack: &str, resources: Vec<ApiResource>) -> Inventory {
        let config = watcher::Config::default().labels(&format!("{}={stack}", keys::STACK));
        let mut changes = SelectAll::new();
        for (index, resource) in resources.iter().enumerate() {
            let api: Api<PartialObjectMeta<DynamicObject>> = Api::namespaced_with(self.client.clone(), &self.namespace, resource);
            changes.push(watch(api, config.clone()).backoff(WatchRetry::default()).map(move |event| (index, event)).boxed());
        }
        // Once all watches have ended there is nothing more to come, and not the end of the inventory.
        changes.push(stream::pending().boxed());
        let kinds = resources.into_iter().map(|resource| Held { kind: resource.kind, ..Held::default() }).collect();
        Inventory { changes, kinds }
    }
}

impl Inventory {
    /// Waits until something has changed, or the lists are complete.
    ///
    /// # Errors
    /// Where the API server refuses a watch of what it would let the user see.
    pub async fn changed(&mut self) -> Result<(), Error> {
        while let Some((index, event)) = self.changes.next().await {
            let Some(held) = self.kinds.get_mut(index) else { continue };
            let is_news = match event {
                Ok(event) => held.note(event),
                Err(error) => match refusal("objects of", &held.kind, &error) {
                    None => false,
                    Some(error) if matches!(error.class(), Class::Forbidden | Class::Missing) => {
                        *held = Held { kind: std::mem::take(&mut held.kind), listed: true, ..Held::default() };
                        true
                    }
                    Some(error) => return Err(error),
                },
            };
            if is_news && self.is_complete() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether everything has been seen.
    pub fn is_complete(&self) -> bool {
        self.kinds.iter().all(|held| held.listed)
    }

    /// The objects, each with its kind.
    pub fn all(&self) -> impl Iterator<Item = (&str, &ObjectMeta)> {
        self.kinds.iter().flat_map(|held| held.there.values().map(|meta| (held.kind.as_str(), meta)))
    }
}

impl Held {
    /// Takes in a change; whether it is to be looked at.
    fn note(&mut self, event: Event<PartialObjectMeta<DynamicObject>>) -> bool {
        let named = |object: PartialObjectMeta<DynamicObject>| (object.metadata.name.clone().unwrap_or_default(), object.metadata);
        match event {
            Event::Init => self.coming.clear(),
            Event::InitApply(object) => self.coming.extend([named(object)]),
            Event::InitDone => {
                self.there = std::mem::take(&mut self.coming);
                self.listed = true;
            }
            Event::Apply(object) => self.there.extend([named(object)]),
            Event::Delete(object) => {
                self.there.remove(&named(object).0);
            }
        }
        self.listed && self.coming.is_empty()
    }
}

fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        Kind::Secret => ApiResource::erase::<Secret>(&()),
        Kind::PersistentVolumeClaim => ApiResource::erase::<PersistentVolumeClaim>(&()),
        Kind::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
        Kind::Service => ApiResource::erase::<Service>(&()),
        Kind::Deployment => ApiResource::erase::<Deployment>(&()),
        Kind::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
        Kind::Job => ApiResource::erase::<Job>(&()),
        Kind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        Kind::CronJob => ApiResource::erase::<CronJob>(&()),
        Kind::HorizontalPodAutoscaler => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
        Kind::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
        Kind::Ingress => ApiResource::erase::<Ingress>(&()),
        Kind::HttpRoute => ApiResource::erase::<HttpRoute>(&()),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::PartialObjectMetaExt;

    use super::*;

    fn object(name: &str) -> PartialObjectMeta<DynamicObject> {
        ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }.into_response_partial()
    }

    #[test]
    fn what_a_later_list_lacks_has_gone() {
        let mut held = Held::default();
        let mut names = |events: Vec<Event<PartialObjectMeta<DynamicObject>>>| {
            let last = events.into_iter().map(|event| held.note(event)).last();
            (last, held.there.keys().cloned().collect::<Vec<_>>().join(" "))
        };
        let list = vec![Event::Init, Event::InitApply(object("a")), Event::InitApply(object("b"))];
        assert_eq!(names(list), (Some(false), String::new()));
        assert_eq!(names(vec![Event::InitDone]), (Some(true), "a b".to_owned()));
        assert_eq!(names(vec![Event::Apply(object("c")), Event::Delete(object("a"))]), (Some(true), "b c".to_owned()));
        assert_eq!(names(vec![Event::Init, Event::InitApply(object("c"))]), (Some(false), "b c".to_owned()));
        assert_eq!(names(vec![Event::InitDone]), (Some(true), "c".to_owned()));
    }
}

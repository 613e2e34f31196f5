#![allow(clippy::unwrap_used)]
use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::references::ReferenceKind;
use super::*;

/// A cache and the stacks that it has asked to look at.
struct Fixture {
    cache: Cache,
    woken: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    fn new() -> Self {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let log = woken.clone();
        let cache = Cache::new(Box::new(move |stack| log.lock().unwrap().push(stack.to_string())), Metrics::default());
        Self { cache, woken }
    }

    fn put<K: Row + DeserializeOwned>(&self, object: &Value) {
        self.cache.take(Event::Apply(serde_json::from_value::<K>(object.clone()).unwrap()), &mut None);
    }

    fn delete<K: Row + DeserializeOwned>(&self, object: &Value) {
        self.cache.take(Event::Delete(serde_json::from_value::<K>(object.clone()).unwrap()), &mut None);
    }

    fn list<K: Row + DeserializeOwned>(&self, objects: &[Value]) {
        let mut list = None;
        self.cache.take(Event::<K>::Init, &mut list);
        for object in objects {
            self.cache.take(Event::InitApply(serde_json::from_value::<K>(object.clone()).unwrap()), &mut list);
        }
        self.cache.take(Event::<K>::InitDone, &mut list);
    }

    #[track_caller]
    fn wakes(&self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut *self.woken.lock().unwrap()), expected);
    }
}

fn shop() -> StackKey {
    StackKey::new("team", "shop")
}

fn deployment(version: u64, ready: i32) -> Value {
    json!({
        "metadata": {
            "name": "web", "namespace": "team", "uid": "web-uid", "resourceVersion": version.to_string(),
            "labels": { "app.kubernetes.io/managed-by": "compose-operator", "compose-operator.dev/service": "web" },
            "annotations": { "compose-operator.dev/inputs": "abc" },
            "ownerReferences": [{ "apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "name": "shop", "uid": "shop-uid", "controller": true }],
        },
        "spec": { "replicas": 2 },
        "status": { "readyReplicas": ready },
    })
}

fn stack(generation: i64, version: u64, summary: &str) -> Value {
    json!({
        "metadata": { "name": "shop", "namespace": "team", "uid": "shop-uid", "generation": generation, "resourceVersion": version.to_string() },
        "spec": { "compose": "services: {}" },
        "status": { "summary": summary },
    })
}

fn settings(version: u64) -> Value {
    json!({ "metadata": { "name": "settings", "namespace": "team", "uid": "s", "resourceVersion": version.to_string() } })
}

#[test]
fn a_change_that_a_decision_would_see_wakes_the_owner_and_no_other_does() {
    let fixture = Fixture::new();
    fixture.put::<DeploymentView>(&deployment(1, 0));
    fixture.wakes(&["team/shop"]);
    fixture.put::<DeploymentView>(&deployment(2, 0));
    fixture.wakes(&[]);
    fixture.put::<DeploymentView>(&deployment(3, 2));
    fixture.wakes(&["team/shop"]);
    let objects = fixture.cache.objects(&shop(), std::iter::empty());
    assert_eq!(objects[&Key::new(Kind::Deployment, "web")].resource_version, "3");
}

#[test]
fn a_stack_does_not_wake_for_its_own_status() {
    let fixture = Fixture::new();
    fixture.put::<RawStack>(&stack(1, 1, "0/1"));
    fixture.wakes(&["team/shop"]);
    fixture.put::<RawStack>(&stack(1, 2, "1/1"));
    fixture.wakes(&[]);
    assert_eq!(fixture.cache.stack(&shop()).unwrap().stack.status.as_ref().unwrap().summary.as_deref(), Some("1/1"));
    fixture.put::<RawStack>(&stack(2, 3, "1/1"));
    fixture.wakes(&["team/shop"]);
}

#[test]
fn what_a_new_list_no_longer_has_is_deleted() {
    let fixture = Fixture::new();
    fixture.put::<DeploymentView>(&deployment(1, 0));
    fixture.wakes(&["team/shop"]);
    fixture.list::<DeploymentView>(&[]);
    fixture.wakes(&["team/shop"]);
    assert!(fixture.cache.objects(&shop(), std::iter::empty()).is_empty());
}

#[test]
fn a_write_is_seen_once_its_kind_has_come_so_far() {
    let fixture = Fixture::new();
    assert!(!fixture.cache.has_reached(Kind::Deployment, 5));
    fixture.put::<DeploymentView>(&deployment(4, 0));
    assert!(!fixture.cache.has_reached(Kind::Deployment, 5));
    // The deletion of another object tells as much as an event of the written one.
    fixture.delete::<DeploymentView>(&deployment(6, 0));
    assert!(fixture.cache.has_reached(Kind::Deployment, 5));
    assert!(!fixture.cache.has_reached(Kind::Job, 5), "each kind has a watch of its own");
}

#[test]
fn a_list_counts_only_when_it_is_complete() {
    let fixture = Fixture::new();
    let mut list = None;
    fixture.cache.take(Event::<DeploymentView>::Init, &mut list);
    let object = serde_json::from_value::<DeploymentView>(deployment(9, 0)).unwrap();
    fixture.cache.take(Event::InitApply(object), &mut list);
    assert!(!fixture.cache.has_reached(Kind::Deployment, 9));
    fixture.cache.take(Event::<DeploymentView>::InitDone, &mut list);
    assert!(fixture.cache.has_reached(Kind::Deployment, 9));
}

#[test]
fn an_object_that_goes_wakes_whom_it_may_have_obstructed() {
    let fixture = Fixture::new();
    let waiting = StackKey::new("team", "other");
    fixture.cache.set_obstructed(&waiting, true);
    fixture.put::<DeploymentView>(&deployment(1, 0));
    fixture.wakes(&["team/shop"]);
    fixture.delete::<DeploymentView>(&deployment(2, 0));
    fixture.wakes(&["team/other", "team/shop"]);
}

#[test]
fn a_source_wakes_those_that_name_it_and_is_not_held() {
    let fixture = Fixture::new();
    let source = Reference::new(ReferenceKind::ConfigMap, "settings");
    fixture.put::<PartialObjectMeta<ConfigMap>>(&settings(1));
    fixture.wakes(&[]);
    fixture.cache.refer(&shop(), BTreeSet::from([source.clone()]));
    assert_eq!(fixture.cache.version("team", &source), Version::Unknown);
    fixture.put::<PartialObjectMeta<ConfigMap>>(&settings(2));
    fixture.wakes(&["team/shop"]);
    fixture.list::<PartialObjectMeta<ConfigMap>>(&[]);
    fixture.wakes(&["team/shop"]);
    assert_eq!(fixture.cache.version("team", &source), Version::Gone(0));
    let key = Key::new(Kind::ConfigMap, "settings");
    assert!(fixture.cache.objects(&shop(), std::iter::once(&key)).is_empty());
}

#[test]
fn a_claim_is_its_stack_s_by_annotations_alone() {
    let fixture = Fixture::new();
    fixture.put::<ClaimView>(&json!({
        "metadata": {
            "name": "shop-data", "namespace": "team", "uid": "c", "resourceVersion": "1",
            "annotations": { "compose-operator.dev/stack": "shop", "compose-operator.dev/volume": "data" },
        },
        "status": { "phase": "Bound" },
    }));
    fixture.wakes(&["team/shop"]);
    assert!(fixture.cache.objects(&shop(), std::iter::empty()).contains_key(&Key::new(Kind::PersistentVolumeClaim, "shop-data")));
}

#[test]
fn a_network_that_the_namespace_offers_wakes_its_stacks() {
    let fixture = Fixture::new();
    fixture.put::<RawStack>(&stack(1, 1, ""));
    fixture.wakes(&["team/shop"]);
    let label = "compose-operator.dev/network.shared";
    fixture.put::<PartialObjectMeta<Namespace>>(&json!({ "metadata": { "name": "team", "labels": { label: "true" } } }));
    fixture.wakes(&["team/shop"]);
    assert!(fixture.cache.namespace("team").networks.contains(label));
}

#[test]
fn pods_are_known_by_service() {
    let fixture = Fixture::new();
    let pod = |ready: &str, version: &str| {
        json!({
            "metadata": {
                "name": "web-1", "namespace": "team", "resourceVersion": version,
                "labels": { "compose-operator.dev/stack": "shop", "compose-operator.dev/service": "web" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-x", "uid": "r", "controller": true }],
            },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
        })
    };
    fixture.put::<PodObjectView>(&pod("False", "1"));
    fixture.put::<PodObjectView>(&pod("False", "2"));
    fixture.put::<PodObjectView>(&pod("True", "3"));
    fixture.wakes(&["team/shop", "team/shop"]);
    let pods = fixture.cache.pods(&shop());
    assert_eq!((pods["web"].len(), pods["web"][0].ready, pods["web"][0].workload), (1, true, Some(Kind::Deployment)));
    fixture.delete::<PodObjectView>(&pod("True", "4"));
    assert!(fixture.cache.pods(&shop()).is_empty());
}

//! What others delete or change comes back as it was; what they add stays.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{Space, operator_kept};

const FILE: &str = "
services:
  web:
    image: nginx
    environment: {A: b}
    networks: [front]
    expose: [80]
networks: {front: {}}
";

trait Owned:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + 'static
{
}
impl Owned for Deployment {}
impl Owned for Service {}
impl Owned for NetworkPolicy {}

/// What is to come back of an object: of a Service its address too, which others hold.
fn substance<K: Serialize>(object: &K) -> Value {
    let object = serde_json::to_value(object).unwrap();
    let mut annotations = object["metadata"]["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    json!({"spec": object["spec"], "labels": object["metadata"]["labels"], "annotations": annotations, "owners": object["metadata"]["ownerReferences"]})
}

async fn stack(topic: &str) -> Space {
    let space = Space::open(topic).await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    space
}

async fn comes_back<K: Owned>(topic: &str, name: &str) {
    let space = stack(topic).await;
    let before = space.api::<K>().get(name).await.unwrap();
    space.delete::<K>(name).await;
    let uid = before.uid();
    let after = space.until::<K>(name, "made again", |object| object.is_some_and(|object| object.uid() != uid)).await.unwrap();
    assert_eq!(substance(&after), substance(&before));
    space.ready("shop").await;
    space.close().await;
}

async fn is_undone<K: Owned>(topic: &str, name: &str, edit: Value) {
    let space = stack(topic).await;
    let before = space.api::<K>().get(name).await.unwrap();
    let edited: K = space.merge(name, edit).await;
    assert_ne!(substance(&edited), substance(&before), "the edit changes something");
    let wanted = substance(&before);
    let after = space.until::<K>(name, "as it was", |object| object.is_some_and(|object| substance(object) == wanted)).await.unwrap();
    assert_eq!(after.uid(), before.uid(), "it is the same object");
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_killed_pod_is_replaced_without_the_operator() {
    let _kept = operator_kept().await;
    let space = stack("pod").await;
    let [pod] = &space.until_pods("web", 1).await[..] else { panic!() };
    let writes = space.writes().len();
    space.delete::<Pod>(&pod.name_any()).await;
    space.until::<Pod>(&pod.name_any(), "gone", |pod| pod.is_none()).await;
    let [next] = &space.until_pods("web", 1).await[..] else { panic!() };
    assert_ne!(next.uid(), pod.uid());
    space.ready("shop").await;
    let others: Vec<_> = space.writes().split_off(writes).into_iter().filter(|event| event.subresource() != "status").collect();
    assert!(others.is_empty(), "{others:?}");
    space.close().await;
}

#[tokio::test]
async fn a_deleted_deployment() {
    comes_back::<Deployment>("deployment", "web").await;
}

#[tokio::test]
async fn a_deleted_service() {
    comes_back::<Service>("service", "web").await;
}

#[tokio::test]
async fn a_deleted_policy() {
    comes_back::<NetworkPolicy>("policy", "shop--net-front").await;
}

#[tokio::test]
async fn an_edited_image() {
    let edit = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:evil"}]}}}});
    is_undone::<Deployment>("image", "web", edit).await;
}

#[tokio::test]
async fn an_edited_replica_count() {
    is_undone::<Deployment>("count", "web", json!({"spec": {"replicas": 5}})).await;
}

#[tokio::test]
async fn a_removed_label() {
    is_undone::<Deployment>("label", "web", json!({"metadata": {"labels": {"app.kubernetes.io/name": null}}})).await;
}

/// The operator watches by this label: without it the object seems to be gone, and its name is taken by itself.
#[tokio::test]
async fn a_removed_label_by_which_it_is_watched() {
    is_undone::<Deployment>("unwatched", "web", json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}})).await;
}

#[tokio::test]
async fn an_edited_service_selector() {
    is_undone::<Service>("selector", "web", json!({"spec": {"selector": {"compose-operator.dev/service": "other"}}})).await;
}

#[tokio::test]
async fn an_opened_policy() {
    is_undone::<NetworkPolicy>("opened", "shop--net-front", json!({"spec": {"ingress": [{}]}})).await;
}

#[tokio::test]
async fn what_others_add_stays() {
    let space = stack("added").await;
    let addition = json!({
        "metadata": {"annotations": {"example.com/note": "kept"}},
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}},
    });
    let edited: Deployment = space.merge("web", addition).await;
    let rolled = |deployment: Option<&Deployment>| {
        let status = deployment.and_then(|deployment| deployment.status.as_ref());
        status
            .is_some_and(|status| status.updated_replicas == Some(1) && status.available_replicas == Some(1) && status.replicas == Some(1))
    };
    space.until::<Deployment>("web", "rolled out", rolled).await;
    // A change that the operator does have to make goes by, and with it the time in which it would have undone the addition.
    space.delete::<NetworkPolicy>("shop--net-front").await;
    space.until::<NetworkPolicy>("shop--net-front", "made again", |policy| policy.is_some()).await;
    space.ready("shop").await;
    let after = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(after.metadata.generation, edited.metadata.generation);
    assert_eq!(after.annotations().get("example.com/note").map(String::as_str), Some("kept"));
    space.close().await;
}

//! What exists already and isn't the stack's is never overwritten.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::support::{Space, condition};

const FILE: &str = "services: {web: {image: nginx, expose: [80], volumes: [data:/data]}}\nvolumes: {data: {}}";

fn foreign_deployment() -> Value {
    let labels = json!({"app": "theirs"});
    json!({
        "metadata": {"name": "web", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "theirs", "image": "theirs"}]}},
        },
    })
}

#[tokio::test]
async fn a_foreign_deployment_stops_the_stack_until_it_is_gone() {
    let space = Space::open("foreign").await;
    let theirs: Deployment = space.make(foreign_deployment()).await;
    space.create("shop", FILE).await;
    let stack = space.stalled("shop", "NameConflict").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("Deployment") && message.contains("web"), "{message}");
    let still = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        (still.uid(), &still.spec, still.labels(), still.owner_references()),
        (theirs.uid(), &theirs.spec, theirs.labels(), &[][..])
    );

    space.delete::<Deployment>("web").await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_foreign_service() {
    let space = Space::open("foreign-service").await;
    let theirs: Service =
        space.make(json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 8080}], "selector": {"app": "theirs"}}})).await;
    space.create("shop", FILE).await;
    let stack = space.stalled("shop", "NameConflict").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("Service") && message.contains("web"), "{message}");
    let still = space.api::<Service>().get("web").await.unwrap();
    assert_eq!(still.resource_version(), theirs.resource_version());
    space.close().await;
}

#[tokio::test]
async fn a_foreign_claim_is_not_taken_for_the_stack_s_data() {
    let space = Space::open("foreign-claim").await;
    let claim = json!({
        "metadata": {"name": "shop-data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let theirs: PersistentVolumeClaim = space.make(claim).await;
    space.create("shop", FILE).await;
    let stack = space.stalled("shop", "NameConflict").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("shop-data"), "{message}");
    let still = space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap();
    assert_eq!((still.uid(), still.annotations().get("compose-operator.dev/stack")), (theirs.uid(), None));
    assert!(space.names::<Deployment>().await.is_empty(), "nothing runs on data that isn't the stack's");
    space.close().await;
}

#[tokio::test]
async fn a_second_stack_with_the_same_service_is_told_whose_it_is() {
    let space = Space::open("second").await;
    let file = "services: {web: {image: nginx, expose: [80]}}";
    space.create("first", file).await;
    space.ready("first").await;
    let before = space.api::<Deployment>().get("web").await.unwrap();
    space.create("second", file).await;
    let stack = space.stalled("second", "NameConflict").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("first"), "{message}");
    let after = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        (after.uid(), after.metadata.generation, after.owner_references()),
        (before.uid(), before.metadata.generation, before.owner_references())
    );

    space.delete::<compose_operator::api::ComposeStack>("first").await;
    space.ready("second").await;
    space.close().await;
}

#[tokio::test]
async fn objects_that_only_look_like_the_operator_s_are_left_alone() {
    let space = Space::open("lookalike").await;
    let labels = json!({"app.kubernetes.io/managed-by": "compose-operator", "compose-operator.dev/stack": "shop", "compose-operator.dev/service": "web"});
    let theirs: ConfigMap = space.make(json!({"metadata": {"name": "shop--lookalike", "labels": labels}, "data": {"a": "b"}})).await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    space.ready("shop").await;
    space.compose("shop", "services: {app: {image: nginx, expose: [80]}}").await;
    space.until::<Deployment>("web", "gone", |deployment| deployment.is_none()).await;
    space.ready("shop").await;
    let still = space.api::<ConfigMap>().get("shop--lookalike").await.unwrap();
    assert_eq!(still.resource_version(), theirs.resource_version());
    space.close().await;
}

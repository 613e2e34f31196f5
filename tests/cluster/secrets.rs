//! Values from Secrets stay in Secrets.

use compose_operator::api::ComposeStack;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::events::v1::Event;
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::support::{Space, condition, operator_log};

const CANARY: &str = "c4n4ry-9f2e61";

async fn is_told_by<K>(space: &Space) -> bool
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    space.list::<K>().await.iter().any(|object| serde_json::to_string(object).unwrap().contains(CANARY))
}

async fn stack(space: &Space, compose: &str) {
    space.make::<Secret>(json!({"metadata": {"name": "credentials"}, "stringData": {"PASSWORD": CANARY}})).await;
    space.create_spec("shop", json!({"compose": compose, "variablesFrom": [{"secret": {"name": "credentials"}}]})).await;
}

/// That the value is nowhere but in Secrets.
async fn is_kept(space: &Space) {
    assert!(!is_told_by::<ComposeStack>(space).await, "in the stack's status");
    assert!(!is_told_by::<Deployment>(space).await, "in a Deployment");
    assert!(!is_told_by::<ConfigMap>(space).await, "in a ConfigMap");
    assert!(!is_told_by::<Service>(space).await, "in a Service");
    assert!(!is_told_by::<Event>(space).await, "in an Event");
    for event in space.writes().iter().filter(|event| event.resource() != "secrets") {
        let body = serde_json::to_string(&event.request_object).unwrap();
        assert!(!body.contains(CANARY), "in {}", event.summary());
    }
    assert!(!operator_log().contains(CANARY), "in the operator's log");
}

#[tokio::test]
async fn a_value_from_a_secret_reaches_the_container_and_nothing_else() {
    let space = Space::open("tainted").await;
    let file = "
services:
  web:
    image: nginx
    expose: [80]
    environment: {PASSWORD: '${PASSWORD}', URL: 'postgres://user:${PASSWORD}@db'}
    command: [serve, '--password=${PASSWORD}']
    configs: [settings]
configs: {settings: {content: 'password=${PASSWORD}'}}
";
    stack(&space, file).await;
    space.ready("shop").await;
    is_kept(&space).await;
    let secrets = space.list::<Secret>().await;
    let held = |secret: &Secret| secret.data.iter().flatten().any(|(_, value)| String::from_utf8_lossy(&value.0).contains(CANARY));
    assert!(secrets.iter().filter(|secret| held(secret)).count() > 1, "the user's and the stack's");
    space.close().await;
}

#[tokio::test]
async fn a_value_from_a_secret_where_it_would_be_seen_is_refused_without_being_told() {
    let space = Space::open("tainted-image").await;
    stack(&space, "services: {web: {image: 'nginx:${PASSWORD}', expose: [80]}}").await;
    let stack = space.stalled("shop", "InvalidSpec").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("services.web.image"), "{message}");
    is_kept(&space).await;
    space.close().await;
}

#[tokio::test]
async fn a_changed_secret_rolls_its_users() {
    let space = Space::open("rotated").await;
    stack(&space, "services: {web: {image: nginx, expose: [80], environment: {PASSWORD: '${PASSWORD}'}}}").await;
    space.ready("shop").await;
    let before = space.api::<Deployment>().get("web").await.unwrap().metadata.generation;
    space.merge::<Secret>("credentials", json!({"stringData": {"PASSWORD": format!("{CANARY}-2")}})).await;
    space.until::<Deployment>("web", "of another generation", |web| web.is_some_and(|web| web.metadata.generation != before)).await;
    space.ready("shop").await;
    is_kept(&space).await;
    space.close().await;
}

#[tokio::test]
async fn a_missing_secret_is_named_and_waited_for() {
    let space = Space::open("missing-secret").await;
    let file = "services: {web: {image: nginx, expose: [80], environment: {PASSWORD: '${PASSWORD}'}}}";
    space.create_spec("shop", json!({"compose": file, "variablesFrom": [{"secret": {"name": "credentials"}}]})).await;
    let stack = space.stalled("shop", "SourceMissing").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("credentials"), "{message}");
    space.make::<Secret>(json!({"metadata": {"name": "credentials"}, "stringData": {"PASSWORD": CANARY}})).await;
    space.ready("shop").await;
    space.close().await;
}

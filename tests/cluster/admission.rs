//! What the cluster refuses: told with its reason, and got over once it no longer does.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::{ResourceQuota, Service};
use serde_json::{Value, json};

use crate::support::{Space, condition, service};

const FILE: &str = "services: {web: {image: nginx, expose: [80]}}";

/// Puts a quota on the namespace and waits until it is in force.
async fn forbid(space: &Space, hard: Value) {
    space.make::<ResourceQuota>(json!({"metadata": {"name": "none"}, "spec": {"hard": hard}})).await;
    space
        .until::<ResourceQuota>("none", "in force", |quota| {
            quota.is_some_and(|quota| quota.status.as_ref().is_some_and(|status| status.hard.is_some()))
        })
        .await;
}

/// Whether a service's message holds the words.
fn tells(words: &str) -> impl Fn(&ComposeStack) -> bool {
    move |stack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services.filter_map(|service| service.message.as_ref()).any(|message| message.contains(words))
    }
}

#[tokio::test]
async fn pods_that_a_quota_forbids() {
    let space = Space::open("quota-pods").await;
    forbid(&space, json!({"pods": "0"})).await;
    space.create("shop", FILE).await;
    let told = tells("exceeded quota");
    space.until_stack("shop", "telling of the quota", told).await;
    space.delete::<ResourceQuota>("none").await;
    // The cluster tries again by itself, but later and later; a new template makes it try at once.
    space.patch("shop", json!({"services": {"web": {"restartedAt": "2026-01-01T00:00:00Z"}}})).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn pods_that_pod_security_forbids() {
    let space = Space::open_labelled("restricted", json!({"pod-security.kubernetes.io/enforce": "restricted"})).await;
    space.create("shop", FILE).await;
    let told = tells("PodSecurity");
    let stack = space.until_stack("shop", "telling of pod security", told).await;
    assert_eq!(service(&stack, "web").ready, 0);
    space.close().await;
}

#[tokio::test]
async fn an_object_that_a_quota_forbids() {
    let space = Space::open("quota-services").await;
    forbid(&space, json!({"services": "0"})).await;
    space.create("shop", FILE).await;
    let stack = space.stalled("shop", "Forbidden").await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("exceeded quota") && message.contains("Service web"), "{message}");
    assert!(space.names::<Service>().await.is_empty());
    space.delete::<ResourceQuota>("none").await;
    // Refusals are tried again once a minute; a stack that was changed is tried at once.
    space.compose("shop", "services: {web: {image: 'nginx:2', expose: [80]}}").await;
    space.ready("shop").await;
    space.close().await;
}

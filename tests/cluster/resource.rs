//! The resource definition on a real API server: what it takes and what it refuses before the operator sees it.

use compose_operator::api::ComposeStack;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::support::Space;

const FILE: &str = "services: {web: {image: nginx}}";

async fn refusal(space: &Space, name: &str, spec: Value) -> String {
    let stack = json!({"apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "metadata": {"name": name}, "spec": spec});
    let api = space.api::<ComposeStack>();
    // A dry run: the operator has nothing to do with it.
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&params, &serde_json::from_value(stack).unwrap()).await {
        Ok(_) => String::new(),
        Err(kube::Error::Api(status)) => status.message.clone(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn exactly_one_source_of_the_compose_file_is_taken() {
    let space = Space::open("one-source").await;
    assert_eq!(refusal(&space, "shop", json!({"compose": FILE})).await, "");
    assert_eq!(refusal(&space, "shop", json!({"composeObject": {"services": {}}})).await, "");
    let both = refusal(&space, "shop", json!({"compose": FILE, "composeFiles": ["compose.yaml"]})).await;
    assert!(both.contains("set exactly one of compose, composeObject and composeFiles"), "{both}");
    let none = refusal(&space, "shop", json!({"files": {"compose.yaml": FILE}})).await;
    assert!(none.contains("set exactly one of compose, composeObject and composeFiles"), "{none}");
    space.close().await;
}

#[tokio::test]
async fn a_stacks_name_is_a_label_of_at_most_40_characters() {
    let space = Space::open("name").await;
    assert_eq!(refusal(&space, &"a".repeat(40), json!({"compose": FILE})).await, "");
    let long = refusal(&space, &"a".repeat(41), json!({"compose": FILE})).await;
    assert!(long.contains("at most 40 characters"), "{long}");
    let dotted = refusal(&space, "a.b", json!({"compose": FILE})).await;
    assert!(dotted.contains("no dots"), "{dotted}");
    space.close().await;
}

#[tokio::test]
async fn a_service_has_no_negative_number_of_replicas() {
    let space = Space::open("replicas").await;
    let negative = refusal(&space, "shop", json!({"compose": FILE, "services": {"web": {"replicas": -1}}})).await;
    assert!(negative.contains("spec.services.web.replicas"), "{negative}");
    space.close().await;
}

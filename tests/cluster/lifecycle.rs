//! What becomes of a stack that is suspended, made again, given other kinds, or hindered.

use std::time::Duration;

use compose_operator::api::{ComposeStack, ServiceState};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::support::{Space, condition, service};

const FILE: &str = "services: {web: {image: nginx, expose: [80]}}";

/// Waits until the condition Ready has this reason.
async fn until_reason(space: &Space, reason: &str) -> ComposeStack {
    let has = |stack: &ComposeStack| condition(stack, "Ready").is_some_and(|ready| ready.reason == reason);
    space.until_stack("shop", &format!("of reason {reason}"), has).await
}

#[tokio::test]
async fn a_suspended_stack_is_left_alone_until_it_is_resumed() {
    let space = Space::open("suspended").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    space.patch("shop", json!({"suspend": true})).await;
    let stack = until_reason(&space, "Suspended").await;
    assert_eq!(condition(&stack, "Ready").unwrap().status, "True", "suspension says nothing about what runs");
    let writes = space.writes().len();
    space.delete::<Deployment>("web").await;
    space.until::<Deployment>("web", "gone", |web| web.is_none()).await;
    // Long enough for a repair, which takes milliseconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(space.writes().len(), writes);
    space.patch("shop", json!({"suspend": null})).await;
    space.until::<Deployment>("web", "made again", |web| web.is_some()).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_stack_that_is_deleted_and_made_again_at_once_gets_objects_of_its_own() {
    let space = Space::open("again").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    let before = space.api::<Deployment>().get("web").await.unwrap();
    space.delete::<ComposeStack>("shop").await;
    let stack = space.create("shop", FILE).await;
    space.ready("shop").await;
    let owned = |web: Option<&Deployment>| {
        web.is_some_and(|web| web.owner_references().iter().any(|owner| Some(&owner.uid) == stack.uid().as_ref()))
    };
    let after = space.until::<Deployment>("web", "the new stack's", owned).await.unwrap();
    assert_ne!(after.uid(), before.uid());
    space.until_pods("web", 1).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_name_that_an_object_in_deletion_still_holds_is_waited_for() {
    let space = Space::open("dying").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    let before: Deployment = space.merge("web", json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    space.delete::<Deployment>("web").await;
    let stack = until_reason(&space, "WaitingForDeletion").await;
    assert_eq!(condition(&stack, "Reconciling").unwrap().status, "True");
    space.merge::<Deployment>("web", json!({"metadata": {"finalizers": null}})).await;
    space.until::<Deployment>("web", "made again", |web| web.is_some_and(|web| web.uid() != before.uid())).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_service_that_becomes_a_task_has_its_deployment_deleted_first() {
    let space = Space::open("kind").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    space.compose("shop", "services: {web: {image: nginx, expose: [80], restart: 'no'}}").await;
    space.until::<Deployment>("web", "gone", |web| web.is_none()).await;
    let stack = space.ready("shop").await;
    assert_eq!((service(&stack, "web").kind.as_str(), service(&stack, "web").state), ("Job", ServiceState::Completed));
    assert_eq!(space.names::<Job>().await.len(), 1);
    space.close().await;
}

#[tokio::test]
async fn a_global_service_has_a_pod_on_every_node() {
    let space = Space::open("global").await;
    space.create("shop", "services: {agent: {image: agent, deploy: {mode: global}}}").await;
    let stack = space.ready("shop").await;
    let nodes = Api::<Node>::all(space.client.clone()).list(&kube::api::ListParams::default()).await.unwrap().items.len();
    space.until_pods("agent", nodes).await;
    assert_eq!(service(&stack, "agent").kind, "DaemonSet");
    assert_eq!(space.names::<DaemonSet>().await, ["agent"]);
    space.close().await;
}

#[tokio::test]
async fn a_rollout_past_its_deadline_is_stalled_and_goes_on_when_it_can() {
    let space = Space::open("deadline").await;
    let file = r#"services: {web: {image: nginx, expose: [80], labels: {devcluster/unready: "true"}}}"#;
    space.create_spec("shop", json!({"compose": file, "progressDeadline": "2s"})).await;
    space.stalled("shop", "DeadlineExceeded").await;
    space.annotate_pods("web", "devcluster/unready", None).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_pod_that_becomes_unready_takes_readiness_from_the_stack() {
    let space = Space::open("unready").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    space.annotate_pods("web", "devcluster/unready", Some("true")).await;
    space.until_stack("shop", "not Ready", |stack| condition(stack, "Ready").is_some_and(|ready| ready.status == "False")).await;
    space.annotate_pods("web", "devcluster/unready", None).await;
    space.ready("shop").await;
    space.close().await;
}

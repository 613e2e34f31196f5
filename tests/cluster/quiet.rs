//! Nothing is written that changes nothing, and nothing more than is needed.

use std::time::Duration;

use compose_operator::api::ComposeStack;
use devcluster::AuditEvent;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{Space, operator_kept, operator_stopped};

const FILE: &str = "
services:
  web: {image: nginx, ports: ['8080:80'], networks: [front], depends_on: [app]}
  app: {image: app, expose: [8000], networks: [front, back], configs: [settings], environment: {A: b}}
  db: {image: postgres, networks: [back], volumes: [data:/var/lib/postgresql/data], secrets: [password]}
networks: {front: {}, back: {}}
volumes: {data: {}}
configs: {settings: {content: a=b}}
secrets: {password: {file: ./password}}
";

async fn stack(space: &Space) {
    space.create_spec("shop", json!({"compose": FILE, "files": {"password": "s3cret"}})).await;
    space.ready("shop").await;
}

fn summaries(events: &[AuditEvent]) -> String {
    events.iter().map(AuditEvent::summary).collect::<Vec<_>>().join("\n")
}

/// That nothing happens is seen only by looking for a while: long enough for what a status of a pod or a watch of an object would set off.
const WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_stack_costs_its_objects_and_at_most_three_status_writes() {
    let _kept = operator_kept().await;
    let space = Space::open("cost").await;
    stack(&space).await;
    let writes = space.writes();
    let (status, objects): (Vec<_>, Vec<_>) = writes.iter().partition(|event| event.resource() == "composestacks");
    let made: std::collections::BTreeSet<_> = objects.iter().map(|event| (event.resource(), event.name())).collect();
    let list = summaries(&writes);
    assert_eq!(made.len(), objects.len(), "each object is written once:\n{list}");
    assert!(status.len() <= 3, "{} status writes:\n{list}", status.len());
    space.close().await;
}

#[tokio::test]
async fn nothing_is_written_while_nothing_changes() {
    let _kept = operator_kept().await;
    let space = Space::open("steady").await;
    stack(&space).await;
    let before = space.writes().len();
    // What others add to its objects wakes the operator. (An annotation of a Deployment is another generation of it, and so a roll-out.)
    space.merge::<Service>("web", json!({"metadata": {"annotations": {"example.com/a": "b"}}})).await;
    space.merge::<ComposeStack>("shop", json!({"metadata": {"annotations": {"example.com/a": "b"}}})).await;
    tokio::time::sleep(WHILE).await;
    let after = space.writes().split_off(before);
    assert!(after.is_empty(), "{}", summaries(&after));
    space.close().await;
}

#[tokio::test]
async fn a_restart_of_the_operator_writes_nothing_and_restarts_no_pod() {
    let space = Space::open("restart").await;
    stack(&space).await;
    let generation = space.api::<Deployment>().get("web").await.unwrap().metadata.generation;
    let before = space.writes().len();
    drop(operator_stopped().await);
    // A new stack that becomes Ready is how the operator shows that it is back.
    let other = Space::open("restarted").await;
    other.create("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    other.ready("shop").await;
    tokio::time::sleep(WHILE).await;
    let after = space.writes().split_off(before);
    assert!(after.is_empty(), "{}", summaries(&after));
    assert_eq!(space.api::<Deployment>().get("web").await.unwrap().metadata.generation, generation);
    other.close().await;
    space.close().await;
}

/// As if the operator had crashed after it made the objects and before it wrote down which of their fields are its own.
#[tokio::test]
async fn a_restart_that_lost_the_status_writes_only_that_again() {
    let space = Space::open("lost-status").await;
    stack(&space).await;
    let stopped = operator_stopped().await;
    let before = space.writes().len();
    let api = space.api::<ComposeStack>();
    let without = Patch::Merge(json!({"status": {"objects": null, "services": null, "observedGeneration": null}}));
    api.patch_status("shop", &PatchParams::default(), &without).await.unwrap();
    drop(stopped);
    space.ready("shop").await;
    let after = space.writes().split_off(before);
    let objects: Vec<_> = after.iter().filter(|event| event.resource() != "composestacks").map(AuditEvent::summary).collect();
    assert!(objects.is_empty(), "{}", objects.join("\n"));
    space.close().await;
}

#[tokio::test]
async fn what_changed_while_the_operator_was_away_is_made_good() {
    let space = Space::open("away").await;
    stack(&space).await;
    let stopped = operator_stopped().await;
    space.delete::<Deployment>("web").await;
    space.merge::<Deployment>("app", json!({"spec": {"replicas": 4}})).await;
    drop(stopped);
    space.until::<Deployment>("web", "made again", |web| web.is_some()).await;
    space.until::<Deployment>("app", "at one replica", |app| app.and_then(|app| app.spec.as_ref()?.replicas) == Some(1)).await;
    space.ready("shop").await;
    space.close().await;
}

//! Nothing is written that changes nothing, and nothing more than is needed.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use crate::support::{Space, operator_stopped};

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

/// That nothing happens is seen only by looking for a while: long enough for what a status of a pod or a watch of an object would set off.
const WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_stack_costs_its_objects_and_at_most_three_status_writes() {
    let space = Space::open("cost").await;
    stack(&space).await;
    let writes = space.writes();
    let (status, objects): (Vec<_>, Vec<_>) = writes.iter().partition(|event| event.resource() == "composestacks");
    let made: std::collections::BTreeSet<_> = objects.iter().map(|event| (event.resource(), event.name())).collect();
    let list: Vec<_> = writes.iter().map(devcluster::AuditEvent::summary).collect();
    assert_eq!(made.len(), objects.len(), "each object is written once:\n{}", list.join("\n"));
    assert!(status.len() <= 3, "{} status writes:\n{}", status.len(), list.join("\n"));
    space.close().await;
}

#[tokio::test]
async fn nothing_is_written_while_nothing_changes() {
    let space = Space::open("steady").await;
    stack(&space).await;
    let before = space.writes().len();
    // What others do to its objects, and what is none of its business, wakes the operator.
    space.merge::<Deployment>("web", json!({"metadata": {"annotations": {"example.com/a": "b"}}})).await;
    space.merge::<compose_operator::api::ComposeStack>("shop", json!({"metadata": {"annotations": {"example.com/a": "b"}}})).await;
    tokio::time::sleep(WHILE).await;
    let after = space.writes().split_off(before);
    assert!(after.is_empty(), "{after:#?}");
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
    assert!(after.is_empty(), "{after:#?}");
    assert_eq!(space.api::<Deployment>().get("web").await.unwrap().metadata.generation, generation);
    other.close().await;
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

//! What depends on what: updates in order, restarts, programs that end.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use compose_operator::api::{ComposeStack, ServiceState, ServiceStatus};

use crate::support::{Space, service};

fn image(deployment: Option<&Deployment>) -> Option<&str> {
    deployment?.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.as_deref()
}

fn replicas(deployment: Option<&Deployment>) -> Option<i32> {
    deployment?.spec.as_ref()?.replicas
}

async fn until_service(space: &Space, name: &str, description: &str, is_so: impl Fn(&ServiceStatus) -> bool) -> ComposeStack {
    let found = |stack: &ComposeStack| {
        let current = stack.status.as_ref().is_some_and(|s| s.observed_generation == stack.metadata.generation);
        current && stack.status.iter().flat_map(|s| &s.services).any(|s| s.name == name && is_so(s))
    };
    space.until_stack("shop", &format!("with {name} {description}"), found).await
}

fn shop(db: &str, web: &str, unready: &str) -> String {
    format!(
        "
services:
  web: {{image: {web}, expose: [80], depends_on: {{db: {{condition: service_healthy}}}}}}
  db: {{image: {db}, healthcheck: {{test: [CMD, 'true']}}{unready}}}
"
    )
}

#[tokio::test]
async fn an_update_waits_for_the_update_of_its_dependency() {
    let space = Space::open("ordered").await;
    space.create("shop", &shop("postgres:1", "nginx:1", "")).await;
    space.ready("shop").await;
    space.compose("shop", &shop("postgres:2", "nginx:2", ", labels: {devcluster/unready: 'true'}")).await;
    space.until::<Deployment>("db", "updated", |db| image(db) == Some("postgres:2")).await;
    until_service(&space, "web", "waiting", |web| web.state == ServiceState::Waiting && web.waiting_for == ["db"]).await;
    let web = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(image(Some(&web)), Some("nginx:1"), "it runs on as it was");
    space.until_pods("db", 2).await;
    space.annotate_pods("db", "devcluster/unready", None).await;
    space.until::<Deployment>("web", "updated", |web| image(web) == Some("nginx:2")).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn an_update_goes_out_while_its_dependency_is_down() {
    let space = Space::open("down").await;
    space.create("shop", &shop("postgres:1", "nginx:1", "")).await;
    space.ready("shop").await;
    space.annotate_pods("db", "devcluster/unready", Some("true")).await;
    until_service(&space, "db", "degraded", |db| db.state == ServiceState::Degraded).await;
    space.compose("shop", &shop("postgres:1", "nginx:2", "")).await;
    space.until::<Deployment>("web", "updated", |web| image(web) == Some("nginx:2")).await;
    space.annotate_pods("db", "devcluster/unready", None).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_dependent_is_restarted_after_an_update_and_not_at_first() {
    let space = Space::open("restarted").await;
    let file = |db: &str| {
        format!(
            "services: {{web: {{image: nginx, expose: [80], depends_on: {{db: {{condition: service_started, restart: true}}}}}}, db: {{image: {db}}}}}"
        )
    };
    space.create("shop", &file("postgres:1")).await;
    space.ready("shop").await;
    let first = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(first.metadata.generation, Some(1), "nothing restarts at first");
    space.compose("shop", &file("postgres:2")).await;
    let restarted = |web: Option<&Deployment>| web.is_some_and(|web| web.metadata.generation == Some(2));
    space.until::<Deployment>("web", "restarted", restarted).await;
    let db = space.api::<Deployment>().get("db").await.unwrap();
    assert_eq!(image(Some(&db)), Some("postgres:2"));
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_program_that_ends_well_is_completed_until_it_changes() {
    let space = Space::open("ended").await;
    let file = |image: &str| {
        format!("services: {{web: {{image: nginx, expose: [80]}}, task: {{image: '{image}', labels: {{devcluster/exit-code: '0'}}}}}}")
    };
    space.create("shop", &file("app:1")).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "task").state, ServiceState::Completed);
    space.until::<Deployment>("task", "at 0", |task| replicas(task) == Some(0)).await;
    space.until_pods("task", 0).await;
    let first = service(&stack, "task").completed.clone();
    space.compose("shop", &file("app:2")).await;
    until_service(&space, "task", "completed again", |task| task.state == ServiceState::Completed && task.completed != first).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_program_that_fails_too_often_is_given_up() {
    let space = Space::open("limit").await;
    space.create("shop", "services: {task: {image: app, restart: 'on-failure:2', labels: {devcluster/exit-code: '7'}}}").await;
    let stack = space.stalled("shop", "ServiceFailed").await;
    let task = service(&stack, "task");
    assert_eq!(task.state, ServiceState::Failed);
    assert!(task.message.as_ref().is_some_and(|m| m.contains("on-failure:2") && m.contains("exit code 7")), "{:?}", task.message);
    space.until::<Deployment>("task", "at 0", |task| replicas(task) == Some(0)).await;
    space.until_pods("task", 0).await;
    space.close().await;
}

#[tokio::test]
async fn a_name_that_gets_ports_gets_an_address_and_keeps_it() {
    let space = Space::open("address").await;
    let address = |service: Option<&Service>| service.and_then(|s| s.spec.as_ref()?.cluster_ip.clone());
    space.create("shop", "services: {app: {image: example/app}}").await;
    space.ready("shop").await;
    let first = space.api::<Service>().get("app").await.unwrap();
    assert_eq!(address(Some(&first)).as_deref(), Some("None"));
    space.compose("shop", "services: {app: {image: example/app, expose: [8000]}}").await;
    let is_virtual = |service: Option<&Service>| address(service).is_some_and(|a| a != "None");
    let given = space.until::<Service>("app", "with an address", is_virtual).await;
    space.ready("shop").await;
    space.compose("shop", "services: {app: {image: example/app}}").await;
    space.ready("shop").await;
    let kept = space.api::<Service>().get("app").await.unwrap();
    assert_eq!(address(Some(&kept)), address(given.as_ref()));
    assert_eq!(kept.spec.unwrap().ports.unwrap()[0].port, 8000, "what resolved it before may still use it");
    space.close().await;
}

/// Simulated pods have no restart policies of single containers: the test tells how the guest's ended.
#[tokio::test]
async fn a_guest_that_runs_once_completes_beside_its_host_and_lets_others_start() {
    let space = Space::open("guest").await;
    let file = "
services:
  web: {image: nginx, restart: always, expose: [80]}
  seed: {image: seed, network_mode: 'service:web', restart: 'no'}
  after: {image: app, depends_on: {seed: {condition: service_completed_successfully}}}
";
    space.create("shop", file).await;
    let [pod] = &space.until_pods("web", 1).await[..] else { panic!("one pod") };
    let container = |name: &str, state: serde_json::Value| json!({"name": name, "image": name, "imageID": "", "ready": name == "web", "started": name == "web", "restartCount": 0, "state": state});
    let now = "2026-01-01T00:00:00Z";
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
    let statuses = [container("web", json!({"running": {"startedAt": now}})), container("seed", ended)];
    until_service(&space, "web", "running", |web| web.state == ServiceState::Running).await;
    assert_eq!(space.names::<Deployment>().await, ["web"], "nothing starts before the guest has completed");
    let status = Patch::Merge(json!({"status": {"containerStatuses": statuses}}));
    space.api::<Pod>().patch_status(&pod.name_any(), &PatchParams::default(), &status).await.unwrap();
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "seed").state, ServiceState::Completed);
    assert_eq!(service(&stack, "after").state, ServiceState::Running);
    space.close().await;
}

//! What a stack's status says, and that it is true.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::events::v1::Event;
use serde_json::json;

use compose_operator::api::{ComposeStack, ServiceState};

use crate::support::{Space, condition, kubectl, service};

/// Waits until a service is so described, and gives the stack.
async fn until_message(space: &Space, name: &str, words: &[&str]) -> ComposeStack {
    let says = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        let message = services.clone().find(|service| service.name == name).and_then(|service| service.message.as_deref());
        message.is_some_and(|message| words.iter().all(|word| message.contains(word)))
    };
    space.until_stack("shop", &format!("saying {words:?} of {name}"), says).await
}

#[tokio::test]
async fn kubectl_wait_works_and_the_columns_tell_the_state() {
    let space = Space::open("kubectl").await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}, app: {image: nginx, expose: [80]}}").await;
    kubectl(&space, &["wait", "--for=condition=Ready", "composestack/shop", "--timeout=60s"]).await;
    let table = kubectl(&space, &["get", "cstack"]).await;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "READY", "SERVICES", "STATUS", "AGE"]);
    assert_eq!(rows[1][..4], ["shop", "True", "2/2", "Ready"]);
    space.close().await;
}

#[tokio::test]
async fn a_stack_that_is_ready_is_neither_reconciling_nor_stalled() {
    let space = Space::open("conditions").await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    let stack = space.ready("shop").await;
    let status = |kind| condition(&stack, kind).map(|condition| condition.status.as_str());
    assert_eq!((status("Ready"), status("Reconciling"), status("Stalled")), (Some("True"), Some("False"), Some("False")));
    assert_eq!(service(&stack, "web").state, ServiceState::Running);
    space.close().await;
}

#[tokio::test]
async fn a_service_waits_for_its_dependency_and_says_so() {
    let space = Space::open("gate").await;
    let file = r#"
services:
  web: {image: nginx, expose: [80], depends_on: {db: {condition: service_healthy}}}
  db: {image: postgres, healthcheck: {test: [CMD, "true"]}, labels: {devcluster/unready: "true"}}
"#;
    space.create("shop", file).await;
    let stack = until_message(&space, "web", &["db"]).await;
    let web = service(&stack, "web");
    assert_eq!((web.state, &web.waiting_for[..]), (ServiceState::Waiting, &["db".to_owned()][..]));
    assert!(space.api::<Deployment>().get_opt("web").await.unwrap().is_none(), "what waits is not created");
    until_message(&space, "db", &["healthcheck"]).await;
    space.annotate_pods("db", "devcluster/unready", None).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled() {
    let space = Space::open("pull").await;
    space
        .create(
            "shop",
            r#"services: {web: {image: "nginx:wrong", expose: [80], labels: {devcluster/image-pull-error: "manifest unknown"}}}"#,
        )
        .await;
    until_message(&space, "web", &["nginx:wrong", "manifest unknown"]).await;
    space.annotate_pods("web", "devcluster/image-pull-error", None).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_container_that_crashes() {
    let space = Space::open("crash").await;
    space.create("shop", r#"services: {web: {image: nginx, expose: [80], restart: always, labels: {devcluster/exit-code: "3"}}}"#).await;
    until_message(&space, "web", &["exit code 3"]).await;
    space.annotate_pods("web", "devcluster/exit-code", None).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_pod_that_no_node_takes() {
    let space = Space::open("unschedulable").await;
    let file = |cpus: &str| {
        format!("services: {{web: {{image: nginx, expose: [80], deploy: {{resources: {{reservations: {{cpus: '{cpus}'}}}}}}}}}}")
    };
    space.create("shop", &file("1000")).await;
    until_message(&space, "web", &["Insufficient cpu"]).await;
    space.compose("shop", &file("0.1")).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_claim_that_is_not_bound() {
    let space = Space::open("claim").await;
    let file = "services: {db: {image: postgres, volumes: [data:/data]}}\nvolumes: {data: {}}";
    space.create_spec("shop", json!({"compose": file, "volumes": {"storageClassName": "missing"}})).await;
    until_message(&space, "db", &["shop-data"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_job_that_completes_opens_the_gate_and_is_not_run_again() {
    let space = Space::open("job").await;
    let file = "
services:
  web: {image: nginx, expose: [80], depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: app, command: [migrate]}
";
    space.create("shop", file).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "migrate").state, ServiceState::Completed);
    let [job] = &space.names::<Job>().await[..] else { panic!("one job") };
    space.delete::<Job>(job).await;
    space.until::<Job>(job, "gone", |job| job.is_none()).await;
    let web = json!({"compose": file.replace("nginx", "nginx:2")});
    space.patch("shop", web).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "migrate").state, ServiceState::Completed);
    assert!(space.names::<Job>().await.is_empty(), "its completion is recorded, not its object");
    space.close().await;
}

#[tokio::test]
async fn a_job_that_fails_stalls_the_stack() {
    let space = Space::open("job-fails").await;
    let file = r#"
services:
  web: {image: nginx, expose: [80], depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: app, command: [migrate], restart: "no", labels: {devcluster/exit-code: "4"}}
"#;
    space.create("shop", file).await;
    let failed = |stack: &ComposeStack| condition(stack, "Stalled").is_some_and(|condition| condition.status == "True");
    let stack = space.until_stack("shop", "Stalled", failed).await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.contains("migrate") && message.contains('4'), "{message}");
    assert_eq!(service(&stack, "migrate").state, ServiceState::Failed);
    assert!(space.api::<Deployment>().get_opt("web").await.unwrap().is_none());
    space.close().await;
}

#[tokio::test]
async fn transitions_are_told_by_events() {
    let space = Space::open("events").await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    space.ready("shop").await;
    space.compose("shop", "services: {web: {imgae: nginx}}").await;
    space.stalled("shop", "InvalidSpec").await;
    space.compose("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    space.ready("shop").await;
    for reason in ["Ready", "InvalidSpec"] {
        space
            .until_any::<Event>(&format!("with reason {reason}, about the stack"), |event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().is_some_and(|object| object.kind.as_deref() == Some("ComposeStack"))
            })
            .await;
    }
    space.close().await;
}

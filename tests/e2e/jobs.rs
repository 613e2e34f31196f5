//! Services that run to their end.

use compose_operator::api::{ComposeStack, ServiceState};
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use crate::support::{Space, condition, service};

/// Waits until a service is in this state.
async fn until_state(space: &Space, name: &str, state: ServiceState) -> ComposeStack {
    let is_so = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services.clone().any(|service| service.name == name && service.state == state)
    };
    space.until_stack("shop", &format!("with {name} {state:?}"), is_so).await
}

#[tokio::test]
async fn a_job_that_completes_lets_the_next_begin_and_is_not_run_again() {
    let space = Space::open("job").await;
    let file = r#"
services:
  migrate: {image: busybox, command: [sh, -c, "sleep 1; echo ran >>/data/log"], restart: "no", volumes: ["data:/data"]}
  web:
    image: busybox
    command: [sh, -c, "cat /data/log >/seen; sleep infinity"]
    stop_grace_period: 1s
    volumes: ["data:/data"]
    depends_on: {migrate: {condition: service_completed_successfully}}
volumes: {data: }
"#;
    space.create("shop", file).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "migrate").state, ServiceState::Completed);
    assert_eq!(space.sh_until("web", "grep . /seen").await, "ran\n", "it had completed before web began");

    let job = space.names::<Job>().await.remove(0);
    space.delete::<Job>(&job).await;
    space.until::<Job>(&job, "gone", |job| job.is_none()).await;
    space.compose("shop", &file.replace("sleep infinity", "sleep 1000000")).await;
    space.ready("shop").await;
    space.until_pods("web", 1).await;
    assert_eq!(space.sh("web", "cat /data/log").await, "ran\n", "it was not run again");

    space.compose("shop", &file.replace("echo ran", "echo changed")).await;
    space.sh_until("web", "grep changed /data/log").await;
    space.close().await;
}

#[tokio::test]
async fn a_job_that_fails_says_with_which_code_and_holds_back_what_waits() {
    let space = Space::open("failed").await;
    let file = r#"
services:
  migrate: {image: busybox, command: [sh, -c, "echo no such table; exit 7"], restart: "no"}
  web: {image: busybox, command: sleep infinity, depends_on: {migrate: {condition: service_completed_successfully}}}
"#;
    space.create("shop", file).await;
    let stack = until_state(&space, "migrate", ServiceState::Failed).await;
    assert!(service(&stack, "migrate").message.as_ref().unwrap().contains("exit code 7"), "{:?}", service(&stack, "migrate").message);
    let stack = space.until_stack("shop", "Stalled", |stack| condition(stack, "Stalled").is_some_and(|c| c.status == "True")).await;
    assert_eq!(service(&stack, "web").state, ServiceState::Waiting);
    assert!(space.pods("web").await.is_empty());
    space.close().await;
}

#[tokio::test]
async fn a_job_is_tried_again_on_failure_until_it_succeeds() {
    let space = Space::open("retries").await;
    let file = r#"
services:
  migrate:
    image: busybox
    command: [sh, -c, "echo . >>/data/log; test $$(wc -l </data/log) = 3"]
    restart: on-failure
    volumes: ["data:/data"]
  web:
    image: busybox
    command: [sleep, infinity]
    init: true
    volumes: ["data:/data"]
    depends_on: {migrate: {condition: service_completed_successfully}}
volumes: {data: }
"#;
    space.create("shop", file).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "migrate").state, ServiceState::Completed);
    assert_eq!(space.sh("web", "wc -l </data/log").await.trim(), "3");
    space.close().await;
}

#[tokio::test]
async fn a_job_that_has_failed_as_often_as_it_may_is_not_tried_again() {
    let space = Space::open("limited").await;
    let file = r#"
services:
  migrate: {image: busybox, command: [sh, -c, "echo . >>/data/log; exit 7"], restart: "on-failure:1", volumes: ["data:/data"]}
  web: {image: busybox, command: sleep infinity, depends_on: {migrate: {condition: service_completed_successfully}}}
  reader: {image: busybox, command: sleep infinity, init: true, volumes: ["data:/data:ro"]}
volumes: {data: }
"#;
    space.create("shop", file).await;
    until_state(&space, "migrate", ServiceState::Failed).await;
    assert_eq!(space.sh_until("reader", "wc -l </data/log").await.trim(), "2", "once, and once more");
    assert!(space.pods("web").await.is_empty());
    space.close().await;
}

#[tokio::test]
async fn a_server_that_gave_up_after_its_restarts_stays_down_and_says_why() {
    let space = Space::open("limit").await;
    space.create("shop", r#"services: {web: {image: busybox, command: [sh, -c, "exit 4"], restart: "on-failure:1"}}"#).await;
    let stack = until_state(&space, "web", ServiceState::Failed).await;
    let message = service(&stack, "web").message.as_ref().unwrap();
    assert!(message.contains("on-failure:1") && message.contains("exit code 4"), "{message}");
    space.until_pods("web", 0).await;
    space.close().await;
}

#[tokio::test]
async fn failures_before_a_run_as_long_as_the_window_are_no_attempts() {
    let space = Space::open("window").await;
    // One attempt is allowed. The second run fails too, but not before it has been well for a while: there is a third one.
    let file = r#"
services:
  web:
    image: busybox
    command: [sh, -c, "echo . >>/data/log; case $$(wc -l </data/log) in 1) exit 4;; 2) sleep 8; exit 4;; *) trap exit TERM; sleep infinity & wait;; esac"]
    deploy: {restart_policy: {condition: on-failure, max_attempts: 1, window: 5s}}
    volumes: [/data]
"#;
    space.create("shop", file).await;
    space.sh_until("web", "test $(wc -l </data/log) = 3").await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "web").state, ServiceState::Running);
    assert_eq!(space.restarts("web").await, 2);
    space.close().await;
}

#[tokio::test]
async fn a_program_without_restart_that_ends_well_is_completed() {
    let space = Space::open("ended").await;
    space.create_spec("shop", json!({"compose": r#"services: {once: {image: busybox, command: [sh, -c, "echo hello"]}}"#})).await;
    until_state(&space, "once", ServiceState::Completed).await;
    space.ready("shop").await;
    space.until_pods("once", 0).await;
    space.close().await;
}

#[tokio::test]
async fn a_service_that_runs_once_in_anothers_pod_completes_beside_it() {
    let space = Space::open("guest").await;
    let file = r#"
services:
  app: {image: debian, init: true, command: [python3, -m, http.server, "8000"], expose: [8000]}
  migrate:
    image: debian
    network_mode: "service:app"
    restart: "no"
    command: [sh, -c, "until curl -sf http://127.0.0.1:8000/ >/dev/null; do sleep 0.1; done"]
  web: {image: debian, init: true, command: sleep infinity, depends_on: {migrate: {condition: service_completed_successfully}}}
"#;
    space.create("shop", file).await;
    let stack = until_state(&space, "migrate", ServiceState::Completed).await;
    assert_ne!(service(&stack, "app").state, ServiceState::Completed);
    space.ready("shop").await;
    space.sh_until("web", "nc -z -w 1 app 8000").await;
    assert_eq!(space.restarts("app").await, 0, "neither is started again");
    space.close().await;
}

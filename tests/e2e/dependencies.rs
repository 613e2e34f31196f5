//! Who waits for whom, with healthchecks that are really run.

use compose_operator::api::{ComposeStack, ServiceState};

use crate::support::{Space, service};

#[tokio::test]
async fn a_healthcheck_gates_readiness_and_what_depends_on_it() {
    let space = Space::open("healthy").await;
    let file = r#"
services:
  db:
    image: busybox
    command: sleep infinity
    init: true
    expose: [5432]
    healthcheck: {test: [CMD, test, -e, /tmp/healthy], interval: 1s, retries: 1}
  web: {image: busybox, command: sleep infinity, init: true, depends_on: {db: {condition: service_healthy}}}
"#;
    space.create("shop", file).await;
    space.sh_until("db", "true").await;
    let stack = space.until_stack("shop", "waiting for db", |stack| state(stack, "web") == Some(ServiceState::Waiting)).await;
    assert_eq!(service(&stack, "web").waiting_for, ["db"]);
    assert!(space.pods("web").await.is_empty());
    space.sh("db", "touch /tmp/healthy").await;
    space.ready("shop").await;

    // Later failures stop nobody and restart nothing.
    space.sh("db", "rm /tmp/healthy").await;
    space.until_stack("shop", "with db Degraded", |stack| state(stack, "db") == Some(ServiceState::Degraded)).await;
    assert_eq!((space.restarts("db").await, space.pods("web").await.len()), (0, 1));
    space.close().await;
}

#[tokio::test]
async fn failures_of_the_start_period_do_not_count() {
    let space = Space::open("start-period").await;
    // One failure would be too much outside of the start period.
    let check = "{test: [CMD, sh, -c, 'test -e /tmp/healthy'], interval: 20s, retries: 1, start_period: 60s, start_interval: 1s}";
    let command = r#"[sh, -c, "sleep 2; touch /tmp/healthy; sleep infinity"]"#;
    space.create("shop", &format!("services: {{web: {{image: busybox, init: true, command: {command}, healthcheck: {check}}}}}")).await;
    space.ready("shop").await;
    assert_eq!(space.restarts("web").await, 0);
    space.close().await;
}

fn state(stack: &ComposeStack, name: &str) -> Option<ServiceState> {
    stack.status.as_ref()?.services.iter().find(|service| service.name == name).map(|service| service.state)
}

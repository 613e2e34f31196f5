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
async fn failures_of_the_start_period_do_not_count_and_it_has_an_interval_of_its_own() {
    let space = Space::open("start-period").await;
    // One failure would be too much outside of the start period.
    let file = r#"
services:
  web:
    image: busybox
    init: true
    command: sleep infinity
    healthcheck: {test: "echo . >>/tmp/checks; test $$(wc -l </tmp/checks) -ge 4", interval: 60s, retries: 1, start_period: 300s, start_interval: 1s}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    // Both are the kubelet's own times: three further checks took three seconds and not three minutes. Then comes the first check of those that
    // count, which a kubelet that was just started puts off by up to a minute.
    let status = space.pod("web").await.status.unwrap();
    let started = status.container_statuses.unwrap()[0].state.clone().unwrap().running.unwrap().started_at.unwrap().0;
    let ready =
        status.conditions.unwrap().into_iter().find(|condition| condition.type_ == "Ready").unwrap().last_transition_time.unwrap().0;
    let took = ready.duration_since(started);
    assert!((2..150).contains(&took.as_secs()), "from start to readiness: {took:?}");
    assert_eq!(space.restarts("web").await, 0);
    space.close().await;
}

fn state(stack: &ComposeStack, name: &str) -> Option<ServiceState> {
    stack.status.as_ref()?.services.iter().find(|service| service.name == name).map(|service| service.state)
}

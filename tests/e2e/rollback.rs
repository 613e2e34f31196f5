//! Updates that fail are undone: what served before serves again.

use compose_operator::api::{ComposeStack, ServiceState};
use serde_json::json;

use crate::support::{Space, condition, service};

const FILE: &str = r#"
services:
  db: {image: busybox, command: sleep infinity, init: true, environment: {REVISION: "1"}}
  web:
    image: busybox
    init: true
    command: [sh, -c, "touch /tmp/well; exec httpd -f -p 80 -h /pages"]
    expose: [80]
    depends_on: [db]
    healthcheck: {test: [CMD, test, -e, /tmp/well], interval: 1s, retries: 1}
    deploy: {update_config: {failure_action: rollback}}
    configs: [{source: page, target: /pages/index.html}]
  client: {image: busybox, command: sleep infinity, init: true}
configs: {page: {content: "revision 1"}}
"#;

/// The same in another revision, of every service and the config.
fn revision(number: u32) -> String {
    FILE.replace("revision 1", &format!("revision {number}")).replace("\"1\"", &format!("\"{number}\""))
}

/// Every service is there in this revision, and serves it.
async fn serves(space: &Space, number: u32) {
    space.sh_until("client", &format!("wget -q -O - http://web/ | grep -x 'revision {number}'")).await;
    for name in ["db", "web"] {
        space.until_pods(name, 1).await;
    }
    space.sh("db", &format!("test $REVISION = {number}")).await;
    space.sh("web", &format!("grep -x 'revision {number}' /pages/index.html && test -e /tmp/well")).await;
}

/// Updates all services, web to one that fails; what is told of that has these words, and the stack is as before. A better update follows.
async fn is_undone(topic: &str, works: &str, fails: &str, told: &str) {
    let space = Space::open(topic).await;
    space.create_spec("shop", json!({"compose": FILE, "progressDeadline": "30s"})).await;
    space.ready("shop").await;
    serves(&space, 1).await;

    let failing = revision(2);
    assert!(failing.contains(works));
    space.compose("shop", &failing.replace(works, fails)).await;
    let is_back = |stack: &ComposeStack| {
        let undone =
            condition(stack, "Stalled").is_some_and(|c| c.reason == "RolledBack" && c.message.ends_with("generation 1 runs again"));
        let status = stack.status.as_ref();
        undone && status.is_some_and(|s| s.observed_generation == stack.metadata.generation && s.summary.as_deref() == Some("3/3"))
    };
    let stack = space.until_stack("shop", "rolled back to what ran", is_back).await;
    let message = &condition(&stack, "Stalled").unwrap().message;
    assert!(message.starts_with("web: ") && message.contains(told), "{message}");
    assert!(condition(&stack, "Ready").is_some_and(|c| c.status == "False"));
    assert_eq!(service(&stack, "web").state, ServiceState::Running);
    serves(&space, 1).await;

    space.compose("shop", &revision(3)).await;
    space.ready("shop").await;
    serves(&space, 3).await;
    space.close().await;
}

#[tokio::test]
async fn an_update_whose_program_ends_is_undone() {
    is_undone("undone-exit", "touch /tmp/well; exec httpd", "exit 3; httpd", "exit code 3").await;
}

#[tokio::test]
async fn an_update_whose_image_is_not_there_is_undone() {
    let (works, fails) = ("image: busybox\n    init", "image: \"nowhere/nothing:1\"\n    init");
    is_undone("undone-image", works, fails, "nowhere/nothing:1").await;
}

#[tokio::test]
async fn an_update_whose_healthcheck_fails_is_undone_when_its_time_is_over() {
    is_undone(
        "undone-check",
        "touch /tmp/well; ",
        "",
        "not there after 30 s: 1 of 1 ready: it runs but isn't ready: its healthcheck does not succeed",
    )
    .await;
}

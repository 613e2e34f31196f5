//! Several containers in one pod, and what runs before them.

use crate::support::Space;

#[tokio::test]
async fn services_that_share_a_network_namespace_meet_on_localhost() {
    let space = Space::open("joined").await;
    let file = r#"
services:
  app:
    image: debian
    init: true
    command: [sh, -c, "until curl -sf http://127.0.0.1:8000/a; do sleep 0.1; done >/tmp/answer; sleep infinity"]
    ports: ["9000:8000"]
  proxy: {image: debian, command: [python3, -m, http.server, "8000", --directory, /files], network_mode: "service:app", volumes: ["./files:/files:ro"]}
  other: {image: debian, command: sleep infinity, init: true}
"#;
    space.create_spec("shop", serde_json::json!({"compose": file, "files": {"files/a": "shared"}})).await;
    space.ready("shop").await;
    assert_eq!(space.sh_until("app", "grep shared /tmp/answer").await, "shared\n");
    space.sh_until("other", "curl -sf http://app:8000/a | grep shared").await;
    let url = format!("http://{}/a", space.published("shop", "app", 8000).await);
    crate::support::answer(&[&url], "through the port that app publishes", |text| text == "shared").await;
    space.close().await;
}

#[tokio::test]
async fn steps_before_the_start_run_once_or_in_each_replica() {
    let space = Space::open("pre-start").await;
    let file = r#"
services:
  web:
    image: busybox
    command: sh -c "cat /data/log >/seen; sleep infinity"
    init: true
    scale: 2
    environment: {GREETING: "it's $$1"}
    pre_start:
      - {command: ["sh", "-c", "echo once \"$$GREETING\" >>/data/log"]}
      - {command: ["sh", "-c", "echo each >>/data/log"], per_replica: true}
    volumes: ["data:/data"]
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let mut lines: Vec<String> = space.sh("web", "cat /data/log").await.lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "once it's $1");
    assert_eq!(lines, ["each", "each"]);
    space.sh_until("web", "grep each /seen").await;
    space.close().await;
}

#[tokio::test]
async fn a_step_before_the_start_that_fails_keeps_its_service_from_starting_and_is_told() {
    let space = Space::open("pre-start-fails").await;
    let file = r#"services: {web: {image: busybox, command: sleep infinity, init: true, pre_start: [{command: [sh, -c, "exit 5"]}]}}"#;
    space.create("shop", file).await;
    let says = |stack: &compose_operator::api::ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services.filter_map(|service| service.message.as_deref()).any(|message| message.contains("exit code 5"))
    };
    space.until_stack("shop", "telling the step's exit code", says).await;
    assert!(space.pods("web").await.iter().all(|pod| pod.status.as_ref().is_none_or(|s| s.phase.as_deref() != Some("Running"))));
    space.close().await;
}

//! The node loses its power.

use compose_operator::api::ServiceState;
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use crate::support::{Space, alone, answer, node, service};

#[tokio::test]
async fn everything_returns_after_a_power_cut_and_nothing_is_written_but_status() {
    let Some(node) = node() else { return };
    let alone = alone().await;
    let space = Space::open("reboot").await;
    let file = r#"
services:
  web:
    image: nginx
    ports: ["8080:80"]
    depends_on: {app: {condition: service_healthy}}
    deploy: {replicas: 2}
    networks: [front]
  app:
    image: busybox
    command: [sh, -c, "echo started >>/data/log; httpd -f -p 8000 -h /data"]
    expose: [8000]
    stop_grace_period: 1s
    healthcheck: {test: "wget -q -O /dev/null http://127.0.0.1:8000/log", interval: 1s}
    volumes: ["data:/data"]
    networks: {front: {aliases: [the_app]}}
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate: {image: busybox, command: [sh, -c, "echo migrated >>/data/log"], restart: "no", volumes: ["data:/data"], networks: [front]}
networks: {front: }
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let url = format!("http://{}", space.published("shop", "web", 80).await);
    answer(&[&url], "with its page", |page| page.contains("nginx")).await;
    let writes = space.writes().len();

    node.reboot().await;
    answer(&[&url], "with its page", |page| page.contains("nginx")).await;
    space.sh_until("web", "curl -sf http://app:8000/log | grep -c started | grep 2").await;
    space.sh_until("web", "curl -sf http://the_app:8000/log").await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "migrate").state, ServiceState::Completed);
    assert_eq!(space.sh("app", "grep -c migrated /data/log").await, "1\n", "what has completed is not run again");
    assert_eq!(space.names::<Job>().await.len(), 1);
    let written: Vec<String> =
        space.writes()[writes..].iter().filter(|event| event.subresource() != "status").map(devcluster::AuditEvent::summary).collect();
    assert!(written.is_empty(), "{written:?}");

    // The operator is back too.
    space.patch("shop", json!({"services": {"web": {"replicas": 3}}})).await;
    space.until_pods("web", 3).await;
    space.ready("shop").await;
    space.close().await;
    drop(alone);
}

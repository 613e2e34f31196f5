//! `x-kubernetes`, as far as only a kubelet shows what it does.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::support::{Space, until};

#[tokio::test]
async fn a_stateful_sets_pods_come_back_under_their_names() {
    let space = Space::open("stateful").await;
    let file = r#"
services:
  db: {image: debian, command: [python3, -m, http.server, "8000"], init: true, expose: [8000], scale: 2, x-kubernetes: {kind: StatefulSet}}
  client: {image: debian, command: sleep infinity, init: true}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let names = async || space.pods("db").await.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    assert_eq!(names().await, ["db-0", "db-1"]);
    let before = space.api::<Pod>().get("db-0").await.unwrap().uid();
    space.delete::<Pod>("db-0").await;
    space.until::<Pod>("db-0", "another one", |pod| pod.is_some_and(|pod| pod.uid() != before)).await;
    space.sh_until("client", "nc -z -w 1 db 8000").await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_liveness_probe_restarts_what_hangs() {
    let space = Space::open("liveness").await;
    let check = "{test: [CMD, test, '!', -e, /tmp/hangs], interval: 1s, retries: 1, x-kubernetes: {liveness: true}}";
    space
        .create(
            "shop",
            &format!("services: {{web: {{image: busybox, command: sleep infinity, stop_grace_period: 1s, healthcheck: {check}}}}}"),
        )
        .await;
    space.ready("shop").await;
    space.sh("web", "touch /tmp/hangs").await;
    until("it was started anew", async || if space.restarts("web").await > 0 { Ok(()) } else { Err("no restart".to_owned()) }).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_schedule_runs_when_its_time_has_come() {
    let space = Space::open("schedule").await;
    let file = r#"services: {backup: {image: busybox, command: [echo, "done, $$HOME"], x-kubernetes: {schedule: "* * * * *"}}}"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.logs_until("backup", "that it is done", |said| said.contains("done, $HOME")).await;
    space.close().await;
}

//! How soon a fault is told, where nothing else keeps the machine busy.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;

use crate::reasons::{conditions, containers, ends, since_its_end, told_of, waits};
use crate::support::{Space, alone};

type Fault = fn(&Pod) -> bool;

#[tokio::test]
async fn what_goes_wrong_is_told_within_ten_seconds() {
    let _alone = alone().await;
    let space = Space::open("in-time").await;
    let file = r#"
services:
  memory: {image: debian, command: [tail, /dev/zero], mem_limit: 20m, restart: always}
  crash: {image: busybox, command: [sh, -c, "exit 3"], restart: always}
  program: {image: busybox, command: [no-such-program], restart: always}
  image: {image: "nowhere/nothing:1"}
  check: {image: busybox, command: sleep infinity, init: true, healthcheck: {test: "false", interval: 1s, retries: 1}}
  room: {image: busybox, command: sleep infinity, deploy: {resources: {reservations: {memory: 100t}}}}
"#;
    let faults: [(&str, Fault, &str); 6] = [
        ("memory", |pod| ends(pod).any(|end| end.reason.as_deref() == Some("OOMKilled")), "OOMKilled"),
        ("crash", |pod| ends(pod).any(|end| end.exit_code == 3), "exit code 3"),
        ("program", |pod| waits(pod, &["RunContainerError"]) || ends(pod).next().is_some(), "no-such-program"),
        ("image", |pod| waits(pod, &["ErrImagePull", "ImagePullBackOff"]), "not found"),
        ("check", |pod| containers(pod).any(|status| !status.ready && status.started == Some(true)), "healthcheck"),
        ("room", |pod| conditions(pod).any(|condition| condition.type_ == "PodScheduled" && condition.status == "False"), "memory"),
    ];
    space.create("shop", file).await;
    let ten_seconds = Duration::from_secs(10);
    let told = faults.into_iter().map(async |(name, is_fault, words)| {
        let late = told_of(&space, name, is_fault, &[words]).await;
        assert!(late < ten_seconds, "the fault of {name} was told after {late:?}");
        if ["memory", "crash"].contains(&name) {
            let late = since_its_end(&space, name).await;
            assert!(late < ten_seconds, "the end of {name} was told after {late:?}");
        }
    });
    join_all(told.map(Box::pin)).await;
    space.close().await;
}

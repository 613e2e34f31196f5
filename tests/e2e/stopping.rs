//! How a container ends: its signal, the time that it is given, who reaps its children.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use kube::ResourceExt;
use serde_json::{Value, json};

use crate::support::Space;

/// Stops the service `web`, and waits until its pod has gone.
async fn stop(space: &Space) -> Duration {
    let pod = space.pod("web").await.name_any();
    let begin = Instant::now();
    space.patch("shop", json!({"services": {"web": {"stopped": true}}})).await;
    space.until::<k8s_openapi::api::core::v1::Pod>(&pod, "gone", |pod| pod.is_none()).await;
    begin.elapsed()
}

/// Says in a volume which signal it got, and that it had the time to finish.
const LISTENER: &str = r#"
for s in HUP INT USR1 TERM; do trap "echo $s >>/data/said; sleep 1; echo done >>/data/said; exit" $s; done
touch /data/ready
while :; do sleep 0.1; done
"#;

/// Runs a script as the service `web` with these attributes; its volume is read by `reader`.
async fn run(topic: &str, script: &str, attributes: Value) -> Space {
    let space = Space::open(topic).await;
    let mut web = json!({
        "image": "busybox",
        "command": ["sh", "-c", script.replace('$', "$$")],
        "healthcheck": {"test": ["CMD", "test", "-e", "/data/ready"], "interval": "1s"},
        "volumes": ["data:/data"],
    });
    web.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    let reader = json!({"image": "busybox", "command": "sleep infinity", "volumes": ["data:/data:ro"], "init": true});
    let file = json!({"services": {"web": web, "reader": reader}, "volumes": {"data": {}}});
    space.create("shop", &file.to_string()).await;
    space.ready("shop").await;
    space
}

/// What the listener says in the end, with these attributes.
async fn last_words(topic: &str, attributes: Value) -> String {
    let space = run(topic, LISTENER, attributes).await;
    stop(&space).await;
    let said = space.sh("reader", "cat /data/said").await;
    space.close().await;
    said
}

#[tokio::test]
async fn a_container_is_ended_by_sigterm() {
    assert_eq!(last_words("term", json!({})).await, "TERM\ndone\n");
}

#[tokio::test]
async fn a_container_is_ended_by_its_stop_signal() {
    assert_eq!(last_words("signal", json!({"stop_signal": "SIGUSR1"})).await, "USR1\ndone\n");
}

#[tokio::test]
async fn a_stop_signal_reaches_the_program_behind_an_init() {
    assert_eq!(last_words("init-signal", json!({"stop_signal": "SIGINT", "init": true})).await, "INT\ndone\n");
}

/// Ignores its signal, and notes how long it goes on living.
const STUBBORN: &str = r#"
trap "cut -d. -f1 /proc/uptime >/data/signal" TERM
touch /data/ready
while :; do cut -d. -f1 /proc/uptime >/data/new; mv /data/new /data/last; sleep 0.1; done
"#;

#[tokio::test]
async fn a_program_that_ignores_its_signal_is_killed_after_its_grace() {
    let survives = async |topic: &str, attributes: Value, expected: RangeInclusive<u64>| {
        let space = run(topic, STUBBORN, attributes).await;
        stop(&space).await;
        let times = space.sh("reader", "cat /data/signal /data/last").await;
        let [signal, last] = times.lines().map(|line| line.parse::<u64>().unwrap()).collect::<Vec<_>>()[..] else { panic!("{times}") };
        // The program's own times: from the signal to its last sign of life. A busy kubelet sends its signals late, and counts a late first
        // one against the grace; but it is neither the other's grace nor Kubernetes' own of 30 s.
        assert!(expected.contains(&(last - signal)), "{topic}: {} s", last - signal);
        space.close().await;
    };
    tokio::join!(survives("grace", json!({"stop_grace_period": "25s"}), 17..=60), survives("default-grace", json!({}), 5..=16));
}

#[tokio::test]
async fn an_init_reaps_and_lets_signals_through() {
    let space = Space::open("init").await;
    let command = r#"["sh", "-c", "sh -c 'sleep 0.2 & exit'; exec sleep infinity"]"#;
    space.create("shop", &format!("services: {{web: {{image: debian, init: true, command: {command}, stop_grace_period: 300s}}}}")).await;
    space.ready("shop").await;
    space.sh("web", "! tr '\\0' ' ' </proc/1/cmdline | grep sleep").await;
    space.sh_until("web", "test $(pgrep -c sleep) = 1 && ! grep -l '^State:.Z' /proc/[0-9]*/status").await;
    let took = stop(&space).await;
    assert!(took.as_secs() < 200, "the program ends by the signal, not after its grace: {took:?}");
    space.close().await;
}

#[tokio::test]
async fn steps_before_the_stop_come_before_the_signal() {
    let space = Space::open("pre-stop").await;
    let file = r#"
services:
  web:
    image: busybox
    command: ["sh", "-c", "trap 'echo signal >>/data/said; exit' TERM; while :; do sleep 0.1; done"]
    pre_stop: [{command: ["sh", "-c", "echo \"$$A\" >>/data/said"], environment: {A: "step $$(B)"}}]
    volumes: [data:/data]
  reader: {image: busybox, command: sleep infinity, volumes: ["data:/data:ro"], init: true}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    stop(&space).await;
    assert_eq!(space.sh("reader", "cat /data/said").await, "step $(B)\nsignal\n");
    space.close().await;
}

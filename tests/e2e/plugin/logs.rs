//! `logs`, over restarts and of replicas that come later.

use std::collections::BTreeMap;

use compose_operator::api::ComposeStack;
use serde_json::json;

use super::following::Following;
use super::proxy::Proxy;
use super::support::Plugin;
use crate::support::{Space, until};

#[tokio::test]
async fn logs_are_those_of_all_services_with_the_name_of_each() {
    let space = Space::open("logs").await;
    let file = r#"
services:
  web: {image: busybox, init: true, command: [sh, -c, "echo one; printf '\\377\\n'; echo three; exec sleep infinity"]}
  database: {image: busybox, init: true, command: [sh, -c, "echo ready; exec sleep infinity"]}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    space.ready("shop").await;
    let pod = |pods: &[k8s_openapi::api::core::v1::Pod]| pods[0].metadata.name.clone().unwrap();
    let (web, database) = (pod(&space.pods("web").await), pod(&space.pods("database").await));
    until("web has said all", async || {
        let said = plugin.prints(&["logs", "web"]).await;
        if said.ends_with("three\n") { Ok(()) } else { Err(said) }
    })
    .await;

    let width = web.len().max(database.len()) + 1;
    let all = plugin.prints(&["logs"]).await;
    assert_eq!(all, format!("{database:width$} | ready\n{web:width$} | one\n{web:width$} | \u{fffd}\n{web:width$} | three\n"));
    assert_eq!(plugin.prints(&["logs", "--no-log-prefix", "-n", "1", "web"]).await, "three\n");
    assert_eq!(plugin.prints(&["logs", "--since", "2001-01-01", "--until", "2002-01-01"]).await, "");
    let timed = plugin.prints(&["logs", "--no-log-prefix", "-t", "database"]).await;
    let (time, rest) = timed.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok() && rest == "ready\n", "{timed}");
    let raw = plugin.command(&["logs", "--no-log-prefix", "web"]).output().await.unwrap();
    assert_eq!(raw.stdout, b"one\n\xff\nthree\n");
    assert_eq!(plugin.fails(&["logs", "nowhere"]).await, "error: no such service: nowhere\n");
    assert_eq!(plugin.fails(&["logs", "--index", "2", "web"]).await, "error: service web has no replica 2\n");
    space.close().await;
}

/// The numbers that each run of each pod has printed: lines are `POD | RUN NUMBER`.
fn numbers(text: &str) -> BTreeMap<(String, String), Vec<u32>> {
    let mut found: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    for line in text[..end].lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [pod, "|", run, number] = words[..] else { panic!("a line is broken: {line:?}") };
        found.entry((pod.to_owned(), run.to_owned())).or_default().push(number.parse().unwrap());
    }
    found
}

/// Whether so many pods have ended so many runs each.
fn has_ended(text: &str, pods: usize, runs: usize) -> bool {
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    for ((pod, _), numbers) in numbers(text) {
        *ended.entry(pod).or_default() += usize::from(numbers.last() == Some(&LAST));
    }
    ended.values().filter(|count| **count >= runs).count() >= pods
}

const LAST: u32 = 300;

#[tokio::test]
async fn a_log_that_is_followed_has_each_line_once_over_restarts_and_of_new_replicas() {
    let space = Space::open("follow").await;
    let script = format!(
        "run=$$(cat /proc/sys/kernel/random/uuid); i=0; while [ $$i -lt {LAST} ]; do i=$$((i+1)); echo $$run $$i; \
         [ $$((i%3)) -gt 0 ] || sleep 0.02; done; exit 1"
    );
    let file = json!({"services": {"web": {"image": "busybox", "command": ["sh", "-c", script], "restart": "always"}}}).to_string();
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", &file)]);
    space.create("shop", &file).await;
    space.until_pods("web", 1).await;
    let following = Following::begin(&plugin, &["logs", "--follow"]);
    following.until("two runs", |text| has_ended(text, 1, 2)).await;
    space.patch("shop", json!({"services": {"web": {"replicas": 2}}})).await;
    following.until("two runs of each replica", |text| has_ended(text, 2, 2)).await;
    for (run, numbers) in numbers(&following.text()) {
        let expected: Vec<u32> = (1..=u32::try_from(numbers.len()).unwrap()).collect();
        assert_eq!(numbers, expected, "{run:?}");
    }

    let other = Following::begin(&plugin, &["logs", "-f", "-n", "3"]);
    other.until("something", |text| text.lines().count() >= 3).await;
    assert_eq!(other.interrupt().await.status.code(), Some(130));

    space.delete::<ComposeStack>("shop").await;
    let output = following.end().await;
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    space.close().await;
}

#[tokio::test]
async fn a_log_that_is_followed_has_each_line_once_over_connections_that_break() {
    let space = Space::open("broken").await;
    let script = "i=0; while :; do i=$$((i+1)); echo $$i; [ $$((i%5)) -gt 0 ] || sleep 0.01; done";
    let file = json!({"services": {"web": {"image": "busybox", "init": true, "command": ["sh", "-c", script]}}}).to_string();
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", &file)]);
    space.create("shop", &file).await;
    space.ready("shop").await;
    let proxy = Proxy::begin().await;
    let kubeconfig = plugin.directory.join("proxied.json");
    std::fs::write(&kubeconfig, &proxy.kubeconfig).unwrap();
    let following = Following::begin(&plugin, &["logs", "-f", "--no-log-prefix", "--kubeconfig", kubeconfig.to_str().unwrap()]);
    let complete = |text: &str| text.rfind('\n').map_or(0, |end| text[..end].lines().count());
    for _ in 0..3 {
        let before = complete(&following.text());
        following.until("more than before", |text| complete(text) > before + 200).await;
        proxy.cut();
    }
    let before = complete(&following.text());
    following.until("more than before", |text| complete(text) > before + 200).await;
    let text = following.text();
    for (index, line) in text.lines().take(complete(&text)).enumerate() {
        assert_eq!(line, (index + 1).to_string(), "the line after {index}");
    }
    space.close().await;
}

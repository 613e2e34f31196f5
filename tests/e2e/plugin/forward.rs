//! `forward`: a service's port on this machine.

use std::process::Command;

use super::following::Following;
use super::support::Plugin;
use crate::support::{Space, finish, until};

#[tokio::test]
async fn a_forwarded_port_answers_also_after_its_pod_has_gone() {
    let space = Space::open("forward").await;
    let file = r#"
services:
  web:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: [sh, -c, "mkdir /www; hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    deploy: {replicas: 2}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    space.ready("shop").await;
    let following = Following::begin(&plugin, &["forward", "web", ":80", ":81"]);
    following.until("where it listens", |text| text.lines().count() == 2).await;
    let text = following.text();
    let addresses: Vec<&str> = text.lines().filter_map(|line| line.split_once(" -> web:")).map(|(address, _)| address).collect();
    let first = answer(addresses[0]).await;
    assert_eq!(answer(addresses[0]).await, first, "the same pod answers for as long as it is ready");
    space.delete::<k8s_openapi::api::core::v1::Pod>(first.trim()).await;
    until("another pod answers", async || {
        let other = asked(addresses[0]).await?;
        if other == first { Err(other) } else { Ok(()) }
    })
    .await;

    assert!(asked(addresses[1]).await.is_err(), "nobody listens on port 81");
    let output = following.interrupt().await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(130) && said.contains("web:81: ") && said.contains("refused"), "{said}");
    space.close().await;
}

/// What is answered here: the plugin listens where the test runs.
async fn asked(address: &str) -> Result<String, String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", address]);
    let output = finish(curl).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

async fn answer(address: &str) -> String {
    asked(address).await.unwrap_or_else(|error| panic!("{address}: {error}"))
}

//! `up` in the foreground.

use super::following::Following;
use super::support::Plugin;
use crate::support::{Space, until};

const FILE: &str = r#"
services:
  web: {image: busybox, stop_grace_period: 1s, command: sh -c 'echo web-speaks; sleep 1000'}
  db: {image: busybox, stop_grace_period: 1s, command: sh -c 'echo db-speaks; sleep 1000'}
  quiet: {image: busybox, stop_grace_period: 1s, attach: false, command: sh -c 'echo quiet-speaks; sleep 1000'}
"#;

#[tokio::test]
async fn up_shows_all_output_together_and_ctrl_c_stops_all() {
    let space = Space::open("up").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", FILE)]);
    let up = Following::begin(&plugin, &["up"]);
    up.until("both", |text| text.contains("| web-speaks") && text.contains("| db-speaks")).await;
    space.ready("shop").await;
    let printed = up.text();
    assert!(!printed.contains("quiet-speaks"), "{printed}");
    let ended = up.interrupt().await;
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert_eq!(plugin.prints(&["ps", "-q"]).await, "", "nothing runs any more");
    assert!(space.pods("web").await.is_empty());

    // Started again without them, they say it anew, and `logs` has it.
    plugin.prints(&["up", "-d"]).await;
    space.logs_until("db", "its line", |said| said == "db-speaks\n").await;
    let again = Following::begin(&plugin, &["up", "web"]);
    // It may take a moment until it listens.
    until("what is new is printed", async || {
        plugin.prints(&["exec", "-T", "web", "sh", "-c", "echo from-now-on >/proc/1/fd/1"]).await;
        let printed = again.text();
        if printed.contains("from-now-on") { Ok(()) } else { Err(printed) }
    })
    .await;
    let printed = again.text();
    assert!(!printed.contains("speaks"), "what was said before is not printed: {printed}");
    again.interrupt().await;
    space.close().await;
}

#[tokio::test]
async fn up_ends_when_all_that_it_started_has_ended() {
    let space = Space::open("up-ends").await;
    let file = |code: u32| format!("services: {{job: {{image: busybox, restart: 'no', command: sh -c 'echo done; exit {code}'}}}}");
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", &file(0))]);
    let said = plugin.run(&["up"]).await;
    assert!(said.code == Some(0) && said.out.ends_with("| done\n"), "{said:?}");
    plugin.write("compose.yaml", &file(3));
    let said = plugin.run(&["up"]).await;
    assert!(said.code == Some(1) && said.err.contains("job"), "{said:?}");
    space.close().await;
}

//! `kubectl compose up`, `stop`, `wait` and `down`, as far as containers show what they do.

use super::support::Plugin;
use crate::support::Space;

#[tokio::test]
async fn up_brings_the_projects_files_and_what_changes_of_them() {
    let space = Space::open("up").await;
    let file = "services: {web: {image: busybox, command: sleep infinity, init: true, env_file: [web.env], secrets: [key], \
                volumes: ['./motd:/motd:ro']}}\nsecrets: {key: {file: key.txt}}\n";
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file), ("web.env", "A=1\n"), ("key.txt", "one"), ("motd", "hello\n")]);
    plugin.prints(&["up", "-d"]).await;
    let read = "cat /motd /run/secrets/key; echo $A";
    assert_eq!(space.sh("web", read).await, "hello\none1\n");
    plugin.write("key.txt", "two");
    plugin.write("web.env", "A=2\n");
    plugin.prints(&["up", "-d"]).await;
    assert_eq!(space.sh("web", read).await, "hello\ntwo2\n");
    plugin.prints(&["down", "-t", "1"]).await;
    space.close().await;
}

#[tokio::test]
async fn wait_tells_how_a_container_ended_by_itself_and_by_a_stop() {
    let space = Space::open("stop-verb").await;
    let file = r#"
services:
  deaf: {image: busybox, command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"], stop_grace_period: 2s}
  ends: {image: busybox, command: [sh, -c, "sleep 2; exit 7"], restart: "no"}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    plugin.run(&["up", "-d"]).await;
    let said = plugin.run(&["wait", "ends"]).await;
    assert!(said.code == Some(7) && said.out.ends_with(" exited with status code 7\n"), "{said:?}");
    let (waited, stopped) = tokio::join!(plugin.run(&["wait", "deaf"]), plugin.run(&["stop", "deaf"]));
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(waited.code, Some(137), "{waited:?}");
    plugin.prints(&["start", "deaf"]).await;
    plugin.prints(&["down", "-t", "1"]).await;
    space.close().await;
}

//! Verbs that change what runs of a stack: `stop`, `start`, `restart`, `scale`, `wait`.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::support::Plugin;
use crate::support::{Space, service};

const SHOP: &str =
    "services:\n  web: {image: nginx, depends_on: [db], deploy: {replicas: 2}}\n  db: {image: postgres}\n  other: {image: nginx}\n";

async fn pods(space: &Space, service: &str) -> Vec<String> {
    let mut names: Vec<String> = space.names::<Pod>().await.into_iter().filter(|pod| pod.starts_with(&format!("{service}-"))).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_stack_is_stopped_and_started_as_a_whole_and_in_parts() {
    let space = Space::open("stop").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    assert!(plugin.fails(&["stop"]).await.contains("there is no stack shop"));
    plugin.prints(&["up", "-d"]).await;

    let said = plugin.run(&["stop", "-t", "1"]).await;
    assert!(said.code == Some(0) && said.err.contains(" Service web  Stopped\n"), "{said:?}");
    assert_eq!(space.names::<Pod>().await, [""; 0]);
    let before = space.writes_of_plugin();
    plugin.prints(&["stop"]).await;
    assert_eq!(space.writes_of_plugin(), before, "it is stopped already");

    plugin.prints(&["start", "web"]).await;
    assert_eq!((pods(&space, "web").await.len(), pods(&space, "db").await.len(), pods(&space, "other").await.len()), (2, 1, 0));
    plugin.prints(&["start"]).await;
    assert_eq!(pods(&space, "other").await.len(), 1);
    plugin.prints(&["stop", "web"]).await;
    assert_eq!((pods(&space, "web").await.len(), pods(&space, "db").await.len()), (0, 1));
    assert!(plugin.fails(&["stop", "nowhere"]).await.contains("no such service: nowhere"));
    let stack = space.ready("shop").await;
    assert!(stack.spec.services["web"].stopped && !stack.spec.stopped);
    plugin.prints(&["up", "-d"]).await;
    assert_eq!(pods(&space, "web").await.len(), 2, "what is up is started");
    space.close().await;
}

#[tokio::test]
async fn what_is_made_without_a_start_waits_for_one() {
    let space = Space::open("no-start").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    plugin.prints(&["up", "-d", "--no-start"]).await;
    assert_eq!(space.names::<Pod>().await, [""; 0]);
    plugin.prints(&["start"]).await;
    assert_eq!((pods(&space, "web").await.len(), pods(&space, "db").await.len()), (2, 1));
    space.close().await;
}

#[tokio::test]
async fn a_restart_gives_a_service_new_containers_and_no_other() {
    let space = Space::open("restart").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    plugin.prints(&["up", "-d"]).await;
    let (web, db) = (pods(&space, "web").await, pods(&space, "db").await);
    plugin.prints(&["restart", "web"]).await;
    let again = pods(&space, "web").await;
    assert!(again.len() >= 2 && again.iter().filter(|pod| !web.contains(pod)).count() == 2, "{web:?} {again:?}");
    plugin.prints(&["restart", "web"]).await;
    assert_eq!(pods(&space, "db").await, db);
    let web = pods(&space, "web").await;
    plugin.prints(&["up", "-d", "--force-recreate", "web"]).await;
    assert!(pods(&space, "web").await.iter().filter(|pod| !web.contains(pod)).count() == 2, "new ones");
    assert_eq!(pods(&space, "db").await, db);
    assert!(plugin.fails(&["restart", "--no-deps"]).await.contains("--no-deps: "));
    space.close().await;
}

#[tokio::test]
async fn a_service_is_scaled() {
    let space = Space::open("scale-verb").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    plugin.prints(&["up", "-d"]).await;
    plugin.prints(&["scale", "web=3", "other=0"]).await;
    let stack = space.ready("shop").await;
    assert_eq!((service(&stack, "web").ready, service(&stack, "other").desired), (3, 0));
    assert_eq!(pods(&space, "other").await.len(), 0);
    assert!(plugin.fails(&["scale", "nowhere=1"]).await.contains("no such service: nowhere"));
    plugin.prints(&["up", "-d"]).await;
    assert_eq!(service(&space.ready("shop").await, "web").desired, 2, "the file's number");
    space.close().await;
}

#[tokio::test]
async fn wait_tells_how_services_end() {
    let space = Space::open("wait").await;
    let file = r#"
services:
  good: {image: tool, restart: "no", annotations: {devcluster/exit-code: "0"}}
  bad: {image: tool, restart: "no", annotations: {devcluster/exit-code: "3", devcluster/run-for: 1s}}
  web: {image: nginx}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create_spec("shop", json!({"compose": file})).await;
    space.until_stack("shop", "observed", |stack| stack.status.is_some()).await;
    let said = plugin.run(&["wait", "bad", "good"]).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("container \"bad-") && lines[0].ends_with(" exited with status code 3"), "{said:?}");
    assert!(lines[1].starts_with("container \"good-") && lines[1].ends_with(" exited with status code 0"), "{said:?}");
    let said = plugin.run(&["wait", "--down-project", "good"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains(" Stack shop  Removed\n"), "{said:?}");
    assert_eq!(space.names::<Pod>().await, [""; 0]);
    space.close().await;
}

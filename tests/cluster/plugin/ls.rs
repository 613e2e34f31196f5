//! `ls`.

use serde_json::{Value, json};

use super::support::Plugin;
use crate::support::Space;

#[tokio::test]
async fn ls_shows_the_stacks_of_a_namespace() {
    let space = Space::open("ls").await;
    let plugin = Plugin::new(&space, "empty", &[]);
    assert_eq!(plugin.prints(&["ls", "--format", "json"]).await, "[]\n");
    space.create("shop", "services: {web: {image: nginx, deploy: {replicas: 2}}, db: {image: postgres}}").await;
    space.create("idle", "services: {job: {image: nginx, scale: 0}}").await;
    space.ready("shop").await;
    space.ready("idle").await;
    let shown: Value = serde_json::from_str(&plugin.prints(&["ls", "--format", "json"]).await).unwrap();
    let expected = json!([{"Name": "shop", "Namespace": space.name, "Status": "running(3)", "ConfigFiles": "compose.yaml"}]);
    assert_eq!(shown, expected);
    assert_eq!(plugin.prints(&["ls", "-a", "-q"]).await, "idle\nshop\n");
    assert!(plugin.prints(&["ls", "-A"]).await.contains(&space.name));
    space.close().await;
}

#[tokio::test]
async fn a_user_without_rights_is_told_what_is_forbidden() {
    let space = Space::open("no-rights").await;
    let mut plugin = Plugin::new(&space, "shop", &[("compose.yaml", "services: {web: {image: nginx}}")]);
    plugin.kubeconfig = space.account("default").await;
    let said = plugin.fails(&["ps"]).await;
    assert!(said.starts_with("error: get ComposeStack shop: ") && said.contains("forbidden"), "{said}");
    space.close().await;
}

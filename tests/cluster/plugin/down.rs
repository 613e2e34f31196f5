//! `down`.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use serde_json::json;

use super::support::Plugin;
use crate::support::Space;

const SHOP: &str = r#"
services:
  web: {image: nginx, ports: ["80"], configs: [motd], env_file: [web.env]}
  db: {image: postgres, volumes: ["data:/var/lib/postgresql/data"]}
configs: {motd: {content: welcome}}
volumes: {data: }
"#;

#[tokio::test]
async fn down_removes_all_but_data_and_with_v_that_too() {
    let space = Space::open("down").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP), ("web.env", "A=1\n")]);
    plugin.prints(&["up", "-d"]).await;
    // Another stack's volume, and one that somebody made with the stack's label.
    let size = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let label = json!({"compose-operator.dev/stack": "shop"});
    let claim = |name: &str, stack: &str| {
        let annotations = json!({"compose-operator.dev/stack": stack, "compose-operator.dev/volume": "data"});
        json!({"metadata": {"name": name, "labels": label, "annotations": annotations}, "spec": size})
    };
    space.make::<PersistentVolumeClaim>(claim("other-data", "other")).await;
    space.make::<PersistentVolumeClaim>(json!({"metadata": {"name": "by-hand", "labels": label}, "spec": size})).await;

    let said = plugin.run(&["down", "-t", "1"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for line in [" Service web  Removed\n", " Service db  Removed\n", " Stack shop  Removed\n"] {
        assert!(said.err.contains(line), "{said:?}");
    }
    assert_eq!((space.names::<Deployment>().await, space.names::<Pod>().await), (vec![], vec![]));
    assert_eq!((space.names::<Secret>().await, space.names::<Service>().await), (vec![], vec![]));
    assert_eq!(space.names::<ConfigMap>().await, ["kube-root-ca.crt"]);
    assert_eq!(space.names::<ComposeStack>().await, [""; 0]);
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["by-hand", "other-data", "shop-data"]);

    plugin.prints(&["up", "-d"]).await;
    let said = plugin.run(&["down", "--volumes"]).await;
    assert!(said.code == Some(0) && said.err.contains(" Volume shop-data  Removed\n"), "{said:?}");
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["by-hand", "other-data"]);
    space.close().await;
}

#[tokio::test]
async fn down_of_what_is_not_there_is_no_error_and_still_removes_its_volumes() {
    let space = Space::open("down-none").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP), ("web.env", "A=1\n")]);
    let said = plugin.run(&["down"]).await;
    assert!(said.code == Some(0) && said.err.contains("No resource found to remove for project \"shop\""), "{said:?}");
    plugin.prints(&["up", "-d"]).await;
    plugin.prints(&["down"]).await;
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["shop-data"]);
    plugin.prints(&["down", "-v"]).await;
    assert_eq!(space.names::<PersistentVolumeClaim>().await, [""; 0]);
    assert!(plugin.fails(&["down", "--rmi", "all"]).await.contains("--rmi: images are on the nodes"));
    assert!(plugin.fails(&["down", "web"]).await.contains("down removes the whole stack"));
    space.close().await;
}

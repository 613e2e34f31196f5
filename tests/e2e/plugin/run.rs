//! `run`: one-off containers.

use k8s_openapi::api::core::v1::{Endpoints, Pod};
use kube::ResourceExt;

use super::support::Plugin;
use crate::support::{Connection, Space};

#[tokio::test]
async fn a_one_off_container_is_the_service_but_gets_none_of_its_traffic() {
    let space = Space::open("one-off").await;
    let file = r#"
services:
  web:
    image: debian
    init: true
    working_dir: /srv
    environment: {COLOR: blue}
    command: [python3, -m, http.server, "80"]
    healthcheck: {test: "true", interval: 1s}
    networks: [front]
  api: {image: debian, init: true, command: [python3, -m, http.server, "80"], networks: [front]}
  other: {image: debian, init: true, command: [python3, -m, http.server, "80"], networks: [back]}
networks: {front: , back: }
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    space.ready("shop").await;

    let script = "echo $COLOR $SIZE $(pwd) $(id -u); seq 3; exit 7";
    let said = plugin.run(&["run", "--rm", "-e", "SIZE=big $x", "-u", "1000", "web", "sh", "-c", script]).await;
    assert_eq!((said.code, &*said.out, &*said.err), (Some(7), "blue big $x /srv 1000\n1\n2\n3\n", ""));
    let fed = plugin.run_with(&["run", "--rm", "-T", "web", "sort"], b"b\na\n").await;
    assert_eq!((fed.code, &*fed.out), (Some(0), "a\nb\n"), "{fed:?}");
    let missing = plugin.run(&["run", "--rm", "web", "nope"]).await;
    assert!(missing.code == Some(127) && missing.err.contains("executable file not found"), "{missing:?}");
    let gone = |pods: &[Pod]| pods.iter().all(|pod| !pod.name_any().contains("-run-") || pod.metadata.deletion_timestamp.is_some());
    assert!(gone(&space.list::<Pod>().await), "--rm leaves no pod");

    let before: Vec<_> = space.pods("web").await.iter().map(ResourceExt::name_any).collect();
    let name = plugin.prints(&["run", "-d", "--name", "visitor", "web", "python3", "-m", "http.server", "80"]).await;
    assert_eq!(name, "visitor\n");
    space
        .until::<Pod>("visitor", "running", |pod| {
            pod.and_then(|pod| pod.status.as_ref()).and_then(|status| status.phase.as_deref()) == Some("Running")
        })
        .await;
    let owner = &space.api::<Pod>().get("visitor").await.unwrap().metadata.owner_references.unwrap()[0];
    assert_eq!((&*owner.kind, &*owner.name), ("ComposeStack", "shop"));
    // As policies let it out: to those on its network, and to nobody else.
    let reach = |host: &str| format!("import socket; socket.create_connection(('{host}', 80), 5)");
    space.try_sh_in("visitor", &format!("python3 -c \"{}\"", reach("api"))).await.unwrap();
    assert_eq!(space.connect("other", "api", 80).await, Connection::Closed);
    assert!(space.try_sh_in("visitor", &format!("python3 -c \"{}\"", reach("other"))).await.is_err());
    let addresses: Vec<String> = space
        .list::<Endpoints>()
        .await
        .into_iter()
        .flat_map(|e| e.subsets.unwrap_or_default())
        .flat_map(|subset| subset.addresses.unwrap_or_default())
        .filter_map(|address| address.target_ref?.name)
        .collect();
    assert!(!addresses.is_empty() && !addresses.contains(&"visitor".to_owned()), "{addresses:?}");
    let after: Vec<_> = space.pods("web").await.iter().map(ResourceExt::name_any).collect();
    assert_eq!(before, after, "no workload takes it for one of its own");
    space.ready("shop").await;
    assert!(!plugin.prints(&["ps"]).await.contains("visitor"));
    space.close().await;
}

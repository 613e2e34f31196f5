//! The operator runs under exactly the rights that the chart renders.

use crate::support::{OPERATOR_NAMESPACE, Space, kubectl};

async fn may(space: &Space, verb: &str, resource: &str) -> bool {
    let account = format!("--as=system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_NAMESPACE}");
    let answer = kubectl(space, &["auth", "can-i", verb, resource, &account, "--quiet=false"]).await;
    answer.trim() == "yes"
}

#[tokio::test]
async fn a_stack_becomes_ready_under_the_chart_s_rights_alone() {
    let space = Space::open("rights").await;
    let file = "
services:
  web: {image: nginx, ports: ['80'], networks: [front], configs: [settings]}
  db: {image: postgres, volumes: [data:/data]}
  task: {image: app, restart: 'no'}
  agent: {image: agent, deploy: {mode: global}}
networks: {front: {}}
volumes: {data: {}}
configs: {settings: {content: a=b}}
";
    space.create("shop", file).await;
    space.ready("shop").await;
    // The oracle fails a request that was forbidden.
    space.close().await;
}

#[tokio::test]
async fn the_account_may_not_do_what_no_stack_needs() {
    let space = Space::open("may-not").await;
    for (verb, resource) in [
        ("delete", "persistentvolumeclaims"),
        ("create", "pods"),
        ("create", "clusterroles"),
        ("update", "composestacks"),
        ("delete", "namespaces"),
    ] {
        assert!(!may(&space, verb, resource).await, "{verb} {resource}");
    }
    assert!(may(&space, "create", "deployments").await);
    space.close().await;
}

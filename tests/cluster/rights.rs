//! The operator runs under exactly the rights that the chart renders.

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::support::{OPERATOR_NAMESPACE, Space};

async fn may(space: &Space, verb: &str, group: &str, resource: &str) -> bool {
    let user = format!("system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_NAMESPACE}");
    let attributes = json!({"namespace": space.name, "verb": verb, "group": group, "resource": resource});
    let review = serde_json::from_value(json!({"metadata": {}, "spec": {"user": user, "resourceAttributes": attributes}})).unwrap();
    let answer = Api::<SubjectAccessReview>::all(space.client.clone()).create(&PostParams::default(), &review).await.unwrap();
    answer.status.is_some_and(|status| status.allowed)
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
  nightly: {image: nightly, x-kubernetes: {schedule: '@daily'}}
  shop:
    image: shop
    ports: [{target: 80, x-kubernetes: {expose: ingress}}]
    x-kubernetes: {kind: StatefulSet, hpa: {min: 2, max: 3}, pdb: true}
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
    let denied = [
        ("delete", "", "persistentvolumeclaims"),
        ("create", "", "pods"),
        ("delete", "", "pods"),
        ("delete", "", "namespaces"),
        ("update", "compose-operator.dev", "composestacks"),
        ("delete", "compose-operator.dev", "composestacks"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("impersonate", "", "users"),
    ];
    for (verb, group, resource) in denied {
        assert!(!may(&space, verb, group, resource).await, "{verb} {resource}");
    }
    assert!(may(&space, "create", "apps", "deployments").await);
    assert!(may(&space, "delete", "gateway.networking.k8s.io", "httproutes").await);
    space.close().await;
}

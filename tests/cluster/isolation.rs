//! Namespaces: their deletion, several of them, and those without a stack.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::DeleteParams;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::support::{PATIENCE, Space, operator_stopped};

const FILE: &str = "
services:
  web: {image: nginx, expose: [80], networks: [front]}
networks: {front: {}}
";

async fn delete_namespace(space: &Space) {
    let namespaces = Api::<Namespace>::all(space.client.clone());
    let uid = namespaces.get(&space.name).await.unwrap().uid().unwrap();
    namespaces.delete(&space.name, &DeleteParams::background()).await.unwrap();
    let gone = await_condition(namespaces, &space.name, conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone).await.expect("the namespace is not gone").unwrap();
}

#[tokio::test]
async fn a_namespace_is_deleted_while_there_is_no_operator() {
    let space = Space::open("orphaned").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    let stopped = operator_stopped().await;
    delete_namespace(&space).await;
    drop(stopped);
    space.close().await;
}

#[tokio::test]
async fn a_namespace_is_deleted_while_the_operator_runs() {
    let space = Space::open("terminating").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    let requests = space.requests().len();
    delete_namespace(&space).await;
    // Its objects go one by one; the operator may try once to bring one back before it knows why.
    let creations: Vec<_> = space.requests().split_off(requests).into_iter().filter(|request| request.starts_with("create ")).collect();
    assert!(creations.len() <= 1, "{}", creations.join("\n"));
    space.close().await;
}

#[tokio::test]
async fn stacks_of_two_namespaces_with_the_same_names_know_nothing_of_each_other() {
    let (one, two) = (Space::open("one").await, Space::open("two").await);
    for space in [&one, &two] {
        space.create("shop", FILE).await;
    }
    for space in [&one, &two] {
        space.ready("shop").await;
    }
    let before = two.api::<Deployment>().get("web").await.unwrap();
    let writes = two.writes().len();
    one.compose("shop", &FILE.replace("nginx", "httpd")).await;
    one.ready("shop").await;
    one.delete::<compose_operator::api::ComposeStack>("shop").await;
    one.until::<Deployment>("web", "gone", |web| web.is_none()).await;
    one.until::<NetworkPolicy>("shop--net-front", "gone", |policy| policy.is_none()).await;
    let after = two.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
    assert_eq!(two.writes().len(), writes);
    two.ready("shop").await;
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn a_namespace_without_stacks_is_never_asked_about() {
    let bystander = Space::open("bystander").await;
    let labels = json!({"app.kubernetes.io/managed-by": "compose-operator", "compose-operator.dev/stack": "shop", "compose-operator.dev/service": "web"});
    let theirs: Service = bystander.make(json!({"metadata": {"name": "web", "labels": labels}, "spec": {"ports": [{"port": 80}]}})).await;
    let space = Space::open("beside").await;
    space.create("shop", FILE).await;
    space.ready("shop").await;
    space.delete::<compose_operator::api::ComposeStack>("shop").await;
    space.until::<Deployment>("web", "gone", |web| web.is_none()).await;
    let still = bystander.api::<Service>().get("web").await.unwrap();
    assert_eq!(still.resource_version(), theirs.resource_version());
    assert_eq!(bystander.requests(), Vec::<String>::new());
    bystander.close().await;
    space.close().await;
}

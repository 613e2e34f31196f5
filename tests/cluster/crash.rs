//! The operator is killed while it makes a stack; the next one goes on.

use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::support::{Space, operator_stopped};

/// Of every kind one, in an order: the job before `web`.
const FILE: &str = "
services:
  web: {image: nginx, expose: [80], networks: [front], volumes: [data:/data], configs: [settings], depends_on: {task: {condition: service_completed_successfully}}}
  task: {image: app}
networks: {front: {}}
volumes: {data: {}}
configs: {settings: {content: a=b}}
";

/// Kills the operator as soon as an object of the kind is seen, and looks at what the next one makes of it.
async fn killed_after<K>(topic: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug + Send + 'static,
{
    let space = Space::open(topic).await;
    space.create("shop", FILE).await;
    space.until_any::<K>("of the stack", |object| object.name_any() != "kube-root-ca.crt").await;
    drop(operator_stopped().await);
    space.ready("shop").await;
    assert_eq!(space.names::<Deployment>().await, ["web"]);
    assert_eq!(space.names::<Job>().await.len(), 1, "the job ran once");
    assert_eq!(space.names::<Service>().await.into_iter().collect::<BTreeSet<_>>(), ["task", "web"].map(str::to_owned).into());
    assert_eq!(space.names::<NetworkPolicy>().await, ["shop--net-front"]);
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["shop-data"]);
    assert_eq!(space.names::<ConfigMap>().await.len(), 2, "the content once, and the cluster's own");
    space.until_pods("web", 1).await;
    space.close().await;
}

#[tokio::test]
async fn after_its_first_config() {
    killed_after::<ConfigMap>("killed-config").await;
}

#[tokio::test]
async fn after_its_first_policy() {
    killed_after::<NetworkPolicy>("killed-policy").await;
}

#[tokio::test]
async fn after_its_first_service() {
    killed_after::<Service>("killed-service").await;
}

#[tokio::test]
async fn after_its_job() {
    killed_after::<Job>("killed-job").await;
}

#[tokio::test]
async fn after_its_deployment() {
    killed_after::<Deployment>("killed-deployment").await;
}

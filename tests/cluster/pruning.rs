//! What leaves the file leaves the cluster; data stays.

use compose_operator::api::ComposeStack;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::Space;

const WHOLE: &str = "
services:
  web: {image: nginx, networks: [front], ports: ['80'], configs: [settings]}
  db: {image: postgres, networks: [back], volumes: [data:/var/lib/postgresql/data]}
networks: {front: {}, back: {}}
volumes: {data: {}}
configs: {settings: {content: a=b}}
";

const PART: &str = "
services:
  web: {image: nginx, networks: [front], ports: ['80'], configs: [settings]}
networks: {front: {}}
configs: {settings: {content: a=b}}
";

async fn gone<K>(space: &Space, name: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + 'static,
{
    space.until::<K>(name, "gone", |object| object.is_none()).await;
}

#[tokio::test]
async fn a_removed_service_and_network_are_pruned_and_their_claim_stays() {
    let space = Space::open("pruned").await;
    space.create("shop", WHOLE).await;
    space.ready("shop").await;
    let claim = space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap();
    assert_eq!(claim.owner_references(), [], "data has no owner");
    let kept = space.api::<Deployment>().get("web").await.unwrap();

    space.compose("shop", PART).await;
    gone::<Deployment>(&space, "db").await;
    gone::<Service>(&space, "db").await;
    gone::<NetworkPolicy>(&space, "shop--net-back").await;
    space.ready("shop").await;
    let after = space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap();
    assert_eq!(after.uid(), claim.uid());
    let web = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!((web.uid(), web.metadata.generation), (kept.uid(), kept.metadata.generation), "what stays in the file isn't touched");
    space.close().await;
}

#[tokio::test]
async fn a_deleted_stack_leaves_nothing_but_its_claims_and_a_new_one_takes_them_up() {
    let space = Space::open("deleted").await;
    space.create("shop", WHOLE).await;
    space.ready("shop").await;
    let claim = space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap();

    space.delete::<ComposeStack>("shop").await;
    gone::<ComposeStack>(&space, "shop").await;
    for name in ["web", "db"] {
        gone::<Deployment>(&space, name).await;
        gone::<Service>(&space, name).await;
        space.until_pods(name, 0).await;
    }
    for name in space.names::<Service>().await {
        gone::<Service>(&space, &name).await;
    }
    for name in space.names::<NetworkPolicy>().await {
        gone::<NetworkPolicy>(&space, &name).await;
    }
    for name in space.names::<Secret>().await {
        gone::<Secret>(&space, &name).await;
    }
    for name in space.names::<ConfigMap>().await.iter().filter(|name| *name != "kube-root-ca.crt") {
        gone::<ConfigMap>(&space, name).await;
    }
    assert!(space.names::<Deployment>().await.is_empty() && space.names::<Job>().await.is_empty());
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["shop-data"]);

    space.create("shop", WHOLE).await;
    space.ready("shop").await;
    let after = space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap();
    assert_eq!(after.uid(), claim.uid());
    space.close().await;
}

#[tokio::test]
async fn a_changed_config_rolls_its_users_and_leaves_no_old_copy() {
    let space = Space::open("config").await;
    space.create("shop", PART).await;
    space.ready("shop").await;
    let ours = |names: Vec<String>| names.into_iter().filter(|name| name.starts_with("shop--")).collect::<Vec<_>>();
    let [before] = &ours(space.names::<ConfigMap>().await)[..] else { panic!("one copy of one config") };
    space.compose("shop", &PART.replace("a=b", "a=c")).await;
    space.ready("shop").await;
    gone::<ConfigMap>(&space, before).await;
    let [after] = &ours(space.names::<ConfigMap>().await)[..] else { panic!("one copy of one config") };
    assert_ne!(after, before, "the name says the content");
    space.close().await;
}

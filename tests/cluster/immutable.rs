//! Objects that can't be changed into what is wanted are made anew; what they hold stays.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::ResourceExt;
use serde_json::json;

use crate::support::{Space, operator_stopped};

fn file(class: &str, more: bool) -> String {
    let (mount, volume) = if more { (", 'logs:/logs'", "logs: {x-kubernetes: {shared: false}}") } else { ("", "") };
    format!(
        "
services:
  db: {{image: db, volumes: ['data:/data'{mount}], deploy: {{replicas: 2}}, x-kubernetes: {{kind: StatefulSet}}}}
volumes: {{data: {{driver_opts: {{class: {class}}}, x-kubernetes: {{shared: false}}}}, {volume}}}
"
    )
}

async fn claims(space: &Space) -> BTreeSet<(String, Option<String>)> {
    space.list::<PersistentVolumeClaim>().await.into_iter().map(|claim| (claim.name_any(), claim.uid())).collect()
}

async fn made_anew(space: &Space, uid: Option<String>) -> StatefulSet {
    let other = |set: Option<&StatefulSet>| set.is_some_and(|set| set.uid() != uid && set.metadata.deletion_timestamp.is_none());
    space.until::<StatefulSet>("db", "another one", other).await.unwrap()
}

#[tokio::test]
async fn a_stateful_set_whose_claims_change_is_made_anew_with_the_claims_that_there_are() {
    let space = Space::open("immutable").await;
    space.create("shop", &file("standard", false)).await;
    space.ready("shop").await;
    let (first, before) = (space.api::<StatefulSet>().get("db").await.unwrap(), claims(&space).await);
    assert_eq!(before.len(), 2);

    space.compose("shop", &file("other", false)).await;
    let second = made_anew(&space, first.uid()).await;
    space.ready("shop").await;
    assert_eq!(claims(&space).await, before);
    let pods = space.until_pods("db", 2).await;
    assert!(pods.iter().all(|pod| pod.owner_references().iter().any(|owner| Some(&owner.uid) == second.uid().as_ref())));

    // A pod never gets a further volume.
    space.compose("shop", &file("other", true)).await;
    made_anew(&space, second.uid()).await;
    space.ready("shop").await;
    let after = claims(&space).await;
    assert!(after.is_superset(&before) && after.len() == 4, "{after:?}");
    space.close().await;
}

#[tokio::test]
async fn the_replicas_of_a_stateful_set_that_is_made_anew_go_one_by_one() {
    let space = Space::open("immutable-rolls").await;
    space.create("shop", &file("standard", false)).await;
    space.ready("shop").await;
    let first = space.api::<StatefulSet>().get("db").await.unwrap();
    space.annotate_pods("db", "example.com/kept", Some("true")).await;
    // The successor's pods are never ready, so that the first one of them stops the roll-out.
    let unready = file("other", false).replace("image: db,", "image: db, labels: {devcluster/unready: 'true'},");
    space.compose("shop", &unready).await;
    let second = made_anew(&space, first.uid()).await;
    let adopted = |pod: &Pod| {
        pod.annotations().contains_key("example.com/kept")
            && pod.owner_references().iter().any(|owner| Some(&owner.uid) == second.uid().as_ref())
    };
    space.until_any::<Pod>("that has stayed", adopted).await;
    space.compose("shop", &file("other", false)).await;
    space.close().await;
}

#[tokio::test]
async fn a_deployment_that_was_handed_over_and_selects_otherwise_is_told_and_left() {
    let space = Space::open("immutable-adopted").await;
    let labels = json!({"app": "theirs"});
    let theirs = json!({
        "metadata": {"name": "web", "annotations": {"compose-operator.dev/adopt": "shop"}},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}}},
    });
    let theirs = space.make::<Deployment>(theirs).await;
    space.create("shop", "services: {web: {image: nginx}}").await;
    let stack = space.stalled("shop", "ServiceFailed").await;
    let message = crate::support::service(&stack, "web").message.clone().unwrap();
    assert!(message.contains("immutable"), "{message}");
    assert_eq!(space.api::<Deployment>().get("web").await.unwrap().uid(), theirs.uid());
    space.close().await;
}

#[tokio::test]
async fn a_service_whose_address_is_taken_meanwhile_is_made_without_it() {
    let space = Space::open("taken").await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}}").await;
    space.ready("shop").await;
    let address = |service: Option<&Service>| service.and_then(|service| service.spec.as_ref()?.cluster_ip.clone());
    let before = address(Some(&space.api::<Service>().get("web").await.unwrap())).unwrap();
    let stopped = operator_stopped().await;
    space.delete::<Service>("web").await;
    let theirs = json!({"metadata": {"name": "theirs"}, "spec": {"clusterIP": before, "ports": [{"port": 1}]}});
    space.make::<Service>(theirs).await;
    drop(stopped);
    let after = space.until::<Service>("web", "made again", |service| service.is_some()).await;
    let after = address(after.as_ref()).unwrap();
    assert!(after != before && after != "None", "{after}");
    let recorded = |stack: &compose_operator::api::ComposeStack| {
        stack.status.as_ref().is_some_and(|status| status.objects.iter().any(|object| object.address.as_ref() == Some(&after)))
    };
    space.until_stack("shop", "recorded with the new address", recorded).await;
    space.ready("shop").await;
    space.close().await;
}

//! Exact replica counts through every change of scale.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{Space, audited, operator_kept, service};

fn file(replicas: i32) -> String {
    format!("services: {{web: {{image: nginx, deploy: {{replicas: {replicas}}}}}}}")
}

/// Takes a service through these counts, the first at its creation, and judges each when it is reached.
async fn through(topic: &str, counts: &[i32]) {
    let _kept = operator_kept().await;
    let space = Space::open(topic).await;
    space.create("shop", &file(counts[0])).await;
    for (index, &count) in counts.iter().enumerate() {
        if index > 0 {
            space.compose("shop", &file(count)).await;
        }
        let stack = space.ready("shop").await;
        let web = service(&stack, "web");
        assert_eq!((web.desired, web.ready), (count, count), "Ready is said only when the count is reached");
        space.until_pods("web", usize::try_from(count).unwrap()).await;
    }
    let deployments: Vec<_> =
        space.writes().iter().filter(|event| event.resource() == "deployments").map(|event| event.verb.clone()).collect();
    let patches = deployments.iter().filter(|verb| *verb == "patch").count();
    assert!(!audited() || deployments.first().is_some_and(|verb| verb == "create"));
    // The first change of an object that was made by a POST is two patches: its fields are moved to the manager of applies first.
    assert!(patches <= counts.len(), "{} changes of scale took {patches} patches: {deployments:?}", counts.len() - 1);
    space.close().await;
}

#[tokio::test]
async fn from_3_to_1() {
    through("three-one", &[3, 1]).await;
}

#[tokio::test]
async fn from_2_to_4() {
    through("two-four", &[2, 4]).await;
}

#[tokio::test]
async fn from_1_to_0_to_2() {
    through("one-zero-two", &[1, 0, 2]).await;
}

#[tokio::test]
async fn the_stack_s_own_replicas_beat_the_file() {
    let space = Space::open("override").await;
    space.create("shop", &file(1)).await;
    space.ready("shop").await;
    space.patch("shop", json!({"services": {"web": {"replicas": 3}}})).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "web").desired, 3);
    space.until_pods("web", 3).await;
    space.patch("shop", json!({"services": null})).await;
    space.ready("shop").await;
    space.until_pods("web", 1).await;
    space.close().await;
}

#[tokio::test]
async fn a_stopped_stack_has_no_pods_and_all_its_objects() {
    let space = Space::open("stopped").await;
    space.create("shop", &file(2)).await;
    space.ready("shop").await;
    let uid = space.api::<Deployment>().get("web").await.unwrap().metadata.uid;
    space.patch("shop", json!({"stopped": true})).await;
    space.until_pods("web", 0).await;
    space.patch("shop", json!({"stopped": false})).await;
    space.ready("shop").await;
    space.until_pods("web", 2).await;
    assert_eq!(space.api::<Deployment>().get("web").await.unwrap().metadata.uid, uid, "it was scaled, not made again");
    space.close().await;
}

/// Scales `web` as the controller of an autoscaler does.
async fn scale_as_an_autoscaler(space: &Space, replicas: i32) {
    let params = PatchParams { field_manager: Some("kube-controller-manager".to_owned()), ..PatchParams::default() };
    space.api::<Deployment>().patch_scale("web", &params, &Patch::Merge(json!({"spec": {"replicas": replicas}}))).await.unwrap();
}

#[tokio::test]
async fn an_autoscaler_of_others_is_withstood_ever_more_seldom_and_told_of_and_the_user_s_own_change_does_not_wait() {
    let _kept = operator_kept().await;
    let space = Space::open("contested").await;
    space.create("shop", &file(1)).await;
    space.ready("shop").await;
    let at = |wanted: i32| move |web: Option<&Deployment>| web.and_then(|web| web.spec.as_ref()?.replicas) == Some(wanted);
    for _ in 0..7 {
        scale_as_an_autoscaler(&space, 3).await;
        space.until::<Deployment>("web", "put back", at(1)).await;
    }
    scale_as_an_autoscaler(&space, 3).await;
    let contested = |stack: &ComposeStack| {
        stack.status.as_ref().and_then(|status| status.warnings.iter().find(|warning| warning.code == "contested")).cloned()
    };
    let stack = space.until_stack("shop", "telling who sets its replicas", |stack| contested(stack).is_some()).await;
    let told = contested(&stack).unwrap();
    assert_eq!(told.path, "Deployment web");
    assert!(told.message.starts_with("a controller of the cluster, such as an autoscaler, changes it"), "{}", told.message);
    space.compose("shop", &file(2)).await;
    space.until::<Deployment>("web", "as the user wants it", at(2)).await;
    space.ready("shop").await;
    space.close().await;
}

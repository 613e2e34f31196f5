//! Volumes that exist, and the init containers that prepare a pod's volumes, on a real API server.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use serde_json::json;

use crate::support::Space;

fn size(claim: &PersistentVolumeClaim) -> String {
    claim.spec.clone().unwrap().resources.unwrap().requests.unwrap()["storage"].0.clone()
}

fn warns(stack: &ComposeStack, code: &str) -> bool {
    stack.status.iter().flat_map(|status| &status.warnings).any(|warning| warning.code == code)
}

#[tokio::test]
async fn a_volume_grows_and_tells_that_it_does_not_shrink() {
    let space = Space::open("volume-size").await;
    let file = |size: &str| {
        format!("{{services: {{web: {{image: nginx, volumes: ['data:/d1']}}}}, volumes: {{data: {{driver_opts: {{size: {size}}}}}}}}}")
    };
    space.create("shop", &file("1g")).await;
    let bound = |claim: Option<&PersistentVolumeClaim>| {
        claim.is_some_and(|claim| claim.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Bound")))
    };
    space.until::<PersistentVolumeClaim>("shop-data", "bound", bound).await;
    space.ready("shop").await;
    let pods = space.names::<Pod>().await;

    space.compose("shop", &file("2g")).await;
    let grown = |claim: Option<&PersistentVolumeClaim>| claim.is_some_and(|claim| size(claim) == "2Gi");
    space.until::<PersistentVolumeClaim>("shop-data", "grown", grown).await;
    space.ready("shop").await;
    assert_eq!(space.names::<Pod>().await, pods, "it grows under its pod");

    space.compose("shop", &file("512m")).await;
    let stack = space.until_stack("shop", "telling that its claim stays", |stack| warns(stack, "claim-stays")).await;
    let told = stack.status.unwrap().warnings.into_iter().find(|warning| warning.code == "claim-stays").unwrap();
    assert_eq!(
        (told.path.as_str(), told.message.as_str()),
        ("volumes.data", "the claim shop-data exists already: its size stays 2Gi: 512Mi would be less")
    );
    space.ready("shop").await;
    assert_eq!(size(&space.api::<PersistentVolumeClaim>().get("shop-data").await.unwrap()), "2Gi");
    space.close().await;
}

#[tokio::test]
async fn the_claims_of_replicas_grow_keep_what_they_hold_and_tell_that_they_do_not_shrink() {
    let space = Space::open("replica-size").await;
    let file = |size: &str, replicas: u8| {
        format!(
            "
services:
  db: {{image: db, volumes: ['data:/data'], deploy: {{replicas: {replicas}}}, x-kubernetes: {{kind: StatefulSet}}}}
volumes: {{data: {{driver_opts: {{size: {size}}}, x-kubernetes: {{shared: false}}}}}}
"
        )
    };
    let names = |claims: &[PersistentVolumeClaim]| claims.iter().map(|claim| (claim.name_any(), claim.uid())).collect::<Vec<_>>();
    space.create("shop", &file("1g", 2)).await;
    space.ready("shop").await;
    let before = names(&space.list::<PersistentVolumeClaim>().await);
    assert_eq!(before.len(), 2);
    let uids = |pods: Vec<Pod>| pods.iter().map(ResourceExt::uid).collect::<Vec<_>>();
    let pods = uids(space.list::<Pod>().await);
    let grown = |claim: Option<&PersistentVolumeClaim>| claim.is_some_and(|claim| size(claim) == "2Gi");

    space.compose("shop", &file("2g", 2)).await;
    for name in ["volume-data-db-0", "volume-data-db-1"] {
        space.until::<PersistentVolumeClaim>(name, "grown", grown).await;
    }
    space.ready("shop").await;
    assert_eq!(names(&space.list::<PersistentVolumeClaim>().await), before);
    assert_eq!(uids(space.list::<Pod>().await), pods, "they grow under their pods");

    space.compose("shop", &file("512m", 2)).await;
    let stack = space.until_stack("shop", "telling that its claims stay", |stack| warns(stack, "claim-stays")).await;
    let told: Vec<_> = stack.status.unwrap().warnings.into_iter().filter(|warning| warning.code == "claim-stays").collect();
    let expected =
        "the claim volume-data-db-0 (and 1 more of other replicas) exists already: its size stays 2Gi: 512Mi would be less".to_owned();
    assert_eq!(told.iter().map(|warning| (&warning.path, &warning.message)).collect::<Vec<_>>(), [(&"volumes.data".to_owned(), &expected)]);
    space.compose("shop", &file("2g", 3)).await;
    // That of a further replica, too.
    space.until::<PersistentVolumeClaim>("volume-data-db-2", "grown", grown).await;
    space.ready("shop").await;
    let claims = space.list::<PersistentVolumeClaim>().await;
    assert_eq!(names(&claims)[..2], before[..]);
    assert!(claims.len() == 3 && claims.iter().all(|claim| size(claim) == "2Gi"), "{claims:?}");
    space.close().await;
}

/// A service for which every kind of init container is made.
fn prepared(service: &str) -> serde_json::Value {
    let compose = format!(
        "services:
  my_app:
    image: nginx
{service}
    volumes: ['data:/data', /scratch, './site:/site', './app.conf:/etc/app.conf']
    tmpfs: ['/run', '/cache:uid=1001,mode=700']
    configs: [{{source: settings, uid: '1002', mode: 0400}}]
    secrets: [{{source: key, gid: '5', mode: 0440}}]
volumes: {{data: }}
configs: {{settings: {{content: hello}}}}
secrets: {{key: {{file: ./key}}}}
"
    );
    json!({"compose": compose, "files": {"site/index.html": "x", "app.conf": "y", "key": "z"}})
}

async fn is_admitted(level: &str, service: &str) {
    let space = Space::open_labelled(&format!("admits-{level}"), json!({"pod-security.kubernetes.io/enforce": level})).await;
    space.create_spec("shop", prepared(service)).await;
    space.ready("shop").await;
    let pods = space.list::<Pod>().await;
    let names: Vec<_> = pods[0].spec.iter().flat_map(|spec| spec.init_containers.iter().flatten()).map(|init| init.name.clone()).collect();
    for task in ["hosts", "files", "install", "seed"] {
        assert!(names.contains(&format!("my-app--{task}")), "{names:?}");
    }
    space.close().await;
}

#[tokio::test]
async fn init_containers_of_a_restricted_service_are_restricted() {
    is_admitted("restricted", "    user: '1000:1000'\n    cap_drop: [ALL]\n    security_opt: ['no-new-privileges:true']").await;
}

#[tokio::test]
async fn init_containers_are_never_beyond_baseline() {
    is_admitted("baseline", "").await;
}

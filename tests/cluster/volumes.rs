//! Volumes that exist, and the init containers that prepare a pod's volumes, on a real API server.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
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

    space.compose("shop", &file("2g")).await;
    let grown = |claim: Option<&PersistentVolumeClaim>| claim.is_some_and(|claim| size(claim) == "2Gi");
    space.until::<PersistentVolumeClaim>("shop-data", "grown", grown).await;

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

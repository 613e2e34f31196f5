//! Services that share a pod, steps before a service, and addresses that stay.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};

use compose_operator::api::{ComposeStack, ServiceState};

use crate::support::{Space, service};

#[tokio::test]
async fn services_that_share_a_network_are_one_pod_with_a_status_each() {
    let space = Space::open("shared").await;
    let file = |image: &str| {
        format!(
            "
services:
  vpn: {{image: vpn, expose: [8080]}}
  app: {{image: {image}, network_mode: 'service:vpn', expose: [9000]}}
  web: {{image: nginx, depends_on: {{app: {{condition: service_started}}}}}}
"
        )
    };
    space.create("shop", &file("app:1")).await;
    let stack = space.ready("shop").await;
    assert_eq!(["vpn", "app"].map(|name| service(&stack, name).state), [ServiceState::Running, ServiceState::Running]);
    assert_eq!(space.names::<Deployment>().await, ["vpn", "web"]);
    let names = |pod: &Pod| pod.spec.as_ref().unwrap().containers.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&space.until_pods("vpn", 1).await[0]), ["vpn", "app"]);
    let app = space.api::<Service>().get("app").await.unwrap();
    assert_eq!(app.spec.unwrap().selector.unwrap()["compose-operator.dev/service"], "vpn");
    space.compose("shop", &file("app:2")).await;
    let updated = |vpn: Option<&Deployment>| {
        vpn.and_then(|vpn| vpn.spec.as_ref()?.template.spec.as_ref()?.containers.get(1)?.image.as_deref()) == Some("app:2")
    };
    space.until::<Deployment>("vpn", "with the new image", updated).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_service_that_leaves_a_pod_gets_one_of_its_own() {
    let space = Space::open("leaves").await;
    space.create("shop", "services: {vpn: {image: vpn}, app: {image: app, network_mode: 'service:vpn'}}").await;
    space.ready("shop").await;
    space.compose("shop", "services: {vpn: {image: vpn}, app: {image: app}}").await;
    space.ready("shop").await;
    assert_eq!(space.names::<Deployment>().await, ["app", "vpn"]);
    space.compose("shop", "services: {vpn: {image: vpn}, app: {image: app, network_mode: 'service:vpn'}}").await;
    space.ready("shop").await;
    assert_eq!(space.names::<Deployment>().await, ["vpn"]);
    space.close().await;
}

#[tokio::test]
async fn no_replica_is_made_before_its_steps_have_completed() {
    let space = Space::open("steps").await;
    let file = |labels: &str, image: &str| {
        format!(
            "services: {{db: {{image: '{image}', pre_start: [{{command: [migrate], labels: {labels}}}]}}, web: {{image: nginx, depends_on: [db]}}}}"
        )
    };
    space.create("shop", &file("{devcluster/exit-code: '7'}", "postgres:1")).await;
    let fails = |stack: &ComposeStack| {
        let db = stack.status.iter().flat_map(|s| &s.services).find(|s| s.name == "db");
        db.and_then(|db| db.message.as_deref()).is_some_and(|m| m.contains("pre-start steps") && m.contains("exit code 7"))
    };
    space.until_stack("shop", "with failing steps", fails).await;
    assert!(space.names::<Deployment>().await.is_empty());
    space.compose("shop", &file("{a: b}", "postgres:1")).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "db").state, ServiceState::Running);
    let jobs = space.names::<Job>().await;
    assert_eq!(jobs.len(), 1, "the older one is removed: {jobs:?}");
    let record = service(&stack, "db").pre_start.clone();
    assert!(record.as_ref().is_some_and(|r| r.starts_with("completed=")), "{record:?}");
    space.delete::<Job>(&jobs[0]).await;
    space.compose("shop", &file("{a: b}", "postgres:1").replace("image: nginx", "image: nginx:2")).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "db").pre_start, record);
    assert!(space.names::<Job>().await.is_empty(), "what has completed doesn't run again");
    space.close().await;
}

#[tokio::test]
async fn a_service_that_is_made_again_has_the_address_that_it_had() {
    let space = Space::open("kept").await;
    space.create("shop", "services: {db: {image: 'postgres:16'}}").await;
    space.ready("shop").await;
    let address = |service: &Service| service.spec.as_ref().and_then(|s| s.cluster_ip.clone()).unwrap();
    let first = space.api::<Service>().get("db").await.unwrap();
    space.delete::<Service>("db").await;
    let made = space.until::<Service>("db", "made again", |s| s.is_some_and(|s| s.metadata.uid != first.metadata.uid)).await.unwrap();
    assert_eq!(address(&made), address(&first));
    space.compose("shop", "services: {db: {image: 'postgres:16', expose: [9000]}}").await;
    let ports = |s: &Service| s.spec.as_ref().and_then(|s| s.ports.as_ref()).map_or(0, Vec::len);
    let changed = space.until::<Service>("db", "with another port", |s| s.is_some_and(|s| ports(s) == 2)).await.unwrap();
    assert_eq!(address(&changed), address(&first));
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_name_for_something_outside_leads_there() {
    let space = Space::open("outside").await;
    space.create("shop", "services: {web: {image: nginx, external_links: ['cache:store']}}").await;
    space.ready("shop").await;
    let store = space.api::<Service>().get("store").await.unwrap().spec.unwrap();
    assert_eq!(store.external_name, Some(format!("cache.{}.svc.cluster.local", space.name)));
    space.close().await;
}

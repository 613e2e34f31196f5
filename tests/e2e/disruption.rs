//! What the cluster takes away, and how many replicas it decides on.

use std::time::Duration;

use compose_operator::api::{ComposeStack, ServiceState};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::EvictParams;

use crate::support::{Space, service};

#[tokio::test]
async fn an_evicted_pod_is_replaced_and_nothing_is_written_for_it() {
    let space = Space::open("evicted").await;
    space.create("shop", "services: {web: {image: busybox, command: sleep infinity, init: true, volumes: ['data:/data']}, other: {image: busybox, command: sleep infinity, init: true}}\nvolumes: {data: }").await;
    space.ready("shop").await;
    space.sh("web", "echo kept >/data/file").await;
    let writes = space.writes().len();
    for name in ["web", "other"] {
        let evicted = space.pod(name).await;
        space.api::<Pod>().evict(&evicted.name_any(), &EvictParams::default()).await.unwrap();
        space.until::<Pod>(&evicted.name_any(), "gone", |pod| pod.is_none()).await;
        space.until_pods(name, 1).await;
    }
    assert_eq!(space.sh_until("web", "cat /data/file").await, "kept\n");
    space.ready("shop").await;
    let written: Vec<String> =
        space.writes()[writes..].iter().filter(|event| event.subresource() != "status").map(devcluster::AuditEvent::summary).collect();
    assert!(written.is_empty(), "{written:?}");
    space.close().await;
}

#[tokio::test]
async fn a_run_that_is_evicted_is_not_one_that_failed() {
    let space = Space::open("evicted-run").await;
    let file = r#"
services:
  migrate: {image: busybox, restart: "no", stop_grace_period: 1s, command: [sh, -c, "echo . >>/data/log; until test -e /data/go; do sleep 0.2; done"], volumes: ["data:/data"]}
  helper: {image: busybox, command: sleep infinity, init: true, volumes: ["data:/data"]}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.sh_until("helper", "grep -c . /data/log | grep -x 1").await;
    let evicted = space.pod("migrate").await.name_any();
    space.api::<Pod>().evict(&evicted, &EvictParams::default()).await.unwrap();
    space.sh_until("helper", "grep -c . /data/log | grep -x 2 && touch /data/go").await;
    let completed = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services.clone().any(|service| service.name == "migrate" && service.state == ServiceState::Completed)
    };
    space.until_stack("shop", "with migrate Completed", completed).await;
    space.close().await;
}

#[tokio::test]
async fn a_budget_keeps_the_last_replicas_from_being_evicted() {
    let space = Space::open("budget").await;
    let file = "services: {web: {image: busybox, command: sleep infinity, init: true, scale: 2, x-kubernetes: {pdb: {minAvailable: 2}}}}";
    space.create("shop", file).await;
    space.ready("shop").await;
    let counted = |budget: Option<&PodDisruptionBudget>| {
        budget.and_then(|budget| budget.status.as_ref()).is_some_and(|status| status.current_healthy == 2 && status.expected_pods == 2)
    };
    space.until::<PodDisruptionBudget>("web", "counting two", counted).await;
    let pod = space.pods("web").await.remove(0);
    let evict = async || space.api::<Pod>().evict(&pod.name_any(), &EvictParams::default()).await;
    // Clients ask again and again when it is refused.
    let refused = tokio::time::timeout(Duration::from_secs(5), evict()).await;
    assert!(!matches!(refused, Ok(Ok(_))), "{refused:?}");
    assert!(space.pods("web").await.iter().any(|now| now.uid() == pod.uid()));

    space.compose("shop", &file.replace("minAvailable: 2", "maxUnavailable: 1")).await;
    space.ready("shop").await;
    let one = |budget: Option<&PodDisruptionBudget>| {
        budget.and_then(|budget| budget.status.as_ref()).is_some_and(|status| status.disruptions_allowed == 1)
    };
    space.until::<PodDisruptionBudget>("web", "allowing one to be away", one).await;
    assert!(space.pods("web").await.iter().any(|now| now.uid() == pod.uid()), "a change of the budget restarts nothing");
    evict().await.unwrap();
    space.until::<Pod>(&pod.name_any(), "gone", |pod| pod.is_none()).await;
    space.until_pods("web", 2).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn an_autoscaler_without_metrics_leaves_the_replicas_as_they_are() {
    let space = Space::open("autoscaled").await;
    let file =
        "services: {web: {image: busybox, command: sleep infinity, init: true, scale: 3, x-kubernetes: {hpa: {min: 2, max: 5, cpu: 50}}}}";
    space.create("shop", file).await;
    let stack = space.ready("shop").await;
    assert_eq!((service(&stack, "web").ready, service(&stack, "web").desired), (3, 3));
    let blind = |scaler: Option<&HorizontalPodAutoscaler>| {
        let conditions = scaler.iter().flat_map(|scaler| scaler.status.iter()).flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "ScalingActive" && condition.status == "False")
    };
    space.until::<HorizontalPodAutoscaler>("web", "without metrics", blind).await;
    let three = async || space.api::<Deployment>().get("web").await.unwrap().spec.unwrap().replicas;
    assert_eq!(three().await, Some(3));

    // Nor does a change of the stack.
    space.compose("shop", &file.replace("image: busybox", "image: debian")).await;
    space.ready("shop").await;
    assert_eq!(three().await, Some(3));
    // Somebody else's number is the autoscaler's business too.
    space.merge::<Deployment>("web", serde_json::json!({"spec": {"replicas": 4}})).await;
    space.until_pods("web", 4).await;
    let stack = space.until_stack("shop", "at four", |stack| service(stack, "web").ready == 4).await;
    assert_eq!(service(&stack, "web").desired, 4);
    space.ready("shop").await;
    space.close().await;
}

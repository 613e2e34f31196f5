//! What goes wrong in a container or around it stands in the status within seconds, with its reason.

use std::time::{Duration, Instant};

use compose_operator::api::ComposeStack;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodCondition, ResourceQuota};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::support::{SOON, Space, lag, service};

/// Applies a file, and waits until the message of its service `web` has the words: soon after an object of the cluster shows the fault.
async fn told<K>(space: &Space, file: &str, is_fault: impl Fn(&K) -> bool, words: &[&str])
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug + Send + 'static,
{
    space.create("shop", file).await;
    let late = told_of(space, "web", is_fault, words).await;
    assert!(late < SOON, "told after {late:?}");
}

/// How long after an object of the cluster shows a fault the message of a service has the words. Until then it is the kubelet's time.
pub async fn told_of<K>(space: &Space, name: &str, is_fault: impl Fn(&K) -> bool, words: &[&str]) -> Duration
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug + Send + 'static,
{
    let description = format!("with the fault of {name}");
    let (late, stack) = lag(space.until_any::<K>(&description, is_fault), until_told(space, name, words)).await;
    eprintln!("told after {late:?}: {:?}", service(&stack, name).message);
    late
}

async fn until_told(space: &Space, name: &str, words: &[&str]) -> ComposeStack {
    let says = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        let message = services.filter(|service| service.name == name).find_map(|service| service.message.as_deref());
        message.is_some_and(|message| words.iter().all(|word| message.contains(word)))
    };
    space.until_stack("shop", &format!("saying {words:?} of {name}"), says).await
}

/// The statuses of a pod's containers.
pub fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

/// How a pod's containers have ended, those also that have been started again since.
pub fn ends(pod: &Pod) -> impl Iterator<Item = &ContainerStateTerminated> {
    containers(pod).flat_map(|status| [&status.state, &status.last_state]).flatten().filter_map(|state| state.terminated.as_ref())
}

/// Why a pod's containers wait.
pub fn waits(pod: &Pod, reasons: &[&str]) -> bool {
    let waiting = containers(pod).filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    waiting.into_iter().any(|reason| reasons.contains(&reason))
}

/// The conditions of a pod.
pub fn conditions(pod: &Pod) -> impl Iterator<Item = &PodCondition> {
    pod.status.iter().flat_map(|status| status.conditions.iter().flatten())
}

/// The time since a container of a service first ended, by the kubelet's own clock.
pub async fn since_its_end(space: &Space, name: &str) -> Duration {
    let pod = space.pod(name).await;
    let first = ends(&pod).filter_map(|end| end.finished_at.as_ref()).map(|time| time.0).min().unwrap();
    Timestamp::now().duration_since(first).unsigned_abs()
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory() {
    let space = Space::open("oom").await;
    let file = r#"services: {web: {image: debian, command: [tail, /dev/zero], mem_limit: 20m, restart: always}}"#;
    told(&space, file, |pod: &Pod| ends(pod).any(|end| end.reason.as_deref() == Some("OOMKilled")), &["OOMKilled"]).await;
    assert!(since_its_end(&space, "web").await < SOON);
    space.close().await;
}

#[tokio::test]
async fn a_program_that_crashes() {
    let space = Space::open("crash").await;
    let file = r#"services: {web: {image: busybox, command: [sh, -c, "exit 3"], restart: always}}"#;
    told(&space, file, |pod: &Pod| ends(pod).any(|end| end.exit_code == 3), &["exit code 3"]).await;
    assert!(since_its_end(&space, "web").await < SOON);
    space.close().await;
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let space = Space::open("program").await;
    let file = "services: {web: {image: busybox, command: [no-such-program], restart: always}}";
    let fault = |pod: &Pod| waits(pod, &["RunContainerError"]) || ends(pod).any(|end| end.reason.as_deref() == Some("StartError"));
    told(&space, file, fault, &["no-such-program"]).await;
    space.close().await;
}

#[tokio::test]
async fn an_image_that_does_not_exist() {
    let space = Space::open("image").await;
    let fault = |pod: &Pod| waits(pod, &["ErrImagePull", "ImagePullBackOff"]);
    told(&space, r#"services: {web: {image: "nowhere/nothing:1"}}"#, fault, &["nowhere/nothing:1", "not found"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_healthcheck_that_fails_from_the_start_or_later() {
    let space = Space::open("probe").await;
    let check = r#"{test: "! test -e /tmp/broken", interval: 1s, retries: 1}"#;
    let file = |program: &str| {
        let command = format!("[sh, -c, \"{program}sleep infinity\"]");
        format!("services: {{web: {{image: busybox, command: {command}, init: true, healthcheck: {check}}}}}")
    };
    let unready = |pod: &Pod| containers(pod).any(|status| !status.ready && status.started == Some(true));
    told(&space, &file("touch /tmp/broken; "), unready, &["healthcheck"]).await;

    space.compose("shop", &file("")).await;
    space.ready("shop").await;
    space.until_pods("web", 1).await;
    space.sh("web", "touch /tmp/broken").await;
    let late = told_of(&space, "web", unready, &["healthcheck"]).await;
    assert!(late < SOON, "told after {late:?}");
    space.close().await;
}

#[tokio::test]
async fn a_namespace_whose_quota_of_pods_is_used_up() {
    let space = Space::open("pods").await;
    quota(&space, "pods", "0").await;
    let refused = |set: &ReplicaSet| {
        let conditions = set.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")
    };
    told(&space, "services: {web: {image: busybox, command: sleep infinity, init: true}}", refused, &["quota"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_namespace_whose_quota_of_storage_is_used_up() {
    let space = Space::open("storage").await;
    quota(&space, "requests.storage", "1Mi").await;
    let file = "{services: {web: {image: busybox, command: sleep infinity, init: true, volumes: ['data:/data']}}, volumes: {data: }}";
    // The operator itself is refused: all of the time is its own.
    let begin = Instant::now();
    space.create("shop", file).await;
    until_told(&space, "web", &["quota"]).await;
    assert!(begin.elapsed() < SOON, "told after {:?}", begin.elapsed());
    space.close().await;
}

/// A quota that is in force.
async fn quota(space: &Space, what: &str, limit: &str) {
    space.make::<ResourceQuota>(json!({"metadata": {"name": "quota"}, "spec": {"hard": {what: limit}}})).await;
    let enforced =
        |quota: Option<&ResourceQuota>| quota.is_some_and(|quota| quota.status.as_ref().is_some_and(|status| status.used.is_some()));
    space.until::<ResourceQuota>("quota", "in force", enforced).await;
}

#[tokio::test]
async fn a_program_that_fills_the_disk() {
    let space = Space::open("disk").await;
    let command = r#"[sh, -c, "dd if=/dev/zero of=/big bs=1M count=8; sleep infinity"], healthcheck: {test: "! test -e /big", interval: 1s, retries: 1}"#;
    // The kubelet looks every ten seconds.
    let evicted = |pod: &Pod| pod.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some("Evicted"));
    let file = format!("services: {{web: {{image: busybox, init: true, storage_opt: {{size: 2m}}, command: {command}}}}}");
    told(&space, &file, evicted, &["Evicted"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_node_that_has_not_enough() {
    let space = Space::open("unschedulable").await;
    let reserve = "deploy: {resources: {reservations: {memory: 100t}}}";
    let unschedulable = |pod: &Pod| conditions(pod).any(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let file = format!("services: {{web: {{image: busybox, command: sleep infinity, {reserve}}}}}");
    told(&space, &file, unschedulable, &["memory"]).await;
    space.close().await;
}

//! What goes wrong in a container or around it stands in the status within seconds, with its reason.

use std::time::{Duration, Instant};

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use serde_json::json;

use crate::support::{Space, service};

/// From the stack's creation to the words in its status.
const SOON: Duration = Duration::from_secs(10);

/// Applies a file and waits until the message of its service `web` has the words.
async fn told(space: &Space, file: &str, words: &[&str]) {
    let begin = Instant::now();
    space.create("shop", file).await;
    until_told(space, words, begin).await;
}

async fn until_told(space: &Space, words: &[&str], begin: Instant) {
    let says = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        let message = services.filter(|service| service.name == "web").find_map(|service| service.message.as_deref());
        message.is_some_and(|message| words.iter().all(|word| message.contains(word)))
    };
    let stack = space.until_stack("shop", &format!("saying {words:?} of web"), says).await;
    assert!(begin.elapsed() < SOON, "told after {:?}: {:?}", begin.elapsed(), service(&stack, "web").message);
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory() {
    let space = Space::open("oom").await;
    let file = r#"services: {web: {image: debian, command: [tail, /dev/zero], mem_limit: 20m, restart: always}}"#;
    told(&space, file, &["OOMKilled"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_program_that_crashes() {
    let space = Space::open("crash").await;
    told(&space, r#"services: {web: {image: busybox, command: [sh, -c, "exit 3"], restart: always}}"#, &["exit code 3"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let space = Space::open("program").await;
    told(&space, "services: {web: {image: busybox, command: [no-such-program], restart: always}}", &["no-such-program"]).await;
    space.close().await;
}

#[tokio::test]
async fn an_image_that_does_not_exist() {
    let space = Space::open("image").await;
    told(&space, r#"services: {web: {image: "nowhere/nothing:1"}}"#, &["nowhere/nothing:1", "not found"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_healthcheck_that_fails() {
    let space = Space::open("probe").await;
    let check = r#"{test: "echo it is broken; exit 1", interval: 1s, retries: 1}"#;
    told(
        &space,
        &format!("services: {{web: {{image: busybox, command: sleep infinity, init: true, healthcheck: {check}}}}}"),
        &["healthcheck"],
    )
    .await;
    space.close().await;
}

#[tokio::test]
async fn a_namespace_whose_quota_of_pods_is_used_up() {
    let space = Space::open("pods").await;
    quota(&space, "pods", "0").await;
    told(&space, "services: {web: {image: busybox, command: sleep infinity, init: true}}", &["quota"]).await;
    space.close().await;
}

#[tokio::test]
async fn a_namespace_whose_quota_of_storage_is_used_up() {
    let space = Space::open("storage").await;
    quota(&space, "requests.storage", "1Mi").await;
    let file = "{services: {web: {image: busybox, command: sleep infinity, init: true, volumes: ['data:/data']}}, volumes: {data: }}";
    told(&space, file, &["quota"]).await;
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
    let fill = r#"[sh, -c, "dd if=/dev/zero of=/big bs=1M count=8; sleep infinity"], healthcheck: {test: "! test -e /big", interval: 1s, retries: 1}"#;
    space.create("shop", &format!("services: {{web: {{image: busybox, init: true, storage_opt: {{size: 2m}}, command: {fill}}}}}")).await;
    // The kubelet looks every ten seconds; the pod's own status is where its ten seconds end and the operator's begin.
    let evicted = |pod: &Pod| pod.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some("Evicted"));
    space.until_any::<Pod>("evicted", evicted).await;
    until_told(&space, &["Evicted"], Instant::now()).await;
    space.close().await;
}

#[tokio::test]
async fn a_node_that_has_not_enough() {
    let space = Space::open("unschedulable").await;
    let reserve = "deploy: {resources: {reservations: {memory: 100t}}}";
    told(&space, &format!("services: {{web: {{image: busybox, command: sleep infinity, {reserve}}}}}"), &["memory"]).await;
    space.close().await;
}

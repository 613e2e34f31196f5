//! The stacks that came from a Swarm: exact counts, healing, words that every replica shows.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::json;
use std::collections::BTreeSet;

use crate::support::{SOON, Seed, Space, answer, lag, node, service, until};

/// What a stack's status says of a service's replicas: ready and wanted.
fn replicas(stack: &ComposeStack, name: &str) -> (i32, i32) {
    let service = service(stack, name);
    (service.ready, service.desired)
}

/// Waits until three pods of a service are ready, and the stack's status says so no later than it may.
async fn three_again(space: &Space, stack: &str, name: &str) {
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| all.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"))
    };
    let ready = until("three are ready", async || {
        let pods = space.pods(name).await;
        if pods.len() == 3 && pods.iter().all(is_ready) { Ok(()) } else { Err(format!("{} pods", pods.len())) }
    });
    let says = |stack: &ComposeStack| replicas(stack, name) == (3, 3);
    let (late, _) = lag(ready, space.until_stack(stack, "at 3/3", says)).await;
    assert!(late < SOON, "told {late:?} after it was so");
    space.ready(stack).await;
}

async fn uids(space: &Space, service: &str) -> BTreeSet<String> {
    space.pods(service).await.iter().filter_map(ResourceExt::uid).collect()
}

#[tokio::test]
async fn simple_server_scales_to_three_and_heals_within_seconds() {
    let mut seed = Seed::apply("simple-server").await;
    seed.answers("simple-server", 8000, "/test.txt", "Test file content").await;
    seed.asks("simple-server", 8000, "/", &[], "test.txt").await;
    assert_eq!(replicas(&seed.ready().await, "simple-server"), (1, 1));
    let space = &seed.space;
    let partly = |stack: &ComposeStack| matches!(replicas(stack, "simple-server"), (1 | 2, 3));
    let scale = space.patch(&seed.name, json!({"services": {"simple-server": {"replicas": 3}}}));
    tokio::join!(space.until_stack(&seed.name, "on its way to 3/3", partly), scale);
    assert_eq!(replicas(&seed.ready().await, "simple-server"), (3, 3));
    let before = uids(space, "simple-server").await;
    assert_eq!(before.len(), 3);

    // A pod is lost: another one takes its place at once. How long the kubelet then takes to start it is the machine's affair.
    let killed = space.pods("simple-server").await.remove(0);
    let at_once = DeleteParams::default().grace_period(0);
    let gone = async { space.api::<Pod>().delete(&killed.name_any(), &at_once).await.unwrap() };
    let is_new = |pod: &Pod| pod.uid().is_some_and(|uid| !before.contains(&uid)) && pod.labels().contains_key("pod-template-hash");
    let (late, ()) = lag(gone, space.until_any::<Pod>("in the place of the one that was killed", is_new)).await;
    assert!(late < SOON, "replaced after {late:?}");
    three_again(space, &seed.name, "simple-server").await;
    assert_eq!(uids(space, "simple-server").await.difference(&before).count(), 1, "the others stay");

    // A container is killed: its pod starts it again.
    if let Some(node) = node() {
        let before = uids(space, "simple-server").await;
        node.kill(&space.pods("simple-server").await[0]).await;
        let restarted = async || if space.restarts("simple-server").await == 1 { Ok(()) } else { Err("no restart".to_owned()) };
        until("the container is started again", restarted).await;
        three_again(space, &seed.name, "simple-server").await;
        assert_eq!(uids(space, "simple-server").await, before);
    }
    seed.asks("simple-server", 8000, "/test.txt", &[], "Test file content").await;

    space.delete::<ComposeStack>(&seed.name).await;
    space.until::<Deployment>("simple-server", "gone", |found| found.is_none()).await;
    space.until::<Service>("simple-server", "gone", |found| found.is_none()).await;
    space.until::<Service>("simple-server--published", "gone", |found| found.is_none()).await;
    space.until_pods("simple-server", 0).await;
    seed.close().await;
}

#[tokio::test]
async fn reconcile_runs_exactly_the_containers_of_its_files() {
    let mut seed = Seed::apply("reconcile").await;
    seed.ready().await;
    seed.answered();
    let space = &seed.space;
    let mut before = (BTreeSet::new(), BTreeSet::new());
    for (change, one, two) in [
        (json!({"composeFiles": ["compose.yaml"]}), 3, 2),
        (json!({"composeFiles": ["compose.yaml", "step-2.yaml"]}), 1, 4),
        (json!({"composeFiles": ["compose.yaml", "step-2.yaml", "step-3.yaml"]}), 2, 0),
        (json!({"services": {"service-1": {"replicas": 5}, "service-2": {"replicas": 3}}}), 5, 3),
        (json!({"services": {"service-1": {"replicas": 3}, "service-2": {"replicas": 5}}}), 3, 5),
    ] {
        space.patch(&seed.name, change).await;
        let stack = seed.ready().await;
        assert_eq!((replicas(&stack, "service-1"), replicas(&stack, "service-2")), ((one, one), (two, two)));
        let now = (uids(space, "service-1").await, uids(space, "service-2").await);
        for (now, before, count) in [(&now.0, &before.0, one), (&now.1, &before.1, two)] {
            assert_eq!(now.len(), usize::try_from(count).unwrap());
            assert!(now.is_subset(before) || before.is_subset(now), "only as many go or come as is wanted: {before:?}, {now:?}");
        }
        before = now;
    }
    seed.close().await;
}

#[tokio::test]
async fn words_are_posted_through_web_and_read_from_every_replica() {
    // The images are stand-ins for a MongoDB and an Express application; the web server is nginx, as in the document.
    let mut seed = Seed::apply("words").await;
    let user = ["--user", "user:test"];
    seed.asks("web-server", 8080, "/", &user, "").await;
    seed.answered();
    let stack = seed.ready().await;
    let counts = ["local-database", "application-server", "web-server"].map(|name| replicas(&stack, name));
    assert_eq!(counts, [(1, 1), (3, 3), (3, 3)]);
    let space = &seed.space;
    let url = format!("http://{}", space.published(&seed.name, "web-server", 8080).await);
    let denied = crate::support::curl(&[&url]).await.unwrap_err();
    assert!(denied.contains("401"), "without a password: {denied}");

    answer(&["--user", "user:test", "--data", "word=hello", &format!("{url}/new")], "with the word", |text| text == "hello\n").await;
    shown_by_every_replica(space, "hello\n").await;
    let mut servers = BTreeSet::new();
    for _ in 0..40 {
        let arguments = ["--user", "user:test", "--dump-header", "-", &url];
        let headers = answer(&arguments, "with its server", |headers| headers.contains("X-Server: ")).await;
        servers.extend(headers.lines().find_map(|line| line.strip_prefix("X-Server: ")).map(str::to_owned));
    }
    assert_eq!(servers.len(), 3, "requests are balanced over the replicas");

    // The words outlive the database's pod, and so does the address that others have looked up.
    let database = space.pod("local-database").await.name_any();
    space.delete::<Pod>(&database).await;
    space.until::<Pod>(&database, "gone", |pod| pod.is_none()).await;
    seed.asks("web-server", 8080, "/", &user, "hello").await;
    shown_by_every_replica(space, "hello\n").await;

    space.delete::<ComposeStack>(&seed.name).await;
    space.until::<Deployment>("local-database", "gone", |found| found.is_none()).await;
    space.until::<NetworkPolicy>("swarm-test--net-service-network", "gone", |found| found.is_none()).await;
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["swarm-test-database-volume"], "the volume is kept");
    seed.close().await;
}

async fn shown_by_every_replica(space: &Space, expected: &str) {
    for pod in space.pods("application-server").await {
        let read = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000').read().decode(), end='')";
        let (name, script) = (pod.name_any(), format!("python3 -c \"{read}\""));
        let words = until(&format!("{name} answers"), async || space.try_sh_in(&name, &script).await).await;
        assert_eq!(words, expected, "{name}");
    }
}

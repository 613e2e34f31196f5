//! The stacks that came from a Swarm: exact counts, healing, words that every replica shows.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::json;

use crate::support::{Seed, answer, until};

#[tokio::test]
async fn simple_server_scales_to_three_and_heals_within_seconds() {
    let mut seed = Seed::apply("simple-server").await;
    seed.answers("simple-server", 8000, "/test.txt", "Test file content").await;
    seed.ready().await;
    let space = &seed.space;
    space.patch(&seed.name, json!({"services": {"simple-server": {"replicas": 3}}})).await;
    seed.ready().await;
    assert_eq!(space.pods("simple-server").await.len(), 3);

    let killed = space.pods("simple-server").await.remove(0);
    let at_once = DeleteParams::default().grace_period(0);
    space.api::<Pod>().delete(&killed.name_any(), &at_once).await.unwrap();
    let begin = std::time::Instant::now();
    let ready = |web: Option<&Deployment>| {
        let status = web.and_then(|web| web.status.as_ref());
        status.is_some_and(|status| status.ready_replicas == Some(3) && status.observed_generation >= Some(1))
    };
    until("the killed one is gone and three are ready", async || {
        let pods = space.pods("simple-server").await;
        let alive = pods.iter().all(|pod| pod.uid() != killed.uid());
        if alive && pods.len() == 3 { Ok(()) } else { Err(format!("{} pods", pods.len())) }
    })
    .await;
    space.until::<Deployment>("simple-server", "at three ready replicas", ready).await;
    assert!(begin.elapsed().as_secs() < 20, "healed after {:?}", begin.elapsed());

    space.delete::<ComposeStack>(&seed.name).await;
    space.until::<Deployment>("simple-server", "gone", |found| found.is_none()).await;
    space.until::<Service>("simple-server", "gone", |found| found.is_none()).await;
    space.until::<Service>("simple-server--published", "gone", |found| found.is_none()).await;
    seed.close().await;
}

#[tokio::test]
async fn reconcile_runs_exactly_the_containers_of_its_files() {
    let mut seed = Seed::apply("reconcile").await;
    seed.ready().await;
    seed.answered();
    for (files, one, two) in [
        (json!(["compose.yaml"]), 3, 2),
        (json!(["compose.yaml", "step-2.yaml"]), 1, 4),
        (json!(["compose.yaml", "step-2.yaml", "step-3.yaml"]), 2, 0),
    ] {
        seed.space.patch(&seed.name, json!({"composeFiles": files})).await;
        seed.ready().await;
        let counts = (seed.space.pods("service-1").await.len(), seed.space.pods("service-2").await.len());
        assert_eq!(counts, (one, two));
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
    seed.ready().await;
    let space = &seed.space;
    let url = format!("http://{}", space.published(&seed.name, "web-server", 8080).await);
    let denied = crate::support::curl(&[&url]).await.unwrap_err();
    assert!(denied.contains("401"), "without a password: {denied}");

    answer(&["--user", "user:test", "--data", "word=hello", &format!("{url}/new")], "with the word", |text| text == "hello\n").await;
    for pod in space.pods("application-server").await {
        let read = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000').read().decode(), end='')";
        let words = space.try_sh_in(&pod.name_any(), &format!("python3 -c \"{read}\"")).await.unwrap();
        assert_eq!(words, "hello\n", "{}", pod.name_any());
    }
    let mut servers = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let headers = crate::support::curl(&["--user", "user:test", "--dump-header", "-", &url]).await.unwrap();
        servers.extend(headers.lines().find_map(|line| line.strip_prefix("X-Server: ")).map(str::to_owned));
    }
    assert_eq!(servers.len(), 3, "requests are balanced over the replicas");

    space.delete::<ComposeStack>(&seed.name).await;
    space.until::<Deployment>("local-database", "gone", |found| found.is_none()).await;
    assert_eq!(space.names::<PersistentVolumeClaim>().await, ["swarm-test-database-volume"], "the volume is kept");
    seed.close().await;
}

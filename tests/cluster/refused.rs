//! A file that is refused: told with path, line and column, and what ran keeps running.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;

use crate::support::{Space, condition};

const GOOD: &str = "services:\n  web:\n    image: nginx\n    expose: [80]\n";

async fn message(space: &Space) -> String {
    let stack = space.stalled("shop", "InvalidSpec").await;
    assert_eq!(condition(&stack, "Ready").unwrap().status, "False");
    condition(&stack, "Stalled").unwrap().message.clone()
}

/// That a file is refused in these words, and makes nothing.
async fn refused(topic: &str, file: &str, words: &[&str]) {
    let space = Space::open(topic).await;
    space.create("shop", file).await;
    let message = message(&space).await;
    for word in words {
        assert!(message.contains(word), "{word:?} is missing in: {message}");
    }
    assert!(space.names::<Deployment>().await.is_empty() && space.names::<Service>().await.is_empty(), "nothing half applied");
    space.close().await;
}

#[tokio::test]
async fn an_unknown_key_with_a_suggestion() {
    refused("unknown", "services:\n  web:\n    imgae: nginx\n", &["services.web.imgae", "compose.yaml:3:5", "image"]).await;
}

#[tokio::test]
async fn text_that_is_not_yaml() {
    refused("syntax", "services:\n  web: [\n", &["compose.yaml:"]).await;
}

#[tokio::test]
async fn a_network_that_is_not_declared() {
    refused(
        "network",
        "services:\n  web:\n    image: nginx\n    networks: [front]\n",
        &["services.web.networks", "front", "compose.yaml:4:"],
    )
    .await;
}

#[tokio::test]
async fn a_cycle_by_the_names_in_it() {
    let file = "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n";
    refused("cycle", file, &["a", "b", "depends_on"]).await;
}

#[tokio::test]
async fn a_variable_that_must_be_set() {
    refused("variable", "services:\n  web:\n    image: nginx:${TAG:?say which}\n", &["TAG", "say which"]).await;
}

#[tokio::test]
async fn two_services_whose_names_become_one() {
    let file = "services:\n  my_db: {image: x}\n  my-db: {image: x}\n";
    refused("collision", file, &["my_db", "my-db"]).await;
}

#[tokio::test]
async fn all_faults_at_once() {
    let file = "services:\n  web: {imgae: nginx}\n  db: {image: x, ports: [abc]}\n";
    refused("all", file, &["services.web", "services.db.ports[0]"]).await;
}

#[tokio::test]
async fn what_ran_keeps_running_and_comes_back_once_the_file_is_mended() {
    let space = Space::open("keeps").await;
    space.create("shop", GOOD).await;
    space.ready("shop").await;
    let before = space.api::<Deployment>().get("web").await.unwrap();
    space.compose("shop", "services:\n  web:\n    image: nginx\n    restart: 3x\n").await;
    let words = message(&space).await;
    assert!(words.contains("services.web.restart") && words.contains("compose.yaml:4:"), "{words}");
    let during = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!((during.uid(), during.metadata.generation), (before.uid(), before.metadata.generation));
    space.until_pods("web", 1).await;

    space.delete::<Service>("web").await;
    space.compose("shop", GOOD).await;
    space.until::<Service>("web", "made again", |service| service.is_some()).await;
    space.ready("shop").await;
    let after = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!((after.uid(), after.metadata.generation), (before.uid(), before.metadata.generation), "the same file asks for no change");
    space.close().await;
}

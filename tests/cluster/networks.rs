//! Who reaches whom, worked out from the policies and labels in the cluster.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use crate::support::{Reach, Space};

/// Every pair of these services, with whether the first reaches the second.
async fn truth(space: &Space, services: &[&str]) -> Vec<(String, String, bool)> {
    let reach = Reach::of(space).await;
    let pairs = services.iter().flat_map(|from| services.iter().map(move |to| (*from, *to))).filter(|(from, to)| from != to);
    pairs.map(|(from, to)| (from.to_owned(), to.to_owned(), reach.reaches(from, to))).collect()
}

#[tokio::test]
async fn services_reach_each_other_exactly_where_they_share_a_network() {
    let space = Space::open("front-back").await;
    let file = "
services:
  proxy: {image: proxy, networks: [front]}
  app: {image: app, networks: [front, back]}
  db: {image: postgres, networks: [back]}
networks: {front: {driver: custom-driver-1}, back: {driver: custom-driver-2, driver_opts: {foo: '1', bar: '2'}}}
";
    let networks = [("proxy", &["front"][..]), ("app", &["front", "back"]), ("db", &["back"])];
    space.create("shop", file).await;
    space.ready("shop").await;
    let of = |service: &str| networks.iter().find(|(name, _)| *name == service).unwrap().1;
    for (from, to, reached) in truth(&space, &["proxy", "app", "db"]).await {
        let shared = of(&from).iter().any(|network| of(&to).contains(network));
        assert_eq!(reached, shared, "{from} → {to}");
    }
    space.close().await;
}

#[tokio::test]
async fn a_file_without_networks_locks_nobody_out() {
    let space = Space::open("open").await;
    space.create("shop", "services: {web: {image: nginx, expose: [80]}, db: {image: postgres}}").await;
    space.ready("shop").await;
    assert!(space.names::<NetworkPolicy>().await.is_empty());
    assert!(truth(&space, &["web", "db"]).await.iter().all(|(.., reached)| *reached));
    space.close().await;
}

#[tokio::test]
async fn a_service_that_moves_to_another_network_is_reached_from_there() {
    let space = Space::open("moves").await;
    let file = |network: &str| {
        format!(
            "
services:
  a: {{image: x, networks: [one]}}
  b: {{image: x, networks: [two]}}
  c: {{image: x, networks: [{network}]}}
networks: {{one: {{}}, two: {{}}}}
"
        )
    };
    space.create("shop", &file("one")).await;
    space.ready("shop").await;
    let reached = |truth: Vec<(String, String, bool)>| {
        truth.into_iter().filter(|(.., reached)| *reached).map(|(from, to, _)| from + &to).collect::<Vec<_>>()
    };
    assert_eq!(reached(truth(&space, &["a", "b", "c"]).await), ["ac", "ca"]);
    space.compose("shop", &file("two")).await;
    space.ready("shop").await;
    space.until_pods("c", 1).await;
    assert_eq!(reached(truth(&space, &["a", "b", "c"]).await), ["bc", "cb"]);
    space.close().await;
}

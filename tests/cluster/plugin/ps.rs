//! Verbs that show a stack: `ps`, `port`, `images`, `volumes`, `why`.

use compose_operator::api::ComposeStack;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::support::Plugin;
use crate::support::Space;

const SHOP: &str = r#"
services:
  web: {image: "nginx:1.27", command: [nginx, -e, stderr, -g, "daemon off;"], ports: ["8080:80"], deploy: {replicas: 2}}
  db: {image: postgres, volumes: ["data:/var/lib/postgresql/data"]}
volumes: {data: }
"#;

#[tokio::test]
async fn ps_shows_containers_as_docker_compose_does() {
    let space = Space::open("ps").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    space.create("shop", SHOP).await;
    space.ready("shop").await;

    let table = plugin.prints(&["ps"]).await;
    let lines: Vec<&str> = table.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0]), ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]);
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].starts_with("db-") && lines[2].starts_with("web-") && lines[2].contains("nginx:1.27"), "{table}");
    assert!(lines[2].contains(r#""nginx -e stderr -g …""#) && lines[2].contains(" Up ") && lines[2].contains("->80/tcp"), "{table}");

    assert_eq!(plugin.prints(&["ps", "--services"]).await, "db\nweb\n");
    assert_eq!(plugin.prints(&["ps", "-q", "web"]).await.lines().count(), 2);
    assert_eq!(plugin.prints(&["ps", "-q", "--status", "exited"]).await, "");
    let json = plugin.prints(&["ps", "--format", "json", "db"]).await;
    let db: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&db["Service"], &db["State"], &db["Project"]), (&json!("db"), &json!("running"), &json!("shop")));
    assert_eq!(plugin.fails(&["ps", "nowhere"]).await, "error: no such service: nowhere\n");
    space.close().await;
}

#[tokio::test]
async fn ports_images_and_volumes_are_told() {
    let space = Space::open("told").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    space.create("shop", SHOP).await;
    let stack = space.ready("shop").await;

    let endpoint = crate::support::service(&stack, "web").endpoints[0].clone();
    let number = endpoint.trim_start_matches("*:").trim_end_matches("->80/tcp");
    let address = plugin.prints(&["port", "web", "80"]).await;
    assert!(address.trim().ends_with(&format!(":{number}")) && !address.starts_with('*'), "{address} of {endpoint}");
    let refused = plugin.fails(&["port", "web", "81"]).await;
    assert_eq!(refused, format!("error: no port 81/tcp of web is published; published are {endpoint}\n"));

    let images = plugin.prints(&["images", "web"]).await;
    assert!(images.lines().count() == 3 && images.lines().all(|line| line.starts_with("CONTAINER") || line.contains("nginx")), "{images}");
    assert_eq!(plugin.prints(&["volumes", "-q"]).await, "shop-data\n");
    space.close().await;
}

#[tokio::test]
async fn a_project_that_is_not_up_has_no_containers() {
    let space = Space::open("not-up").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    let said = plugin.run(&["ps"]).await;
    assert_eq!((said.code, said.out.lines().count()), (Some(0), 1), "{said:?}");
    assert!(said.err.contains("there is no stack shop in namespace"), "{said:?}");
    assert!(plugin.fails(&["port", "web", "80"]).await.contains("there is no stack shop"));
    space.close().await;
}

#[tokio::test]
async fn ps_and_why_say_of_a_service_without_containers_why_it_has_none() {
    let space = Space::open("why").await;
    let file = r#"
services:
  web: {image: nginx, depends_on: {db: {condition: service_healthy}}}
  db: {image: postgres, healthcheck: {test: "true"}, annotations: {devcluster/unready: "true"}}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    let waits = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services.into_iter().any(|service| service.name == "web" && service.waiting_for == ["db"])
    };
    space.until_stack("shop", "waiting", waits).await;
    let said = plugin.run(&["ps"]).await;
    assert!(said.code == Some(0) && said.err.starts_with("web: Waiting"), "{said:?}");
    let why = plugin.prints(&["why", "web"]).await;
    assert!(why.starts_with("web is Waiting") && why.contains("it waits for db is"), "{why}");
    assert!(plugin.fails(&["why", "nowhere"]).await.contains("no such service: nowhere"));
    space.close().await;
}

#[tokio::test]
async fn events_of_the_stack_are_told_as_they_come_and_those_of_others_are_not() {
    let space = Space::open("events").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP)]);
    space.create("other", "services: {other: {image: nginx}}").await;
    space.create("shop", "services: {db: {image: postgres}}").await;
    space.ready("shop").await;
    let mut listening = plugin.command(&["events", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines();
    // It may take a moment until it listens.
    let mut heard = Vec::new();
    for replicas in 1..30 {
        for stack in ["shop", "other"] {
            let service = if stack == "shop" { "db" } else { "other" };
            space.patch(stack, json!({"services": {service: {"replicas": replicas % 2 + 1}}})).await;
        }
        let line = tokio::time::timeout(std::time::Duration::from_secs(1), lines.next_line());
        if let Ok(Ok(Some(line))) = line.await {
            heard.push(line);
            break;
        }
    }
    let event: Value = serde_json::from_str(heard.first().unwrap()).unwrap();
    assert!(event["service"] == "db" || event["name"] == "shop", "{event}");
    listening.kill().await.unwrap();
    space.close().await;
}

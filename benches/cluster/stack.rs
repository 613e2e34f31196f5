//! The stack that is measured.

use compose_operator::api::ComposeStack;
use serde_json::{Value, json};

#[allow(dead_code, reason = "other benches have more of it")]
#[path = "../project/mod.rs"]
mod project;

/// Name of every stack: each has a namespace of its own.
pub const NAME: &str = "shop";
/// What it becomes.
pub const OBJECTS: usize = 11;

const COMPOSE: &str = r#"
services:
  web:
    image: nginx:1.27
    deploy: {replicas: 2}
    expose: [80]
    networks: [front]
    configs: [{source: site, target: /etc/nginx/conf.d/site.conf}]
  app:
    image: example/app:2.3
    expose: [8080]
    environment: {DATABASE_HOST: db, LOG_LEVEL: info}
    networks: [front, back]
    secrets: [token]
  db:
    image: example/db:16
    expose: [5432]
    networks: [back]
    volumes: ["data:/var/lib/data"]
networks: {front: , back: }
volumes: {data: }
configs: {site: {content: "server { listen 80; }"}}
secrets: {token: {file: token}}
"#;

/// The resource.
pub fn resource() -> ComposeStack {
    let spec = json!({"compose": COMPOSE, "files": {"token": "swordfish"}});
    ComposeStack::new(NAME, serde_json::from_value(spec).unwrap())
}

/// The objects that it becomes.
pub fn objects() -> Vec<Value> {
    let project = project::Project::of(COMPOSE).with("token", "swordfish");
    let objects: Vec<Value> = project.translate().unwrap().objects.values().map(|object| serde_json::to_value(object).unwrap()).collect();
    assert_eq!(objects.len(), OBJECTS);
    objects
}

//! `up`.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::support::Plugin;
use crate::support::{Space, service};

const SHOP: &str = r#"
services:
  web: {image: nginx, env_file: [web.env], depends_on: [db], secrets: [key]}
  db: {image: redis:8, volumes: ["data:/data"]}
volumes: {data: }
secrets: {key: {file: key.txt}}
"#;

/// The Secrets that files travelled in.
async fn packed(space: &Space) -> Vec<Secret> {
    let secrets = space.list::<Secret>().await;
    secrets.into_iter().filter(|secret| secret.name_any().starts_with("shop--packed-")).collect()
}

/// The spec as it stands in the API.
async fn spec(space: &Space) -> Value {
    serde_json::to_value(space.api::<ComposeStack>().get("shop").await.unwrap().spec).unwrap()
}

#[tokio::test]
async fn up_makes_the_stack_and_called_again_writes_nothing() {
    let space = Space::open("up").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP), ("web.env", "A=1\n"), ("key.txt", "s3cret")]);
    let said = plugin.run(&["up", "-d"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.err.starts_with(" Stack shop  Created\n"), "{said:?}");
    assert!(said.err.contains(" Service web  Running\n") && said.err.contains(" Service db  Running\n"), "{said:?}");
    let stack = space.ready("shop").await;
    let secrets = packed(&space).await;
    assert_eq!(secrets.len(), 1);
    let owners: Vec<_> = secrets[0].owner_references().iter().map(|owner| (owner.kind.as_str(), owner.uid.clone())).collect();
    assert_eq!(owners, [("ComposeStack", stack.uid().unwrap())]);

    let before = space.writes_of_plugin();
    let said = plugin.run(&["up", "-d"]).await;
    assert_eq!((said.code, space.writes_of_plugin()), (Some(0), before), "{said:?}");
    assert!(said.err.starts_with(" Stack shop  Up to date\n") && said.err.contains(" Service web  Running\n"), "{said:?}");
    assert_eq!(space.api::<ComposeStack>().get("shop").await.unwrap().resource_version(), stack.resource_version());
    space.close().await;
}

#[tokio::test]
async fn other_secrets_come_with_the_write_that_names_them_and_the_old_ones_go() {
    let space = Space::open("up-secrets").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", SHOP), ("web.env", "A=1\n"), ("key.txt", "one")]);
    plugin.prints(&["up", "-d"]).await;
    let old = packed(&space).await;
    let content =
        |secret: &Secret| secret.data.iter().flatten().map(|(_, value)| String::from_utf8(value.0.clone()).unwrap()).collect::<Vec<_>>();
    // Somebody else's Secret with the stack's label is none of the plugin's.
    let foreign = json!({"metadata": {"name": "shop--packed-by-hand", "labels": {"compose-operator.dev/stack": "shop"}}});
    space.make::<Secret>(foreign).await;
    plugin.write("key.txt", "two");
    plugin.prints(&["up", "-d"]).await;
    let stack = space.ready("shop").await;
    assert_eq!(stack.metadata.generation, Some(2), "content and stack change in one write");
    let mut new = packed(&space).await;
    new.retain(|secret| secret.name_any() != "shop--packed-by-hand");
    assert_eq!((old.len(), new.len(), packed(&space).await.len()), (1, 1, 2));
    assert_ne!(old[0].name_any(), new[0].name_any());
    assert!(content(&old[0]).contains(&"one".to_owned()) && content(&new[0]).contains(&"two".to_owned()));
    assert_eq!(new[0].owner_references().len(), 1);

    space.delete::<Secret>(&new[0].name_any()).await;
    space.stalled("shop", "SourceMissing").await;
    let said = plugin.run(&["up", "-d"]).await;
    assert!(said.code == Some(0) && said.err.contains(" Stack shop  Up to date\n"), "what was lost is brought again: {said:?}");
    space.close().await;
}

#[tokio::test]
async fn what_is_not_the_projects_stays_and_who_else_manages_it_is_told() {
    let space = Space::open("up-fields").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", "services: {web: {image: nginx}}\n")]);
    plugin.prints(&["up", "-d", "--publish=ClusterIP"]).await;
    let web = json!({"replicas": 3, "restartedAt": "2026-01-01T00:00:00Z"});
    space.patch("shop", json!({"progressDeadline": "5m", "services": {"web": web}})).await;
    plugin.write("compose.yaml", "services: {web: {image: 'nginx:2'}}\n");
    let said = plugin.run(&["up", "-d", "--scale", "web=2"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let expected = json!({
        "compose": "services: {web: {image: 'nginx:2'}}\n", "progressDeadline": "5m", "publish": "ClusterIP",
        "services": {"web": {"replicas": 2, "restartedAt": "2026-01-01T00:00:00Z"}},
    });
    assert_eq!(spec(&space).await, expected);
    plugin.prints(&["up", "-d"]).await;
    assert_eq!(spec(&space).await["services"], json!({"web": {"restartedAt": "2026-01-01T00:00:00Z"}}));
    assert_eq!(service(&space.ready("shop").await, "web").desired, 1);

    let applied = json!({"apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "metadata": {"name": "shop"},
        "spec": {"compose": "services: {web: {image: 'nginx:3'}}\n"}});
    let params = kube::api::PatchParams::apply("flux").force();
    space.api::<ComposeStack>().patch("shop", &params, &kube::api::Patch::Apply(&applied)).await.unwrap();
    let said = plugin.run(&["up", "-d"]).await;
    assert!(said.code == Some(0) && said.err.contains("warning: flux manages what has just been changed"), "{said:?}");
    space.close().await;
}

#[tokio::test]
async fn a_project_that_is_refused_leaves_nothing() {
    let space = Space::open("up-refused").await;
    let file = SHOP.replace("image: nginx", "imgae: nginx");
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", &file), ("web.env", "A=1\n"), ("key.txt", "s3cret")]);
    assert!(plugin.fails(&["up", "-d"]).await.contains("imgae"));
    plugin.write("compose.yaml", SHOP);
    assert!(plugin.fails(&["up", "-d", "--scale", "nowhere=2"]).await.contains("no such service: nowhere"));
    assert!(plugin.fails(&["up", "-d", "nowhere"]).await.contains("there is no service \"nowhere\""));
    assert!(plugin.fails(&["up", "-d", "--build"]).await.contains("--build: images are built and pushed elsewhere"));
    assert_eq!(space.writes_of_plugin(), [""; 0]);

    // What the API server refuses leaves nothing either.
    let hard = json!({"count/composestacks.compose-operator.dev": "0"});
    space.make::<ResourceQuota>(json!({"metadata": {"name": "none"}, "spec": {"hard": hard}})).await;
    let is_counted = |quota: Option<&ResourceQuota>| quota.is_some_and(|q| q.status.as_ref().is_some_and(|status| status.hard.is_some()));
    space.until::<ResourceQuota>("none", "in force", is_counted).await;
    assert!(plugin.fails(&["up", "-d"]).await.contains("exceeded quota: none"));
    assert_eq!((space.names::<ComposeStack>().await.len(), packed(&space).await.len()), (0, 0));
    space.close().await;
}

#[tokio::test]
async fn a_stack_that_stalls_exits_with_its_reason() {
    let space = Space::open("up-stalls").await;
    let file = r#"services: {job: {image: tool, restart: "no", annotations: {devcluster/exit-code: "3"}}, web: {image: nginx}}"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    let said = plugin.run(&["up", "-d"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("error: the stack is stalled (ServiceFailed): job: ") && said.err.contains(" Service job  Failed: "),
        "{said:?}"
    );
    // Its other services go on, and are waited for alone.
    plugin.prints(&["up", "-d", "web"]).await;
    space.close().await;
}

#[tokio::test]
async fn the_policy_is_the_operators_to_know() {
    let space = Space::open("up-policy").await;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", "services: {web: {image: nginx, privileged: true}}\n")]);
    let said = plugin.run(&["up", "-d"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("warning") && said.err.contains("the stack is stalled (InvalidSpec): "), "{said:?}");
    space.close().await;
}

#[tokio::test]
async fn services_that_are_not_asked_for_are_not_started() {
    let space = Space::open("up-part").await;
    let file = "services:\n  web: {image: nginx, depends_on: [db]}\n  db: {image: postgres}\n  other: {image: nginx}\n  \
                debug: {image: nginx, profiles: [debug]}\n";
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    let said = plugin.run(&["up", "-d", "web"]).await;
    assert!(said.code == Some(0) && !said.err.contains("other"), "{said:?}");
    assert_eq!(spec(&space).await["services"], json!({"other": {"stopped": true}}));
    plugin.prints(&["up", "-d", "debug"]).await;
    let stack = space.ready("shop").await;
    let desired = |name: &str| service(&stack, name).desired;
    assert_eq!((desired("web"), desired("db"), desired("other"), desired("debug")), (1, 1, 0, 1));
    space.close().await;
}

#[tokio::test]
async fn a_wait_that_takes_too_long_or_is_interrupted_leaves_the_stack() {
    let space = Space::open("up-wait").await;
    let file = r#"services: {web: {image: nginx, healthcheck: {test: "true"}, annotations: {devcluster/unready: "true"}}}"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    let said = plugin.fails(&["up", "-d", "--wait-timeout", "1"]).await;
    assert!(said.contains("error: not there after 1 s: "), "{said}");
    // Whoever listens no longer to what is told doesn't end it.
    let mut deaf = plugin.command(&["up", "-d", "--wait-timeout", "1"]).spawn().unwrap();
    drop(deaf.stderr.take());
    assert_eq!(deaf.wait().await.unwrap().code(), Some(1));
    let mut call = plugin.command(&["up", "-d"]).spawn().unwrap();
    // Once it tells of the stack it listens for Ctrl-C too.
    let mut told = BufReader::new(call.stderr.take().unwrap()).lines();
    while !told.next_line().await.unwrap().unwrap().starts_with(" Service web  ") {}
    let pid = call.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(call.wait().await.unwrap().code(), Some(130));
    assert!(space.api::<ComposeStack>().get_opt("shop").await.unwrap().is_some());
    space.close().await;
}

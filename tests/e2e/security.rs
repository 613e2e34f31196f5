//! What a container must not have, and the namespace's own rules.

use compose_operator::api::ComposeStack;
use serde_json::json;

use crate::support::Space;

#[tokio::test]
async fn a_container_has_no_token_and_no_variables_of_services() {
    let space = Space::open("token").await;
    let file = r#"
services:
  web: {image: debian, command: sleep infinity, init: true, expose: [80], depends_on: [redis]}
  redis: {image: busybox, command: sleep infinity, init: true, expose: [6379], ports: ["6379"]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("web", "! ls /var/run/secrets/kubernetes.io /run/secrets 2>/dev/null").await;
    let found = space.sh("web", "cat /proc/$(pgrep -o sleep)/environ | tr '\\0' '\\n'").await;
    let names = found.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let pollution: Vec<&str> = names.filter(|name| name.contains("PORT") || name.contains("SERVICE_HOST")).collect();
    assert!(pollution.iter().all(|name| name.starts_with("KUBERNETES_")), "{pollution:?}");
    assert!(pollution.is_empty() || !found.contains("REDIS"), "{pollution:?}");
    space.close().await;
}

#[tokio::test]
async fn ordinary_stacks_run_where_baseline_is_enforced() {
    let labels = json!({"pod-security.kubernetes.io/enforce": "baseline"});
    let space = Space::open_labelled("baseline", labels).await;
    let file = r#"
services:
  web: {image: nginx, ports: ["8080:80"], configs: [page], depends_on: [db]}
  db: {image: redis, volumes: ["data:/data"], init: true, cap_add: [CHOWN], sysctls: {net.ipv4.tcp_syncookies: 1}}
  once: {image: busybox, command: "true", restart: "no"}
configs: {page: {content: hello}}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_compliant_stack_runs_where_restricted_is_enforced() {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let space = Space::open_labelled("restricted", labels).await;
    let file = r#"
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    user: "1000:1000"
    cap_drop: [ALL]
    security_opt: [no-new-privileges:true]
    read_only: true
    tmpfs: /tmp
    ports: ["80"]
    volumes: ["data:/data"]
    configs: [page]
configs: {page: {content: hello}}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh_until("web", "echo >/data/file && cat /page && wget -q -O - http://web/passwd").await;
    space.close().await;
}

#[tokio::test]
async fn what_restricted_forbids_is_told() {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let space = Space::open_labelled("forbidden", labels).await;
    space.create("shop", "services: {web: {image: busybox, command: sleep infinity}}").await;
    let says = |stack: &ComposeStack| {
        let services = stack.status.iter().flat_map(|status| &status.services);
        services
            .filter_map(|service| service.message.as_deref())
            .any(|message| message.contains("PodSecurity") && message.contains("restricted"))
    };
    space.until_stack("shop", "saying what is forbidden", says).await;
    space.close().await;
}

//! What a container must not have, and the namespace's own rules.

use compose_operator::api::ComposeStack;
use serde_json::json;

use crate::support::Space;

#[tokio::test]
async fn a_container_has_no_token_and_no_variables_of_services() {
    let space = Space::open("token").await;
    let file = r#"
services:
  web: {image: debian, command: sleep infinity, init: true, expose: [80], depends_on: [redis], environment: {OWN: "1"}}
  redis: {image: busybox, command: sleep infinity, init: true, expose: [6379], ports: ["6379"]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    for service in ["web", "redis"] {
        space
            .sh(
                service,
                "! test -e /var/run/secrets/kubernetes.io && ! test -e /run/secrets/kubernetes.io && ! grep serviceaccount /proc/mounts",
            )
            .await;
    }
    let found = space.sh_until("web", "pgrep sleep >/dev/null && cat /proc/$(pgrep -o sleep)/environ | tr '\\0' '\\n'").await;
    // What every container has of its image and its runtime, and where the API server is, which a kubelet can't be kept from telling.
    let names = found.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let usual = |name: &&str| ["PATH", "HOSTNAME", "HOME", "PWD", "SHLVL"].contains(name) || name.starts_with("KUBERNETES_");
    assert_eq!(names.filter(|name| !usual(name)).collect::<Vec<_>>(), ["OWN"], "{found}");
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
async fn what_the_operator_adds_to_a_pod_is_as_restricted_as_the_pod() {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let space = Space::open_labelled("helpers", labels).await;
    // A hosts file, a volume that is filled from the image, copies of files, owners and modes, steps before the start and after it.
    let file = r#"
x-rights: &rights {user: "1000:2000", cap_drop: [ALL], security_opt: [no-new-privileges:true], read_only: true, init: true}
services:
  my_web:
    <<: *rights
    image: filled
    links: ["my_db:the_db"]
    extra_hosts: ["some_host=10.1.2.3"]
    volumes: ["data:/filled", "./settings:/etc/settings", "./dir:/dir", "/anonymous"]
    tmpfs: ["/tmp:mode=700,uid=1000,gid=2000"]
    shm_size: 8m
    configs: [{source: page, target: /etc/page, uid: "1000", gid: "2000", mode: 0400}]
    secrets: [{source: page, gid: "2000", mode: 0440}]
    pre_start: [{command: [sh, -c, "echo once >/filled/once"]}, {command: [sh, -c, "echo each >/filled/each"], per_replica: true}]
    post_start: [{command: [sh, -c, "echo after >/filled/after"]}]
    healthcheck: {test: [CMD, test, -e, /filled/each], interval: 1s, start_period: 10s, start_interval: 1s}
  my_db: {<<: *rights, image: busybox, command: httpd -f -p 80 -h /etc, expose: [80]}
  once: {<<: *rights, image: busybox, command: "true", restart: "no"}
configs: {page: {content: hello}}
secrets: {page: {file: settings}}
volumes: {data: }
"#;
    space.create_spec("shop", json!({"compose": file, "files": {"settings": "1", "dir/a": "a"}})).await;
    space.ready("shop").await;
    let web = "my-web";
    space.sh_until(web, "wget -q -O - http://my_db/passwd && wget -q -O - http://the_db/passwd && grep -w some_host /etc/hosts").await;
    let found =
        space.sh(web, "cat /filled/file /filled/once /filled/each /filled/after; echo 2 >>/etc/settings; cat /etc/settings /dir/a").await;
    assert_eq!(found, "from-the-image\nonce\neach\nafter\n12\na");
    assert_eq!(space.sh(web, "stat -c %a /dev/shm").await, "1777\n");
    let found = space.sh(web, "stat -Lc '%a %u %g' /tmp /etc/page; cat /etc/page /run/secrets/page; echo >/tmp/a; echo >/dev/shm/a").await;
    assert_eq!(found, "700 1000 2000\n400 1000 2000\nhello1");
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

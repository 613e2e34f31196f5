//! Configs, secrets and files of the stack, as a process finds them.

use base64::Engine;
use kube::ResourceExt;
use serde_json::json;

use crate::support::{Seed, Space};

#[tokio::test]
async fn configs_and_secrets_arrive_byte_for_byte_with_their_modes() {
    let space = Space::open("configs").await;
    let bytes: Vec<u8> = (0..=255).collect();
    let file = r#"
services:
  web:
    image: busybox
    command: sleep infinity
    init: true
    configs:
      - text
      - {source: text, target: /etc/shop/deep/text, mode: 0440}
      - {source: bytes, target: /etc/bytes}
      - {source: written}
    secrets:
      - password
      - {source: password, target: other, mode: 0400}
      - {source: bytes, target: /etc/secret-bytes}
configs:
  text: {file: text}
  bytes: {file: bytes}
  written: {content: "$$HOME is ${PLACE} $(X)\n"}
secrets:
  password: {file: password}
  bytes: {file: bytes}
"#;
    let text = "$HOME $$ $(X) ${Y} 日本\r\nno newline at the end";
    let spec = json!({
        "compose": file,
        "files": {"text": text, "password": "s3cret"},
        "binaryFiles": {"bytes": base64::engine::general_purpose::STANDARD.encode(&bytes)},
        "variables": {"PLACE": "here"},
    });
    space.create_spec("shop", spec).await;
    space.ready("shop").await;
    assert_eq!(space.sh("web", "cat /text").await, text);
    assert_eq!(space.sh("web", "cat /etc/shop/deep/text").await, text);
    assert_eq!(space.sh("web", "cat /written").await, "$HOME is here $(X)\n");
    assert_eq!(space.sh("web", "cat /run/secrets/password /run/secrets/other").await, "s3crets3cret");
    let expected = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    for path in ["/etc/bytes", "/etc/secret-bytes"] {
        assert_eq!(space.sh("web", &format!("xxd -p {path} | tr -d '\\n'")).await, expected, "{path}");
    }
    let modes = space.sh("web", "stat -Lc '%a %n' /text /etc/shop/deep/text /run/secrets/password /run/secrets/other").await;
    assert_eq!(modes, "444 /text\n440 /etc/shop/deep/text\n444 /run/secrets/password\n400 /run/secrets/other\n");
    space.close().await;
}

#[tokio::test]
async fn a_changed_file_rolls_only_its_users() {
    let space = Space::open("changed").await;
    let file = r#"
services:
  user: {image: busybox, command: sleep infinity, init: true, configs: [one]}
  mounter: {image: busybox, command: sleep infinity, init: true, volumes: ["./dir:/dir:ro"]}
  reader: {image: busybox, command: sleep infinity, env_file: vars.env}
  keeper: {image: busybox, command: sleep infinity, init: true, secrets: [password]}
  other: {image: busybox, command: sleep infinity, init: true, configs: [two]}
configs:
  one: {file: one}
  two: {file: two}
secrets: {password: {file: password}}
"#;
    let files = json!({
        "one": "1", "two": "2", "dir/a": "a", "dir/run": "#!/bin/sh\necho ran", "vars.env": "A=1\n", "password": "old",
    });
    space.create_spec("shop", json!({"compose": file, "files": files})).await;
    space.ready("shop").await;
    assert_eq!(space.sh("mounter", "/dir/run; cat /dir/a").await, "ran\na");
    for (changed, content, user, script) in [
        ("one", "changed", "user", "cat /one"),
        ("dir/a", "changed", "mounter", "cat /dir/a"),
        ("vars.env", "A=changed\n", "reader", "printf %s \"$A\""),
        ("password", "changed", "keeper", "cat /run/secrets/password"),
    ] {
        let others = ["user", "mounter", "reader", "keeper", "other"].into_iter().filter(|name| *name != user);
        let before = pods(&space, others.clone()).await;
        space.patch("shop", json!({"files": {changed: content}})).await;
        space.ready("shop").await;
        space.until_pods(user, 1).await;
        assert_eq!(space.sh(user, script).await, "changed");
        assert_eq!(pods(&space, others).await, before, "{changed} concerns {user} alone");
    }
    space.close().await;
}

async fn pods(space: &Space, services: impl Iterator<Item = &str>) -> Vec<Option<String>> {
    let mut uids = Vec::new();
    for service in services {
        uids.push(space.pod(service).await.uid());
    }
    uids
}

#[tokio::test]
async fn files_of_a_host_directory_travel_in_the_stack() {
    let seed = Seed::apply("redis-haproxy").await;
    seed.space.sh_until("haproxy", "grep -q 'bind \\*:6301' /tmp/haproxy.cfg").await;
    seed.space.sh_until("redis-slave1", "grep -q 'slaveof master 6379' /data/redis.conf").await;
    seed.space.close().await;
}

#[tokio::test]
async fn configs_and_secrets_have_the_owners_and_modes_that_are_written() {
    let space = Space::open("owners").await;
    let file = r#"
services:
  web:
    image: busybox
    command: sleep infinity
    init: true
    user: "1000:2000"
    configs: [{source: text, target: /etc/owned, uid: "1000", gid: "2000", mode: 0640}]
    secrets: [{source: text, uid: "1000", gid: "2000", mode: 0400}]
  root:
    image: busybox
    command: sleep infinity
    init: true
    configs: [{source: text, target: /etc/owned, uid: "33", mode: 0600}]
    secrets: [{source: text, target: /etc/secret, gid: "44", mode: 0440}, text]
configs: {text: {file: text}}
secrets: {text: {file: text}}
"#;
    space.create_spec("shop", json!({"compose": file, "files": {"text": "mine"}})).await;
    space.ready("shop").await;
    let found = space.sh("web", "stat -Lc '%a %u %g' /etc/owned /run/secrets/text; cat /etc/owned /run/secrets/text").await;
    assert_eq!(found, "440 1000 2000\n400 1000 2000\nminemine");
    let found = space.sh("root", "stat -Lc '%a %u %g' /etc/owned /etc/secret /run/secrets/text; cat /etc/owned /etc/secret").await;
    assert_eq!(found, "400 33 0\n440 0 44\n444 0 0\nminemine");
    space.close().await;
}

#[tokio::test]
async fn mounted_files_that_may_be_written_to_are_copies_of_the_pod() {
    let space = Space::open("copies").await;
    let file = r#"
services:
  web: {image: busybox, command: sleep infinity, init: true, volumes: ["./settings:/etc/settings", "./dir:/dir"]}
  reader: {image: busybox, command: sleep infinity, init: true, volumes: ["./settings:/etc/settings:ro"]}
"#;
    space
        .create_spec("shop", json!({"compose": file, "files": {"settings": "1", "dir/a": "a", "dir/deep/run": "#!/bin/sh\necho ran"}}))
        .await;
    space.ready("shop").await;
    let found = space.sh("web", "echo 2 >>/etc/settings; echo b >/dir/b; cat /etc/settings /dir/a /dir/b; /dir/deep/run").await;
    assert_eq!(found, "12\nab\nran\n");
    assert_eq!(space.sh("reader", "cat /etc/settings").await, "1");
    space.close().await;
}

#[tokio::test]
async fn a_tmpfs_has_the_mode_and_owner_that_are_written() {
    let space = Space::open("tmpfs").await;
    let file = r#"services: {web: {image: busybox, command: sleep infinity, init: true, tmpfs: ["/a", "/b:mode=700,uid=1000,gid=2000"]}}"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    assert_eq!(space.sh("web", "stat -c '%a %u %g' /a /b").await, "1777 0 0\n700 1000 2000\n");
    space.close().await;
}

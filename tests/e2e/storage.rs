//! Volumes: shared, kept, written by whom the file says, never by two revisions at once.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

use crate::support::{Seed, Space, Witness, answer, until};

#[tokio::test]
async fn two_services_share_a_volume_and_one_that_reads_cannot_write() {
    let space = Space::open("shared").await;
    let file = r#"
services:
  writer: {image: busybox, command: sleep infinity, init: true, volumes: ["data:/data"]}
  reader: {image: busybox, command: sleep infinity, init: true, volumes: ["data:/elsewhere:ro"]}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("writer", "echo hello >/data/file").await;
    assert_eq!(space.sh("reader", "cat /elsewhere/file").await, "hello\n");
    assert!(space.try_sh("reader", "echo >/elsewhere/file").await.unwrap_err().contains("Read-only file system"));
    space.close().await;
}

#[tokio::test]
async fn a_volume_outlives_its_stack_and_a_stack_of_that_name_takes_it_up() {
    let space = Space::open("kept").await;
    let file = "{services: {web: {image: busybox, command: sleep infinity, init: true, volumes: ['data:/data']}}, volumes: {data: }}";
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("web", "echo kept >/data/file").await;
    space.delete::<ComposeStack>("shop").await;
    space.until::<Deployment>("web", "gone", |web| web.is_none()).await;
    space.until_pods("web", 0).await;
    space.create("shop", file).await;
    space.ready("shop").await;
    assert_eq!(space.sh("web", "cat /data/file").await, "kept\n");
    space.close().await;
}

#[tokio::test]
async fn a_user_other_than_root_writes_to_a_fresh_volume() {
    let space = Space::open("user").await;
    let file = r#"
services: {web: {image: busybox, command: sleep infinity, init: true, user: "1000:1000", volumes: ["data:/data"]}}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("web", "echo hello >/data/file").await;
    space.close().await;
}

#[tokio::test]
async fn users_other_than_root_share_a_volume() {
    let space = Space::open("shared-users").await;
    let file = r#"
services:
  one: {image: busybox, command: sleep infinity, init: true, user: "1000:2000", volumes: ["data:/data"]}
  two: {image: busybox, command: sleep infinity, init: true, user: "1001:2000", volumes: ["data:/elsewhere"]}
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("one", "echo one >/data/one && mkdir /data/deep && echo deep >/data/deep/file").await;
    space.sh("two", "echo two >/elsewhere/two").await;
    assert_eq!(space.sh("one", "cat /data/two; stat -c '%u %g' /data/two").await, "two\n1001 2000\n");
    assert_eq!(space.sh("two", "cat /elsewhere/one /elsewhere/deep/file").await, "one\ndeep\n");
    space.close().await;
}

#[tokio::test]
async fn a_directory_of_a_volume_is_mounted_alone() {
    let space = Space::open("subpath").await;
    let file = r#"
services:
  whole: {image: busybox, command: sleep infinity, init: true, volumes: ["data:/data"]}
  part:
    image: busybox
    command: sleep infinity
    init: true
    volumes: [{type: volume, source: data, target: /part, volume: {subpath: inner/deep}}]
volumes: {data: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("part", "echo hello >/part/file").await;
    assert_eq!(space.sh("whole", "echo secret >/data/outer; cat /data/inner/deep/file").await, "hello\n");
    assert_eq!(space.sh("part", "ls -A /part").await, "file\n");
    space.close().await;
}

#[tokio::test]
async fn an_anonymous_volume_survives_the_crash_of_its_container() {
    let space = Space::open("anonymous").await;
    let file = r#"services: {web: {image: debian, command: [sh, -c, "sleep infinity & wait"], restart: always, volumes: [/data]}}"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh_until("web", "echo kept >/data/file; kill $(pgrep -o sleep)").await;
    until("it was started anew", async || if space.restarts("web").await > 0 { Ok(()) } else { Err("no restart".to_owned()) }).await;
    assert_eq!(space.sh_until("web", "cat /data/file").await, "kept\n");
    space.close().await;
}

#[tokio::test]
async fn a_writer_of_a_volume_is_never_there_in_two_revisions() {
    let space = Space::open("revisions").await;
    let program = "mkdir /data/lock || echo both >>/data/wrong\ntrap 'sleep 1; rmdir /data/lock; exit' TERM\nwhile :; do sleep 0.1; done";
    let file = |revision: u32, image: &str| {
        let web = json!({
            "image": image, "command": ["sh", "-c", program], "environment": {"REVISION": revision.to_string()},
            "volumes": ["data:/data", "./page:/page:ro"],
        });
        json!({"services": {"web": web}, "volumes": {"data": {}}}).to_string()
    };
    let witness = Witness::of(&space, "web");
    space.create_spec("shop", json!({"compose": file(1, "busybox"), "files": {"page": "1"}})).await;
    space.ready("shop").await;
    let running = async |revision: u32, page: &str| {
        space.ready("shop").await;
        let script = format!("test $REVISION = {revision} && grep -q {page} /page && test -d /data/lock && ! cat /data/wrong 2>/dev/null");
        space.sh_until("web", &script).await;
    };
    space.compose("shop", &file(2, "busybox")).await;
    running(2, "1").await;
    space.compose("shop", &file(2, "debian")).await;
    running(2, "1").await;
    space.patch("shop", json!({"files": {"page": "2"}})).await;
    running(2, "2").await;
    // Two changes at once, the second while the first is under way.
    space.compose("shop", &file(3, "debian")).await;
    space.until_any::<Pod>("going", |pod| pod.metadata.deletion_timestamp.is_some()).await;
    space.compose("shop", &file(4, "busybox")).await;
    running(4, "2").await;
    space.patch("shop", json!({"services": {"web": {"restartedAt": "2026-01-01T00:00:00Z"}}})).await;
    running(4, "2").await;
    let seen = witness.tells(6).await;
    assert!(seen.iter().all(|revisions| revisions.len() <= 1), "pods of several revisions were there at once: {seen:?}");
    space.close().await;
}

#[tokio::test]
async fn a_writer_whose_new_revision_starts_first_is_there_in_both_as_its_file_says() {
    let space = Space::open("start-first").await;
    let file = r#"
services:
  web:
    image: busybox
    command: sleep infinity
    init: true
    environment: {REVISION: "1"}
    deploy: {update_config: {order: start-first}}
    volumes: ["data:/data"]
volumes: {data: }
"#;
    let witness = Witness::of(&space, "web");
    space.create("shop", file).await;
    space.ready("shop").await;
    space.compose("shop", &file.replace("\"1\"", "\"2\"")).await;
    space.ready("shop").await;
    let seen = witness.tells(2).await;
    assert!(seen.iter().any(|revisions| revisions.len() == 2), "{seen:?}");
    space.close().await;
}

#[tokio::test]
async fn an_anonymous_volume_is_filled_from_the_image() {
    let space = Space::open("anonymous-filled").await;
    let file = r#"services: {web: {image: filled, command: [sh, -c, "until test -e /tmp/end; do sleep 0.2; done"], restart: always, volumes: ["/filled"]}}"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    assert_eq!(space.sh("web", "cat /filled/file").await, "from-the-image\n");
    space.sh("web", "echo changed >/filled/file; touch /tmp/end").await;
    until("it was started anew", async || if space.restarts("web").await > 0 { Ok(()) } else { Err("no restart".to_owned()) }).await;
    assert_eq!(space.sh_until("web", "cat /filled/file").await, "changed\n");
    space.close().await;
}

#[tokio::test]
async fn what_an_image_declares_as_a_volume_survives_the_end_of_its_container() {
    let space = Space::open("declared").await;
    space.create("shop", "services: {web: {image: redis, restart: always}}").await;
    space.ready("shop").await;
    space.sh_until("web", "redis-cli ping").await;
    space.sh("web", "redis-cli set visits 41").await;
    // It ends before it answers.
    let _ = space.try_sh("web", "redis-cli shutdown save").await;
    until("it was started anew", async || if space.restarts("web").await > 0 { Ok(()) } else { Err("no restart".to_owned()) }).await;
    assert_eq!(space.sh_until("web", "redis-cli incr visits").await, "42\n");
    space.close().await;
}

#[tokio::test]
async fn a_counter_in_a_volume_survives_the_loss_of_its_pod() {
    let over = "{services: {redis: {volumes: ['data:/data']}}, volumes: {data: }}";
    let seed = Seed::apply_with("flask-redis", over).await;
    let url = format!("http://{}/", seed.space.published(&seed.name, "flask", 80).await);
    let count = |text: &str| text.split("访问").nth(1).and_then(|rest| rest.split('次').next()).and_then(|n| n.parse::<u32>().ok());
    let visit = async || count(&answer(&[&url], "with a number", |text| count(text).is_some()).await).unwrap();
    visit().await;
    let before = visit().await;
    // Its successor may read the volume before it has ended, and so before it would have saved by itself.
    seed.space.sh("redis", "redis-cli save").await;
    let redis = seed.space.pod("redis").await;
    seed.space.delete::<Pod>(&redis.name_any()).await;
    seed.space.until::<Pod>(&redis.name_any(), "gone", |pod| pod.is_none()).await;
    assert!(visit().await > before, "it goes on from where it was");
    seed.space.close().await;
}

#[tokio::test]
async fn a_fresh_volume_is_filled_from_the_image_with_its_owners_and_modes() {
    let space = Space::open("filled").await;
    let file = r#"
services:
  root: {image: filled, stop_grace_period: 1s, volumes: ["one:/filled"]}
  user: {image: filled, stop_grace_period: 1s, user: "1000:2000", volumes: ["two:/filled"]}
  empty: {image: filled, stop_grace_period: 1s, volumes: [{type: volume, source: three, target: /filled, volume: {nocopy: true}}]}
volumes: {one: , two: , three: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let found = space.sh("root", "cd /filled; stat -c '%a %u %g %n' . file deep/own; cat file").await;
    assert_eq!(found, "750 1000 2000 .\n640 1000 2000 file\n444 1234 2000 deep/own\nfrom-the-image\n");
    let found = space.sh("user", "cd /filled; echo more >>file && echo new >new && cat file new").await;
    assert_eq!(found, "from-the-image\nmore\nnew\n", "its own files are its own");
    assert_eq!(space.sh("empty", "ls -A /filled").await, "");

    // What has changed since stays, also for pods that come later.
    space.sh("root", "rm /filled/file; echo changed >/filled/deep/own").await;
    space.patch("shop", serde_json::json!({"services": {"root": {"restartedAt": "2026-01-01T00:00:00Z"}}})).await;
    space.sh_until("root", "! test -e /filled/file && grep changed /filled/deep/own && test $(cat /proc/uptime | cut -d. -f1) -gt 0").await;
    space.ready("shop").await;
    space.close().await;
}

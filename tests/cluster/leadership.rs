//! Several replicas of the operator: one leads.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;

use crate::support::{Space, operator_kept, operator_stopped, rival, standby};

#[tokio::test]
async fn a_standby_takes_over_from_a_leader_that_is_killed_and_hands_over_when_it_is_asked_to_end() {
    let standby = standby();
    let space = Space::open("standby").await;
    space.create("first", "services: {web: {image: nginx, expose: [80]}}").await;
    space.ready("first").await;
    let stopped = operator_stopped().await;
    let writes = space.writes().len();
    space.create("second", "services: {app: {image: nginx, expose: [80]}}").await;
    space.ready("second").await;
    let first = space.writes().split_off(writes).into_iter().filter(|event| event.name() == "first" || event.name() == "web").count();
    assert_eq!(first, 0, "what the one made stands under the other");
    let end = standby.terminate().unwrap();
    assert!(end.success(), "{end}");
    drop(stopped);
    space.create("third", "services: {db: {image: nginx, expose: [80]}}").await;
    space.ready("third").await;
    space.close().await;
}

/// Two that lead at once, as after a pause that outlasted the Lease: the end is the same, and nothing is there twice.
#[tokio::test]
async fn two_leaders_at_once_make_one_set_of_objects() {
    let kept = operator_kept().await;
    let rival = rival();
    let space = Space::open("rivals").await;
    for index in 0..5 {
        let file = format!(
            "services: {{web{index}: {{image: nginx, expose: [80], configs: [settings], depends_on: {{task{index}: {{condition: service_completed_successfully}}}}}}, \
             task{index}: {{image: app}}}}\nconfigs: {{settings: {{content: a=b}}}}"
        );
        space.create(&format!("shop{index}"), &file).await;
    }
    for index in 0..5 {
        space.ready(&format!("shop{index}")).await;
        space.compose(&format!("shop{index}"), &format!("services: {{web{index}: {{image: 'nginx:2', expose: [80]}}}}")).await;
    }
    for index in 0..5 {
        space.ready(&format!("shop{index}")).await;
        space.until::<Job>(&format!("task{index}"), "gone", |job| job.is_none()).await;
    }
    assert_eq!(space.names::<Deployment>().await, ["web0", "web1", "web2", "web3", "web4"]);
    drop(rival);
    drop(kept);
    space.close().await;
}

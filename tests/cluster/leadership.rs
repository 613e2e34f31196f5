//! Several replicas of the operator: one leads.

use crate::support::{Space, operator_stopped, standby};

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

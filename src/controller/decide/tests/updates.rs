//! Updates that fail: paused, or undone.

use super::fixture::{Bench, Build, svc, until_success};
use crate::api::ServiceState;
use crate::compose::model::FailureAction::{Pause, Rollback};
use crate::controller::decide::{PodView, Record, Refusal, WorkloadView};
use crate::translate::{Kind, ServicePlan};

fn crashes(pod: &mut PodView) {
    for container in &mut pod.containers {
        (container.exit_code, container.restarts) = (Some(1), 3);
        container.waiting = Some(("CrashLoopBackOff".to_owned(), String::new()));
    }
}

/// web, whose updates are undone, and db.
fn shop(web: &str) -> [ServicePlan; 2] {
    [svc("db"), svc("web").at(web).failing(Rollback, 0.0)]
}

/// The revision web-1 runs, is kept, and could be read again; web-2 is wanted.
fn updated() -> Bench {
    let mut bench = Bench::running(shop("web-1"));
    let good = bench.desired.clone().unwrap();
    bench.want(shop("web-2"));
    bench.carry_out();
    bench.good = Some(Ok(good));
    bench
}

#[test]
fn the_revision_that_is_ready_is_kept_once() {
    let mut bench = Bench::of(shop("web-1"));
    assert_eq!(bench.decide().record, None, "not before it is ready");
    bench.settle();
    let kept = bench.recorded.revision.clone().unwrap();
    assert_eq!((kept.generation, kept.inputs), (bench.stack.generation, bench.desired.as_ref().unwrap().inputs()));
    assert_eq!(bench.decide().record, None);
    bench.stack.generation += 1;
    bench.carry_out();
    assert_eq!(bench.decide().record, None, "nothing has changed with this generation");
}

#[test]
fn no_revision_is_kept_of_a_stack_whose_updates_are_not_undone() {
    let mut bench = Bench::running([svc("web")]);
    assert_eq!((bench.decide().record, bench.recorded.revision.clone()), (None, None));
    bench.want([svc("web").at("web-2").failing(Rollback, 0.0)]);
    bench.settle();
    bench.want([svc("web").at("web-3")]);
    bench.carry_out();
    bench.ready("web");
    assert_eq!(bench.decide().record, Some(Record::Drop));
}

#[test]
fn a_failed_update_is_put_on_record_before_anything_is_undone() {
    let mut bench = updated();
    bench.pods("web", crashes);
    let outcome = bench.decide();
    assert!(outcome.actions.is_empty() && outcome.again.is_some());
    let record = outcome.status.rolled_back.clone().unwrap();
    assert_eq!(record.generation, bench.stack.generation);
    assert_eq!(record.message, "web: 0 of 1 ready: its container ends with exit code 1 and is started again and again");
    bench.check_conditions("False", "False", "True", "RolledBack");
    bench.recorded = outcome.status;
    bench.check(&["apply Deployment web ×1 Changed"]);
    assert!(bench.decide().undone);
}

#[test]
fn the_last_good_revision_stays_until_another_update_is_wanted() {
    let mut bench = updated();
    bench.pods("web", crashes);
    bench.carry_out();
    bench.ready("web");
    bench.carry_out();
    bench.check_conditions("False", "False", "True", "RolledBack");
    let message = bench.condition("Ready").2;
    assert!(
        message.starts_with("web: 0 of 1 ready") && message.ends_with("the last good revision of generation 2 runs again"),
        "{message}"
    );
    assert_eq!(bench.live(Kind::Deployment, "web").inputs.as_deref(), Some("web-1"));
    assert_eq!(bench.service_status("web").state, ServiceState::Running);
    // A restart of the operator loses what isn't recorded.
    bench.unseen = crate::controller::decide::Unseen::default();
    bench.later(3600);
    bench.check(&[]);
    assert_eq!(bench.decide().status, bench.recorded);

    bench.want(shop("web-3"));
    bench.check(&["apply Deployment web ×1 Changed"]);
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
    assert_eq!(bench.recorded.rolled_back, None);
    assert_eq!(bench.recorded.revision.as_ref().unwrap().inputs, bench.desired.as_ref().unwrap().inputs());
}

#[test]
fn another_content_at_the_same_generation_is_another_update() {
    let mut bench = updated();
    bench.pods("web", crashes);
    bench.carry_out();
    let generation = bench.stack.generation;
    bench.want(shop("web-3"));
    bench.stack.generation = generation;
    bench.check(&["apply Deployment web ×1 Changed"]);
}

#[test]
fn what_the_update_added_goes_with_it() {
    let mut bench = Bench::running(shop("web-1"));
    let good = bench.desired.clone().unwrap();
    bench.want(shop("web-2").into_iter().chain([svc("extra")]));
    bench.carry_out();
    bench.good = Some(Ok(good));
    bench.pods("web", crashes);
    bench.recorded = bench.decide().status;
    bench.check(&["apply Deployment web ×1 Changed", "delete Service extra", "delete Deployment extra"]);
}

#[test]
fn a_deadline_that_passes_is_a_failure_too() {
    let mut bench = updated();
    bench.pods("web", |_| ());
    bench.carry_out();
    assert_eq!(bench.service_status("web").state, ServiceState::Progressing);
    bench.later(601);
    assert!(bench.decide().status.rolled_back.is_some());
}

#[test]
fn a_first_roll_out_that_fails_is_not_undone() {
    let mut bench = Bench::of(shop("web-1"));
    bench.carry_out();
    bench.pods("web", crashes);
    bench.later(601);
    bench.check_conditions("False", "False", "True", "DeadlineExceeded");
    assert_eq!(bench.decide().status.rolled_back, None);
}

#[test]
fn what_fails_once_the_update_is_through_is_not_undone() {
    let mut bench = updated();
    bench.settle();
    bench.pods("web", crashes);
    bench.carry_out();
    bench.later(601);
    assert_eq!(bench.decide().status.rolled_back, None);
    assert_eq!(bench.service_status("web").state, ServiceState::Failed);
}

#[test]
fn a_neighbour_that_fails_undoes_nothing() {
    let mut bench = updated();
    bench.ready("web");
    bench.pods("db", crashes);
    bench.carry_out();
    bench.later(601);
    assert_eq!(bench.decide().status.rolled_back, None);
}

#[test]
fn nothing_is_done_before_the_last_good_revision_is_read() {
    let mut bench = updated();
    bench.pods("web", crashes);
    bench.recorded = bench.decide().status;
    bench.good = None;
    let outcome = bench.decide();
    assert_eq!((outcome.actions.len(), outcome.status == bench.recorded), (0, true));
}

#[test]
fn an_update_that_can_not_be_undone_says_so_and_goes_on() {
    let mut bench = updated();
    bench.pods("web", crashes);
    bench.recorded = bench.decide().status;
    bench.good = Some(Err(Refusal { reason: "RolledBack", message: "its record is gone".to_owned() }));
    bench.check(&[]);
    let (_, reason, message) = bench.condition("Stalled");
    assert_eq!(reason, "ServiceFailed");
    assert!(message.ends_with("the update can't be undone: its record is gone"), "{message}");
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
    assert_eq!(bench.recorded.rolled_back, None);
}

#[test]
fn as_many_failures_as_are_tolerated_are_none() {
    let four = |inputs: &str, tolerated| [svc("web").at(inputs).times(4).failing(Rollback, tolerated)];
    for (tolerated, undone) in [(0.5, false), (0.49, true)] {
        let mut bench = Bench::running(four("web-1", tolerated));
        bench.want(four("web-2", tolerated));
        bench.carry_out();
        bench.pods("web", |pod| {
            if *pod.name < *"web-2" {
                crashes(pod);
            }
        });
        assert_eq!(bench.decide().status.rolled_back.is_some(), undone, "{tolerated}");
    }
}

fn paused(bench: &mut Bench) -> bool {
    matches!(bench.live(Kind::Deployment, "web").state, WorkloadView::Replicated { paused: true, .. })
}

#[test]
fn a_failed_update_is_paused_until_there_is_another() {
    let web = |inputs: &str| [svc("web").at(inputs).failing(Pause, 0.0)];
    let mut bench = Bench::running(web("web-1"));
    bench.want(web("web-2"));
    bench.carry_out();
    bench.pods("web", crashes);
    let outcome = bench.decide();
    assert!(outcome.actions.is_empty(), "that it failed is on record first");
    assert_eq!(outcome.status.services[0].failed_update.as_deref(), Some("web-2"));
    bench.recorded = outcome.status;
    bench.check(&["apply Deployment web ×1 Changed"]);
    bench.carry_out();
    assert!(paused(&mut bench));
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "ServiceFailed");
    let message = bench.service_status("web").message.unwrap();
    assert!(message.ends_with("its update is paused until there is another one"), "{message}");
    bench.want(web("web-3"));
    bench.carry_out();
    assert!(!paused(&mut bench));
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
}

#[test]
fn a_service_that_never_ran_is_not_paused() {
    let mut bench = Bench::of([svc("web").failing(Pause, 0.0)]);
    bench.carry_out();
    bench.pods("web", crashes);
    bench.carry_out();
    bench.later(601);
    bench.carry_out();
    assert!(!paused(&mut bench));
}

#[test]
fn restarts_before_a_long_run_are_no_attempts() {
    let task = || ServicePlan { restart_window: Some(60), ..until_success("task", Some(3)) };
    let fails = |restarts: i32, ran: u64| {
        move |pod: &mut PodView| {
            crashes(pod);
            for container in &mut pod.containers {
                (container.restarts, container.ran) = (restarts, Some(ran));
            }
        }
    };
    let mut bench = Bench::running([task()]);
    bench.pods("task", fails(5, 3600));
    bench.carry_out();
    assert_eq!(bench.service_status("task").state, ServiceState::Degraded, "it had run for an hour");
    bench.pods("task", fails(7, 2));
    bench.carry_out();
    assert_ne!(bench.service_status("task").state, ServiceState::Failed, "two failures in a row");
    bench.pods("task", fails(8, 2));
    assert_eq!(bench.service_status("task").state, ServiceState::Failed);
}

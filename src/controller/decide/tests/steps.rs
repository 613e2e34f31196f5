//! `pre_start` steps that run once before a service.

use super::fixture::{Bench, Build, svc};
use crate::api::ServiceState;
use crate::compose::model::DependencyCondition::Started;
use crate::controller::decide::{JobView, PodView, WorkloadView};
use crate::translate::Kind;

fn done() -> JobView {
    JobView { succeeded: 1, complete: true, ..JobView::default() }
}

fn failed() -> JobView {
    JobView { failed: 4, failure: Some("BackoffLimitExceeded".to_owned()), ..JobView::default() }
}

fn shop() -> Bench {
    let mut bench = Bench::of([svc("db").after_steps("s1"), svc("web").after("db", Started)]);
    bench.carry_out();
    bench
}

#[test]
fn no_replica_is_made_before_the_steps_have_completed() {
    let mut bench = shop();
    assert!(!bench.live.objects.keys().any(|key| key.kind == Kind::Deployment));
    let status = bench.service_status("db");
    assert_eq!((status.state, status.message.as_deref()), (ServiceState::Progressing, Some("its pre-start steps run")));
    bench.steps("db", done());
    bench.check(&["create Deployment db ×1"]);
    bench.settle();
    assert_eq!(bench.service_status("db").pre_start.as_deref(), Some("completed=s1"));
}

#[test]
fn steps_wait_for_what_the_service_waits_for() {
    let mut bench = Bench::of([svc("db"), svc("web").after_steps("s1").after("db", Started)]);
    bench.carry_out();
    bench.check(&[]);
    bench.ready("db");
    bench.check(&["create Job web--pre-start-s1"]);
}

#[test]
fn completed_steps_do_not_run_again_though_their_job_is_deleted() {
    let mut bench = shop();
    bench.steps("db", done());
    bench.settle();
    bench.remove(Kind::Job, "db--pre-start-s1");
    bench.check(&[]);
    bench.want([svc("db").at("db-2").after_steps("s1"), svc("web").after("db", Started)]);
    bench.check(&["apply Deployment db ×1 Changed"]);
}

#[test]
fn changed_steps_run_before_the_service_is_changed() {
    let mut bench = shop();
    bench.steps("db", done());
    bench.settle();
    bench.want([svc("db").at("db-2").after_steps("s2"), svc("web").after("db", Started)]);
    bench.check(&["delete Job db--pre-start-s1"]);
    bench.carry_out();
    assert_eq!(bench.live(Kind::Deployment, "db").inputs.as_deref(), Some("db-1"), "it runs on as it was");
    bench.steps("db", done());
    bench.check(&["apply Deployment db ×1 Changed"]);
}

#[test]
fn failed_steps_stop_the_service_and_its_dependents() {
    let mut bench = shop();
    bench.steps("db", failed());
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "ServiceFailed");
    let db = bench.service_status("db");
    assert_eq!((db.state, db.message.as_deref()), (ServiceState::Failed, Some("its pre-start steps failed: BackoffLimitExceeded")));
    assert_eq!(db.pre_start.as_deref(), Some("failed=s1@2"));
    assert!(bench.service_status("web").message.unwrap().contains("its pre-start steps failed"));
    let container = crate::controller::decide::ContainerView { name: "step-2".to_owned(), exit_code: Some(3), ..Default::default() };
    let pod = PodView { inputs: Some("s1".to_owned()), phase: "Failed".to_owned(), containers: vec![container], ..PodView::default() };
    bench.live.pods.insert("db--pre-start".to_owned(), vec![pod]);
    assert_eq!(bench.service_status("db").message.as_deref(), Some("its pre-start steps failed: step-2 ends with exit code 3"));
}

#[test]
fn failed_steps_run_again_when_the_stack_changes_and_not_before() {
    let mut bench = shop();
    bench.steps("db", failed());
    bench.carry_out();
    bench.later(3600);
    bench.check(&[]);
    bench.want([svc("db").after_steps("s1"), svc("web").at("web-2").after("db", Started)]);
    bench.check(&["delete Job db--pre-start-s1"]);
    bench.carry_out();
    let WorkloadView::Job(job) = &bench.live(Kind::Job, "db--pre-start-s1").state else { panic!("a Job") };
    assert!(job.failure.is_none(), "another one");
    bench.steps("db", failed());
    bench.carry_out();
    assert_eq!(bench.service_status("db").pre_start.as_deref(), Some("failed=s1@3"));
}

#[test]
fn steps_under_way_end_when_the_service_is_stopped() {
    let mut bench = shop();
    bench.want([svc("db").after_steps("s1").stop()]);
    assert!(bench.actions().contains(&"delete Job db--pre-start-s1".to_owned()), "{:?}", bench.actions());
}

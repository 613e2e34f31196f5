use super::fixture::{Bench, Build, job, svc, template, until_success};
use crate::api::ServiceState;
use crate::compose::model::DependencyCondition::{CompletedSuccessfully, Healthy, Started};
use crate::controller::decide::{Action, FailureKind, JobView};
use crate::translate::Kind;

fn shop() -> Bench {
    let mut bench = Bench::of([svc("db"), svc("web").after("db", Healthy)]);
    bench.carry_out();
    bench
}

#[test]
fn a_service_is_made_when_its_dependency_is_healthy() {
    let mut bench = shop();
    let status = bench.service_status("web");
    assert_eq!((status.state, status.waiting_for), (ServiceState::Waiting, vec!["db".to_owned()]));
    bench.pods("db", |p| p.containers[0].started = true);
    bench.check(&[]);
    bench.ready("db");
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn started_is_met_before_ready() {
    let mut bench = Bench::of([svc("db").times(2), svc("web").after("db", Started)]);
    bench.carry_out();
    bench.pods("db", |p| p.containers[0].started = p.name == "db-0");
    bench.check(&[]);
    bench.pods("db", |p| p.containers[0].started = true);
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn pods_of_an_older_template_meet_nothing() {
    let mut bench = Bench::of([svc("db"), svc("web").after("db", Started)]);
    bench.carry_out();
    bench.pods("db", |p| (p.containers[0].started, p.inputs) = (true, Some("db-0".to_owned())));
    bench.check(&[]);
}

#[test]
fn completed_is_met_by_the_job_and_later_by_the_record() {
    let mut bench = Bench::of([job("init"), svc("web").after("init", CompletedSuccessfully)]);
    bench.carry_out();
    bench.job("init", JobView { active: 1, ready: 1, ..JobView::default() });
    bench.check(&[]);
    bench.ready("init");
    bench.check(&["create Deployment web ×1"]);
    bench.settle();
    bench.remove(Kind::Job, "init--init-1");
    bench.remove(Kind::Deployment, "web");
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn a_failed_job_stalls_who_waits_for_it() {
    let mut bench = Bench::of([job("init"), svc("web").after("init", CompletedSuccessfully)]);
    bench.carry_out();
    bench.job("init", JobView { failed: 1, failure: Some("BackoffLimitExceeded".to_owned()), ..JobView::default() });
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "ServiceFailed");
    let web = bench.service_status("web");
    assert_eq!(web.message.as_deref(), Some("waits for init to complete: the job failed: BackoffLimitExceeded"));
    assert!(bench.condition("Stalled").2.contains("web: waits for init"));
}

#[test]
fn a_dependency_that_is_not_required_only_warns_when_it_fails() {
    let mut bench = Bench::of([job("init"), svc("web").after("init", CompletedSuccessfully).optional()]);
    bench.carry_out();
    bench.check(&[]);
    bench.job("init", JobView { failed: 1, failure: Some("BackoffLimitExceeded".to_owned()), ..JobView::default() });
    bench.check(&["create Deployment web ×1"]);
    let warning = &bench.decide().status.warnings[0];
    assert_eq!(warning.path, "services.web.depends_on");
    assert!(warning.message.contains("goes on without init to complete: the job failed"));
}

#[test]
fn a_dependency_that_is_not_active_and_not_required_only_warns() {
    let mut bench = Bench::of([svc("web").after("debug", Started).optional()]);
    bench.carry_out();
    assert!(bench.live.objects.keys().any(|k| k.kind == Kind::Deployment));
    assert!(bench.recorded.warnings[0].message.contains("debug is not an active service"));
}

#[test]
fn a_dependency_at_zero_is_met() {
    let mut bench = Bench::of([svc("db").times(0), svc("cache").stop(), svc("web").after("db", Healthy).after("cache", Started)]);
    bench.carry_out();
    assert!(bench.live.objects.keys().any(|k| k.name == "web" && k.kind == Kind::Deployment));
}

#[test]
fn a_later_failure_of_a_dependency_stops_nobody() {
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.pods("db", |p| p.containers[0].exit_code = Some(1));
    bench.check(&[]);
    assert_eq!(bench.service_status("web").state, ServiceState::Running);
}

#[test]
fn an_update_waits_while_the_dependency_is_updated_too() {
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.want([svc("db").at("db-2"), svc("web").at("web-2").after("db", Healthy)]);
    bench.check(&["apply Deployment db ×1 Changed"]);
    bench.carry_out();
    bench.check(&[]);
    assert_eq!(bench.service_status("web").state, ServiceState::Waiting);
    bench.check_conditions("False", "True", "False", "Progressing");
    bench.ready("db");
    bench.check(&["apply Deployment web ×1 Changed"]);
}

#[test]
fn an_update_goes_out_though_the_dependency_is_down() {
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.pods("db", |p| p.containers[0].exit_code = Some(1));
    bench.want([svc("db"), svc("web").at("web-2").after("db", Healthy)]);
    bench.check(&["apply Deployment web ×1 Changed"]);
}

#[test]
fn an_update_waits_no_longer_for_a_dependency_that_failed_or_can_not_be_written() {
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.want([svc("db").at("db-2"), svc("web").at("web-2").after("db", Healthy)]);
    bench.fail(Kind::Deployment, "db", FailureKind::Refused, "spec.template is invalid");
    bench.check(&["apply Deployment web ×1 Changed"]);
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.want([svc("db").at("db-2"), svc("web").at("web-2").after("db", Healthy)]);
    bench.carry_out();
    bench.pods("db", |p| p.containers[0].exit_code = Some(1));
    bench.carry_out();
    bench.later(601);
    bench.check(&["apply Deployment web ×1 Changed"]);
}

#[test]
fn a_service_that_comes_up_again_waits_as_it_did_the_first_time() {
    let mut bench = Bench::running([svc("db"), svc("web").after("db", Healthy)]);
    bench.want([svc("db").stop(), svc("web").after("db", Healthy).stop()]);
    bench.settle();
    bench.want([svc("db"), svc("web").after("db", Healthy)]);
    bench.check(&["apply Deployment db ×1 Changed"]);
    bench.carry_out();
    bench.check(&[]);
    bench.ready("db");
    bench.check(&["apply Deployment web ×1 Changed"]);
}

#[test]
fn waiting_is_the_reason_when_there_is_no_other() {
    let mut bench = Bench::running([svc("db"), svc("init"), svc("web").after("db", Healthy)]);
    bench.want([svc("db"), svc("init"), svc("web").after("db", Healthy), svc("late").after("gone", Healthy)]);
    bench.carry_out();
    bench.check_conditions("False", "True", "False", "WaitingFor");
    assert_eq!(bench.condition("Reconciling").2, "late: waits for gone is not an active service");
}

fn stamp(bench: &Bench) -> Option<String> {
    let outcome = bench.decide();
    let object = outcome.actions.iter().find_map(|a| match a {
        Action::Create { object } | Action::Apply { object, .. } if object.name() == "web" => Some(object),
        _ => None,
    });
    template(object?)?.metadata.as_ref()?.annotations.as_ref()?.get("compose-operator.dev/restarted-for").cloned()
}

#[test]
fn a_dependents_pods_are_restarted_after_the_dependencys_roll_out_and_not_at_first() {
    let services = |db: &str| [svc("db").at(db), svc("web").after("db", Healthy).restarting()];
    let mut bench = Bench::of(services("db-1"));
    bench.carry_out();
    bench.ready("db");
    assert_eq!(stamp(&bench).as_deref(), Some("db=db-1"));
    bench.settle();
    bench.check(&[]);
    bench.want(services("db-2"));
    bench.carry_out();
    bench.check(&[]);
    bench.ready("db");
    bench.check(&["apply Deployment web ×1 Changed"]);
    assert_eq!(stamp(&bench).as_deref(), Some("db=db-2"));
    bench.settle();
    bench.check(&[]);
}

#[test]
fn scaling_and_repairs_restart_nothing() {
    let services = |db: &str, n: i32| [svc("db").at(db), svc("web").times(n).after("db", Healthy).restarting()];
    let mut bench = Bench::running(services("db-1", 1));
    bench.want(services("db-2", 3));
    bench.check(&["apply Deployment db ×1 Changed", "apply Deployment web ×3 Changed"]);
    assert_eq!(stamp(&bench).as_deref(), Some("db=db-1"));
}

#[test]
fn a_dependency_that_is_new_in_the_file_restarts_nobody() {
    let mut bench = Bench::running([svc("db"), svc("web")]);
    bench.want([svc("db"), svc("web").after("db", Healthy).restarting()]);
    bench.check(&[]);
}

#[test]
fn a_program_that_ended_well_counts_as_started() {
    let mut bench = Bench::of([until_success("init", None), svc("web").after("init", Started)]);
    bench.carry_out();
    bench.pods("init", |p| {
        p.containers[0].exit_code = Some(0);
        p.containers[0].waiting = Some(("CrashLoopBackOff".to_owned(), String::new()));
    });
    bench.check(&["create Deployment web ×1"]);
}

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::ObjectMeta;

use super::fixture::{Bench, Build, daemon, job, pod, stateful, svc, until_success};
use crate::api::ServiceState;
use crate::controller::decide::{Action, FailureKind, JobView, PodView, WorkloadView};
use crate::translate::{Key, Kind, Object};

#[test]
fn replicas_follow_the_file() {
    let mut bench = Bench::running([svc("web").times(3)]);
    for n in [1, 4, 0, 2] {
        bench.want([svc("web").times(n)]);
        bench.check(&[&format!("apply Deployment web ×{n} Changed")]);
        bench.settle();
        assert_eq!(bench.service_status("web").ready, n);
    }
}

#[test]
fn replicas_that_somebody_else_set_are_put_back() {
    let mut bench = Bench::running([svc("web").times(2)]);
    bench.drift(Kind::Deployment, "web");
    bench.check(&["apply Deployment web ×2 Drift"]);
}

#[test]
fn a_deleted_deployment_comes_back() {
    let mut bench = Bench::running([svc("web")]);
    bench.remove(Kind::Deployment, "web");
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn a_job_runs_once_even_if_it_is_deleted() {
    let mut bench = Bench::running([job("init")]);
    assert_eq!(bench.service_status("init").state, ServiceState::Completed);
    bench.remove(Kind::Job, "init--init-1");
    bench.check(&[]);
    bench.check_conditions("True", "False", "False", "Ready");
}

#[test]
fn a_job_runs_again_at_other_inputs_after_the_older_one_is_gone() {
    let mut bench = Bench::running([job("init")]);
    bench.want([job("init").at("init-2")]);
    bench.check(&["delete Job init--init-1"]);
    bench.live(Kind::Job, "init--init-1").deleting = true;
    bench.check(&[]);
    bench.check_conditions("False", "True", "False", "WaitingForDeletion");
    bench.remove(Kind::Job, "init--init-1");
    bench.live.pods.insert("init".to_owned(), vec![pod("init-x", "init-1", Kind::Job, true)]);
    bench.check(&[]);
    assert_eq!(bench.service_status("init").message.as_deref(), Some("the older Pod init-x must be gone first"));
    bench.live.pods.clear();
    bench.check(&["create Job init--init-2"]);
}

#[test]
fn an_older_job_runs_on_until_its_successor_may_start() {
    use crate::compose::model::DependencyCondition::Healthy;
    let mut bench = Bench::running([svc("db"), job("init").after("db", Healthy)]);
    bench.want([svc("db").at("db-2"), job("init").at("init-2").after("db", Healthy)]);
    bench.check(&["apply Deployment db ×1 Changed"]);
}

#[test]
fn a_change_of_kind_deletes_the_old_workload_and_waits_for_its_pods() {
    let mut bench = Bench::running([svc("web")]);
    bench.want([job("web")]);
    bench.check(&["delete Deployment web"]);
    bench.remove(Kind::Deployment, "web");
    bench.check(&[]);
    bench.live.pods.clear();
    bench.check(&["create Job web--web-1"]);
    bench.settle();
    bench.want([daemon("web")]);
    bench.check(&["delete Job web--web-1"]);
}

#[test]
fn stopping_scales_deployments_and_deletes_daemon_sets_and_unfinished_jobs() {
    let mut bench = Bench::running([svc("web").times(2), daemon("agent"), job("done")]);
    bench.want([svc("web").times(2), daemon("agent"), job("done"), job("busy")]);
    bench.carry_out();
    bench.job("busy", JobView { active: 1, ready: 1, ..JobView::default() });
    bench.stack.stopped = true;
    bench.want([svc("web").stop(), daemon("agent").stop(), job("done").stop(), job("busy").stop()]);
    bench.check(&["apply Deployment web ×0 Changed", "delete DaemonSet agent", "delete Job busy--busy-1"]);
    bench.settle();
    assert!(bench.live.objects.contains_key(&Key::new(Kind::Job, "done--done-1")));
    bench.check_conditions("False", "False", "False", "Stopped");
    bench.stack.stopped = false;
    bench.want([svc("web").times(2), daemon("agent"), job("done"), job("busy")]);
    bench.check(&["apply Deployment web ×2 Changed", "create DaemonSet agent", "create Job busy--busy-1"]);
}

fn ended(code: i32, restarts: i32) -> impl Fn(&mut PodView) {
    move |p| {
        p.containers[0].exit_code = Some(code);
        p.containers[0].restarts = restarts;
        p.containers[0].waiting = Some(("CrashLoopBackOff".to_owned(), "back-off 10s".to_owned()));
    }
}

#[test]
fn a_program_that_ended_well_is_put_on_record_and_only_then_scaled_to_zero() {
    let mut bench = Bench::of([until_success("task", None).times(2)]);
    bench.carry_out();
    bench.pods("task", ended(0, 1));
    bench.check(&[]);
    let status = bench.service_status("task");
    assert_eq!((status.state, status.completed.as_deref(), status.desired), (ServiceState::Completed, Some("task-1"), 0));
    assert_eq!(bench.decide().again.unwrap().as_millis(), 500);
    bench.recorded = bench.decide().status;
    bench.check(&["apply Deployment task ×0 Changed"]);
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
    bench.want([until_success("task", None).times(2).at("task-2")]);
    bench.check(&["apply Deployment task ×2 Changed"]);
}

#[test]
fn older_replicas_that_have_ended_too_do_not_keep_a_program_from_having_ended() {
    let mut bench = Bench::of([until_success("task", None)]);
    bench.carry_out();
    bench.pods("task", ended(0, 1));
    let mut old = bench.live.pods["task"][0].clone();
    old.inputs = Some("task-0".to_owned());
    bench.live.pods.get_mut("task").unwrap().push(old);
    if let WorkloadView::Replicated { total, .. } = &mut bench.live(Kind::Deployment, "task").state {
        *total = 2;
    }
    assert_eq!(bench.service_status("task").completed.as_deref(), Some("task-1"));
}

#[track_caller]
fn goes_on(change: impl Fn(&mut Bench)) {
    let mut bench = Bench::of([until_success("task", None).times(2)]);
    bench.carry_out();
    bench.pods("task", ended(0, 1));
    change(&mut bench);
    assert_eq!(bench.service_status("task").completed, None);
}

#[test]
fn a_program_has_not_ended_while_one_replica_runs_fails_is_being_deleted_or_only_older_ones_have_ended() {
    goes_on(|b| b.live.pods.get_mut("task").unwrap()[0].containers[0].waiting = None);
    goes_on(|b| b.live.pods.get_mut("task").unwrap()[0].containers[0].exit_code = Some(1));
    goes_on(|b| b.live.pods.get_mut("task").unwrap()[0].deleting = true);
    goes_on(|b| b.live.pods.get_mut("task").unwrap().iter_mut().for_each(|p| p.inputs = Some("task-0".to_owned())));
    goes_on(|b| b.live.pods.get_mut("task").unwrap().push(pod("task-old", "task-0", Kind::Deployment, true)));
    goes_on(|b| drop(b.live.pods.get_mut("task").unwrap().pop()));
}

#[test]
fn a_server_that_restarts_for_ever_never_completes() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.pods("web", ended(0, 1));
    assert_eq!(bench.service_status("web").completed, None);
    assert_eq!(bench.service_status("web").state, ServiceState::Progressing);
}

#[test]
fn a_program_out_of_attempts_is_scaled_to_zero_and_told() {
    let mut bench = Bench::of([until_success("task", Some(3))]);
    bench.carry_out();
    bench.pods("task", ended(7, 2));
    assert_eq!(bench.service_status("task").exhausted, None);
    bench.pods("task", ended(7, 3));
    bench.check(&[]);
    let outcome = bench.decide();
    assert!(outcome.notes.iter().any(|n| n.reason == "RestartLimitReached" && n.warning));
    bench.recorded = outcome.status;
    bench.check(&["apply Deployment task ×0 Changed"]);
    bench.settle();
    let status = bench.service_status("task");
    assert!(status.met.is_some_and(|met| met.contains("started=task-1")), "it has started, whatever became of it");
    assert_eq!(status.message.as_deref(), Some("it failed 3 times (restart: on-failure:3), last with exit code 7"));
    bench.check_conditions("False", "False", "True", "ServiceFailed");
    bench.want([until_success("task", Some(3)).at("task-2")]);
    bench.check(&["apply Deployment task ×1 Changed"]);
}

#[test]
fn a_completed_program_whose_deployment_is_deleted_does_not_run_again() {
    let mut bench = Bench::of([until_success("task", None)]);
    bench.carry_out();
    bench.pods("task", ended(0, 1));
    bench.settle();
    bench.remove(Kind::Deployment, "task");
    bench.check(&["create Deployment task ×0"]);
}

#[test]
fn a_failed_job_stays_for_its_logs_and_runs_again_when_somebody_deletes_it() {
    let mut bench = Bench::of([job("init")]);
    bench.carry_out();
    bench.job("init", JobView { failed: 1, failure: Some("BackoffLimitExceeded".to_owned()), ..JobView::default() });
    bench.carry_out();
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "ServiceFailed");
    bench.remove(Kind::Job, "init--init-1");
    bench.check(&["create Job init--init-1"]);
}

/// Whether the replicas of a StatefulSet that can't be changed stay, where it has the claims `live` and is to have `wanted`.
fn stay(live: &[&str], wanted: &[&str]) -> bool {
    let mut bench = Bench::running([stateful("db")]);
    let template = |name: &&str| PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some((*name).to_owned()), ..ObjectMeta::default() },
        ..PersistentVolumeClaim::default()
    };
    let object = bench.desired.as_mut().unwrap().objects.get_mut(&Key::new(Kind::StatefulSet, "db")).unwrap();
    let Object::StatefulSet(set) = object else { panic!("not a StatefulSet") };
    set.spec.as_mut().unwrap().volume_claim_templates = Some(wanted.iter().map(template).collect());
    let WorkloadView::Replicated { claim_templates, .. } = &mut bench.live(Kind::StatefulSet, "db").state else { panic!("no replicas") };
    *claim_templates = live.iter().map(|name| (*name).to_owned()).collect();
    bench.fail(Kind::StatefulSet, "db", FailureKind::Immutable, "updates to statefulset spec for fields other than");
    assert_eq!(bench.service_status("db").state, ServiceState::Waiting);
    let [Action::Delete { orphans, .. }] = bench.decide().actions[..] else { panic!("{:?}", bench.actions()) };
    orphans
}

#[test]
fn replicas_of_a_stateful_set_that_is_made_anew_stay_if_they_have_all_their_claims() {
    assert!(stay(&["data"], &["data"]));
    assert!(stay(&["data", "logs"], &["data"]));
    assert!(!stay(&["data"], &["data", "logs"]), "a pod never gets a further volume");
}

#[test]
fn a_job_that_can_not_be_changed_runs_as_it_was_made() {
    let mut bench = Bench::of([job("task")]);
    bench.carry_out();
    bench.job("task", JobView { active: 1, ready: 1, ..JobView::default() });
    bench.drift(Kind::Job, "task--task-1");
    bench.fail(Kind::Job, "task--task-1", FailureKind::Immutable, "field is immutable");
    bench.check(&[]);
    assert_eq!(bench.service_status("task").state, ServiceState::Running);
}

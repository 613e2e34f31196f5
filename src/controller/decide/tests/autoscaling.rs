use super::fixture::Bench;
use super::plans::{Build, cron, stateful, svc};
use crate::compose::model::DependencyCondition;
use crate::controller::decide::{Action, CronView, Repair, WorkloadView};
use crate::translate::{Key, Kind, ServicePlan};

fn scale(bench: &mut Bench, name: &str, to: i32) {
    let live = bench.live(Kind::Deployment, name);
    if let WorkloadView::Replicated { replicas, total, updated, ready, available, holds_replicas, .. } = &mut live.state {
        for count in [replicas, total, updated, ready, available] {
            *count = to;
        }
        *holds_replicas = false;
    }
}

fn asked(bench: &Bench) -> Vec<String> {
    bench.actions()
}

fn with(plan: ServicePlan) -> Bench {
    let mut bench = Bench::of([plan]);
    bench.settle();
    bench
}

#[test]
fn an_autoscaler_gets_the_replicas_without_a_change_of_their_number() {
    let mut bench = with(svc("web").times(5));
    bench.want([svc("web").times(5).autoscaled(2, 10)]);
    let outcome = bench.decide();
    let [Action::Apply { releases: true, .. }] = outcome.actions.as_slice() else { panic!("{:?}", asked(&bench)) };
    assert_eq!(asked(&bench), ["apply Deployment web Changed"]);
    bench.settle();
    assert_eq!(asked(&bench), Vec::<String>::new());
    assert_eq!(bench.service_status("web").desired, 5);
}

#[test]
fn what_an_autoscaler_sets_stays_and_a_new_template_takes_no_replicas_away() {
    let mut bench = with(svc("web").times(2).autoscaled(2, 10));
    scale(&mut bench, "web", 7);
    assert_eq!(asked(&bench), Vec::<String>::new());
    assert_eq!(bench.service_status("web").desired, 7);
    bench.want([svc("web").times(2).autoscaled(2, 10).at("web-2")]);
    assert_eq!(asked(&bench), ["apply Deployment web Changed"]);
}

#[test]
fn without_its_autoscaler_a_service_has_the_replicas_of_the_file_again() {
    let mut bench = with(svc("web").times(2).autoscaled(2, 10));
    scale(&mut bench, "web", 7);
    bench.want([svc("web").times(5)]);
    assert_eq!(asked(&bench), ["apply Deployment web ×5 Changed"]);
}

#[test]
fn what_is_stopped_is_at_0_and_comes_up_with_replicas_of_ours() {
    let mut bench = with(svc("web").times(2).autoscaled(2, 10));
    scale(&mut bench, "web", 7);
    bench.want([svc("web").autoscaled(2, 10).stop()]);
    assert_eq!(asked(&bench), ["apply Deployment web ×0 Changed"]);
    bench.settle();
    bench.want([svc("web").times(2).autoscaled(2, 10)]);
    assert_eq!(asked(&bench), ["apply Deployment web ×2 Changed"]);
}

#[test]
fn a_stateful_set_is_scaled_and_waited_for_as_a_deployment_is() {
    let mut bench = Bench::of([stateful("db").times(3), svc("web").after("db", DependencyCondition::Healthy)]);
    bench.carry_out();
    assert_eq!(bench.service_status("web").waiting_for, ["db"]);
    bench.settle();
    assert_eq!((bench.service_status("db").kind.as_str(), bench.service_status("db").ready), ("StatefulSet", 3));
    bench.want([stateful("db").times(1), svc("web").after("db", DependencyCondition::Healthy)]);
    assert_eq!(asked(&bench).len(), 1);
}

#[test]
fn a_cron_job_is_there_once_it_is_written_goes_while_it_is_stopped_and_tells_of_a_run_that_failed() {
    let mut bench = with(cron("task"));
    assert_eq!(bench.service_status("task").message, None);
    bench.live(Kind::CronJob, "task").state = WorkloadView::Cron(CronView { active: 0, failing: true });
    assert_eq!(bench.service_status("task").message.as_deref(), Some("its last run has not succeeded"));
    bench.check_conditions("True", "False", "False", "Ready");
    bench.want([cron("task").stop()]);
    assert_eq!(asked(&bench), ["delete CronJob task"]);
}

#[test]
fn a_change_to_a_cron_job_deletes_the_deployment_first() {
    let mut bench = with(svc("task"));
    bench.want([cron("task").at("task-2")]);
    assert_eq!(asked(&bench), ["delete Deployment task"]);
    bench.settle();
    assert!(bench.live.objects.keys().any(|key| key.kind == Kind::CronJob));
}

/// Something that isn't the stack's scales `web`, and the API server takes the number of replicas from us.
fn taken(bench: &mut Bench, to: i32) {
    scale(bench, "web", to);
    bench.live(Kind::Deployment, "web").fields = Some("without replicas".to_owned());
}

#[test]
fn replicas_that_an_autoscaler_of_others_sets_are_put_back() {
    let mut bench = with(svc("web").times(3));
    taken(&mut bench, 5);
    bench.check(&["apply Deployment web ×3 Drift"]);
    bench.check_conditions("False", "True", "False", "Progressing");
}

#[test]
fn an_autoscaler_of_others_is_told_of_and_not_fought_at_full_speed() {
    let mut bench = with(svc("web").times(3));
    taken(&mut bench, 5);
    bench.repairs.insert(Key::new(Kind::Deployment, "web"), Repair { count: 6, last: bench.now });
    bench.check(&[]);
    let status = bench.decide().status;
    let expected =
        "a controller of the cluster, such as an autoscaler, changes it each time it is put back, so it is put back ever more seldom";
    assert_eq!(status.warnings.iter().map(|warning| warning.message.as_str()).collect::<Vec<_>>(), [expected]);
    let web = bench.service_status("web");
    let expected = "5 of 3 ready: something else sets its replicas, such as an autoscaler that is not of the stack";
    assert_eq!((web.desired, web.message.as_deref()), (3, Some(expected)));
    bench.later(8);
    bench.check(&["apply Deployment web ×3 Drift"]);
}

#[test]
fn other_replicas_that_the_user_wants_are_not_held_back() {
    let mut bench = with(svc("web").times(3));
    bench.repairs.insert(Key::new(Kind::Deployment, "web"), Repair { count: 6, last: bench.now });
    bench.want([svc("web").times(4)]);
    bench.check(&["apply Deployment web ×4 Changed"]);
}

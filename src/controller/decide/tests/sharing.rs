//! Services that share a pod.

use super::fixture::{Bench, Build, svc};
use crate::api::ServiceState;
use crate::compose::model::DependencyCondition::{CompletedSuccessfully, Healthy, Started};
use crate::translate::{Kind, Lifetime, ServicePlan};

fn shop() -> Bench {
    let mut bench = Bench::of([svc("vpn").beside("app"), svc("app").inside("vpn"), svc("web").after("app", Healthy)]);
    bench.carry_out();
    bench
}

#[test]
fn several_services_have_one_workload() {
    let bench = Bench::of([svc("app").inside("vpn"), svc("vpn").beside("app")]);
    bench.check(&["create Service app", "create Service vpn"]);
    let mut bench = bench;
    bench.carry_out();
    assert_eq!(bench.live.objects.keys().filter(|key| key.kind.is_workload()).count(), 1);
}

#[test]
fn who_waits_for_one_of_them_waits_for_its_container() {
    let mut bench = shop();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn"]);
    bench.check(&[]);
    bench.shared_pods("vpn", &["vpn", "app"], &["app"]);
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn each_is_told_of_by_its_own_container() {
    let mut bench = shop();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn", "app"]);
    let states = |bench: &Bench| ["vpn", "app"].map(|name| bench.service_status(name).state);
    assert_eq!(states(&bench), [ServiceState::Running, ServiceState::Running]);
    bench.carry_out();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn"]);
    for pod in bench.live.pods.get_mut("vpn").unwrap() {
        let app = pod.containers.iter_mut().find(|c| c.name == "app").unwrap();
        (app.exit_code, app.waiting) = (Some(7), Some(("CrashLoopBackOff".to_owned(), String::new())));
    }
    assert_eq!(states(&bench), [ServiceState::Running, ServiceState::Degraded]);
    assert_eq!(
        bench.service_status("app").message.as_deref(),
        Some("0 of 1 ready: its container ends with exit code 7 and is started again and again")
    );
    assert_eq!((bench.service_status("vpn").ready, bench.service_status("app").ready), (1, 0));
}

#[test]
fn what_keeps_the_pod_is_told_of_all_in_it() {
    let mut bench = Bench::of([svc("db"), svc("vpn").beside("app").after("db", Started), svc("app").inside("vpn")]);
    bench.carry_out();
    for name in ["vpn", "app"] {
        let status = bench.service_status(name);
        assert_eq!((status.state, status.waiting_for), (ServiceState::Waiting, vec!["db".to_owned()]), "{name}");
    }
}

#[test]
fn a_service_that_joins_another_is_gone_before_the_pod_is_made_anew() {
    let mut bench = Bench::running([svc("vpn"), svc("app")]);
    bench.want([svc("vpn").at("vpn-2").beside("app"), svc("app").inside("vpn").at("vpn-2")]);
    bench.check(&["delete Deployment app"]);
    bench.remove(Kind::Deployment, "app");
    bench.check(&[]);
    assert_eq!(bench.service_status("vpn").message.as_deref(), Some("the older Pod app-0 must be gone first"));
    bench.live.pods.remove("app");
    bench.check(&["apply Deployment vpn ×1 Changed"]);
}

#[test]
fn a_guest_that_is_stopped_alone_is_stopped_when_its_container_has_gone() {
    let mut bench = shop();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn", "app"]);
    bench.carry_out();
    let guest = svc("app").inside("vpn").at("vpn-2").stop();
    bench.want([svc("vpn").at("vpn-2"), guest]);
    bench.check(&["apply Deployment vpn ×1 Changed", "delete Service web", "delete Deployment web"]);
    assert_eq!(bench.service_status("app").message.as_deref(), Some("stops: 1 still there"));
    bench.carry_out();
    bench.shared_pods("vpn", &["vpn"], &["vpn"]);
    assert_eq!(["vpn", "app"].map(|name| bench.service_status(name).state), [ServiceState::Running, ServiceState::Stopped]);
}

#[test]
fn the_whole_pod_stops_with_its_host() {
    let mut bench = shop();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn", "app"]);
    bench.carry_out();
    bench.want([svc("vpn").beside("app").stop(), svc("app").inside("vpn").stop()]);
    bench.remove(Kind::Service, "web");
    bench.live.objects.retain(|key, _| key.name != "web");
    bench.check(&["apply Deployment vpn ×0 Changed"]);
    bench.carry_out();
    bench.live.pods.clear();
    assert_eq!(["vpn", "app"].map(|name| bench.service_status(name).state), [ServiceState::Stopped, ServiceState::Stopped]);
}

/// The pods of vpn, in which the container of app has ended with this code.
fn ended(bench: &mut Bench, code: i32) {
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn"]);
    for pod in bench.live.pods.get_mut("vpn").unwrap() {
        let app = pod.containers.iter_mut().find(|c| c.name == "app").unwrap();
        (app.started, app.ended, app.exit_code) = (false, true, Some(code));
    }
}

fn once() -> [ServicePlan; 3] {
    let app = ServicePlan { lifetime: Lifetime::Once, ..svc("app").inside("vpn") };
    [svc("vpn").beside("app"), app, svc("web").after("app", CompletedSuccessfully)]
}

#[test]
fn a_program_that_runs_once_beside_others_completes_and_lets_its_dependents_start() {
    let mut bench = Bench::of(once());
    bench.carry_out();
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn", "app"]);
    bench.check(&[]);
    ended(&mut bench, 0);
    bench.check(&["create Deployment web ×1"]);
    bench.carry_out();
    bench.ready("web");
    bench.carry_out();
    bench.check(&[]);
    let states = ["vpn", "app", "web"].map(|name| bench.service_status(name).state);
    assert_eq!(states, [ServiceState::Running, ServiceState::Completed, ServiceState::Running]);
    bench.check_conditions("True", "False", "False", "Ready");
    // Its pod is made anew: that it has completed is on record.
    bench.shared_pods("vpn", &["vpn", "app"], &["vpn", "app"]);
    assert_eq!(bench.service_status("app").state, ServiceState::Completed);
}

#[test]
fn a_program_that_fails_beside_others_has_failed_for_good() {
    let mut bench = Bench::of(once());
    bench.carry_out();
    ended(&mut bench, 3);
    let app = bench.service_status("app");
    assert_eq!((app.state, app.message.as_deref()), (ServiceState::Failed, Some("its container has ended with exit code 3")));
    assert_eq!(bench.service_status("vpn").state, ServiceState::Running);
    assert_eq!(bench.service_status("web").state, ServiceState::Waiting);
}

#[test]
fn a_host_that_has_ended_well_is_not_scaled_to_zero_under_its_guests() {
    let host = ServicePlan { lifetime: Lifetime::UntilSuccess { attempts: None }, ..svc("vpn").beside("app") };
    let mut bench = Bench::of([host, svc("app").inside("vpn")]);
    bench.carry_out();
    bench.shared_pods("vpn", &["vpn", "app"], &["app"]);
    for pod in bench.live.pods.get_mut("vpn").unwrap() {
        let vpn = pod.containers.iter_mut().find(|c| c.name == "vpn").unwrap();
        (vpn.exit_code, vpn.waiting) = (Some(0), Some(("CrashLoopBackOff".to_owned(), String::new())));
    }
    bench.carry_out();
    bench.check(&[]);
    assert_eq!(["vpn", "app"].map(|name| bench.service_status(name).state), [ServiceState::Completed, ServiceState::Running]);
}

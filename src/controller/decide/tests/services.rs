use super::fixture::{Bench, Build, claim, daemon, job, svc};
use crate::api::ServiceState::{self, Degraded, Failed, Progressing, Running, Stopped, Waiting};
use crate::controller::decide::{ClaimSpec, EndedBy, FailureKind, JobView, LiveObject, PodView, PortView, WorkloadView};
use crate::translate::{Endpoint, ExternalKind, Kind};

/// What is said of `web` while its pod looks like this.
#[track_caller]
fn check(change: impl Fn(&mut PodView), expected: &str) {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.pods("web", change);
    let status = bench.service_status("web");
    assert_eq!((status.state, status.message.as_deref()), (Progressing, Some(expected)));
}

fn waiting(reason: &str, message: &str) -> impl Fn(&mut PodView) {
    let waiting = (reason.to_owned(), message.to_owned());
    move |p| p.containers[0].waiting = Some(waiting.clone())
}

#[test]
fn the_message_tells_why_a_pod_is_not_ready() {
    check(|_| {}, "0 of 1 ready");
    check(
        waiting("ErrImagePull", "failed to pull and unpack image \"example/web\": not found"),
        "0 of 1 ready: the image example/web can't be pulled: failed to pull and unpack image \"example/web\": not found",
    );
    check(
        waiting("ImagePullBackOff", "Back-off pulling image \"example/web\": ErrImagePull: not found"),
        "0 of 1 ready: the image example/web can't be pulled: not found",
    );
    check(waiting("ImagePullBackOff", "Back-off pulling image \"example/web\""), "0 of 1 ready: the image example/web can't be pulled");
    check(
        waiting("CreateContainerConfigError", "secret \"x\" not found"),
        "0 of 1 ready: its container can't be made: secret \"x\" not found",
    );
    check(
        |p| {
            waiting("CrashLoopBackOff", "back-off 40s restarting failed container=web pod=web-x_default(1)")(p);
            p.containers[0].exit_code = Some(137);
        },
        "0 of 1 ready: its container ends with exit code 137 and is started again and again",
    );
    let ended_by = |by: EndedBy| {
        move |p: &mut PodView| {
            waiting("CrashLoopBackOff", "back-off")(p);
            p.containers[0].exit_code = Some(137);
            p.containers[0].ended_by = Some(by.clone());
        }
    };
    check(
        ended_by(EndedBy::OutOfMemory),
        "0 of 1 ready: its container takes more memory than its limit (OOMKilled, exit code 137) and is started again and again",
    );
    let words = "exec: \"serve\": executable file not found in $PATH";
    let told = format!("0 of 1 ready: its container can't be started: {words}");
    check(ended_by(EndedBy::NotStarted(words.to_owned())), &told);
    check(waiting("RunContainerError", words), &told);
    check(
        |p| {
            p.ended = Some("Evicted: The node was low on resource: memory.".to_owned());
            p.containers[0].exit_code = Some(137);
        },
        "0 of 1 ready: its pod was ended by the node: Evicted: The node was low on resource: memory.",
    );
    check(|p| p.containers[0].started = true, "0 of 1 ready: it runs but isn't ready: its healthcheck does not succeed");
    check(
        |p| p.unschedulable = Some("0/3 nodes are available: 3 Insufficient memory.".to_owned()),
        "0 of 1 ready: no node takes its pod: 0/3 nodes are available: 3 Insufficient memory.",
    );
}

#[test]
fn a_crash_is_told_in_the_same_words_while_the_container_waits_and_while_it_runs_again() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.pods("web", |p| {
        waiting("CrashLoopBackOff", "back-off 10s")(p);
        p.containers[0].exit_code = Some(1);
    });
    let before = bench.service_status("web").message;
    bench.pods("web", |p| {
        p.containers[0].started = true;
        p.containers[0].exit_code = Some(1);
        p.containers[0].restarts = 5;
    });
    assert_eq!(bench.service_status("web").message, before);
}

#[test]
fn the_registrys_words_stay_while_the_kubelet_backs_off_without_them() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.pods("web", waiting("ErrImagePull", "unauthorized"));
    bench.carry_out();
    let before = bench.service_status("web").message.unwrap();
    assert!(before.ends_with("can't be pulled: unauthorized"));
    bench.pods("web", waiting("ImagePullBackOff", "Back-off pulling image \"example/web\""));
    assert_eq!(bench.service_status("web").message, Some(before));
}

#[test]
fn a_pod_without_a_volume_names_the_claim() {
    let mut bench = Bench::of([svc("web")]);
    bench.add(claim("shop-web"));
    bench.carry_out();
    bench.live(Kind::PersistentVolumeClaim, "shop-web").state =
        WorkloadView::Claim { phase: "Pending".to_owned(), spec: ClaimSpec::default() };
    bench.pods("web", |p| p.unschedulable = Some("pod has unbound immediate PersistentVolumeClaims".to_owned()));
    let message = bench.service_status("web").message.unwrap();
    assert_eq!(message, "0 of 1 ready: its volume claim shop-web is not bound to a volume yet");
}

#[test]
fn a_deployment_that_makes_no_pods_tells_why() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    if let WorkloadView::Replicated { problem, .. } = &mut bench.live(Kind::Deployment, "web").state {
        *problem = Some("pods \"web-1\" is forbidden: exceeded quota: pods".to_owned());
    }
    assert_eq!(bench.service_status("web").message.as_deref(), Some("0 of 1 ready: pods \"web-1\" is forbidden: exceeded quota: pods"));
}

#[test]
fn a_workload_that_is_refused_fails_in_the_api_servers_words() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.remove(Kind::Deployment, "web");
    for (kind, state, reason) in [
        (FailureKind::Forbidden, Failed, "Forbidden"),
        (FailureKind::Refused, Failed, "ServiceFailed"),
        (FailureKind::Transient, Progressing, "Progressing"),
    ] {
        bench.fail(Kind::Deployment, "web", kind, "admission webhook says no");
        let status = bench.service_status("web");
        assert_eq!((status.state, status.message.as_deref()), (state, Some("admission webhook says no")));
        assert_eq!(bench.condition("Ready").1, reason);
    }
}

#[test]
fn an_external_resource_that_is_missing_stops_its_service_and_nobody_else() {
    let mut bench = Bench::of([svc("db"), svc("web").needs_secret("token")]);
    let external = bench.desired.as_ref().unwrap().services[1].externals[0].clone();
    bench.missing.insert(external);
    bench.carry_out();
    bench.ready("db");
    let web = bench.service_status("web");
    assert_eq!(web.state, Waiting);
    assert_eq!(web.message.as_deref(), Some("the external secret's Secret token (secrets.token) doesn't exist"));
    bench.check_conditions("False", "False", "True", "ExternalResourceMissing");
    assert_eq!(bench.service_status("db").state, Running);
    bench.missing.clear();
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn an_external_network_is_named_with_both_ways_to_offer_it() {
    let mut plan = svc("web").needs_secret("front");
    plan.externals[0].kind = ExternalKind::Network;
    plan.externals[0].path = "networks.default".to_owned();
    let mut bench = Bench::of([plan.clone()]);
    bench.missing.insert(plan.externals[0].clone());
    bench.carry_out();
    let expected = "the external network front (networks.default) exists neither in another stack nor as the namespace's label compose-operator.dev/network.front";
    assert_eq!(bench.service_status("web").message.as_deref(), Some(expected));
}

#[test]
fn a_running_service_that_loses_a_pod_is_degraded_and_then_runs_again() {
    let mut bench = Bench::running([svc("web").times(2)]);
    bench.pods("web", |p| p.ready = p.name == "web-0");
    if let WorkloadView::Replicated { ready, available, .. } = &mut bench.live(Kind::Deployment, "web").state {
        (*ready, *available) = (1, 1);
    }
    bench.carry_out();
    assert_eq!(bench.service_status("web").state, Degraded);
    bench.check_conditions("False", "True", "False", "Progressing");
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
}

#[test]
fn a_roll_out_past_its_deadline_has_failed_until_it_succeeds() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    bench.pods("web", |p| p.containers[0].exit_code = Some(3));
    bench.carry_out();
    assert_eq!(bench.decide().again.unwrap().as_secs(), 600);
    bench.later(599);
    bench.check_conditions("False", "True", "False", "Progressing");
    bench.later(1);
    bench.check_conditions("False", "False", "True", "DeadlineExceeded");
    bench.carry_out();
    let status = bench.service_status("web");
    assert_eq!(status.state, Failed);
    assert!(status.message.unwrap().starts_with("not there after 600 s: 0 of 1 ready: its container ends with exit code 3"));
    bench.settle();
    bench.check_conditions("True", "False", "False", "Ready");
}

#[test]
fn the_deadline_starts_anew_with_other_inputs_and_with_other_replicas() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    for other in [svc("web").at("web-2"), svc("web").at("web-2").times(3)] {
        bench.later(500);
        bench.want([other]);
        bench.carry_out();
        bench.check_conditions("False", "True", "False", "Progressing");
    }
}

#[test]
fn waiting_for_a_gate_does_not_count_towards_the_deadline() {
    let mut bench = Bench::of([svc("db"), svc("web").after("db", crate::compose::model::DependencyCondition::Healthy)]);
    bench.carry_out();
    assert_eq!(bench.service_status("web").since, None);
}

#[test]
fn a_job_that_runs_is_running_unless_somebody_waits_for_its_end() {
    use crate::compose::model::DependencyCondition::CompletedSuccessfully;
    let runs = JobView { active: 1, ready: 1, ..JobView::default() };
    let mut bench = Bench::of([job("task")]);
    bench.carry_out();
    bench.job("task", runs.clone());
    assert_eq!(bench.service_status("task").state, Running);
    let mut bench = Bench::of([job("task"), svc("web").after("task", CompletedSuccessfully)]);
    bench.carry_out();
    bench.job("task", runs);
    let status = bench.service_status("task");
    assert_eq!((status.state, status.message.as_deref()), (Progressing, Some("runs to its end")));
}

#[test]
fn a_daemon_set_wants_as_many_as_there_are_nodes() {
    let bench = Bench::running([daemon("agent")]);
    let status = bench.service_status("agent");
    assert_eq!((status.state, status.desired, status.ready), (Running, 2, 2));
}

#[test]
fn a_service_is_stopped_when_its_pods_are_gone() {
    let mut bench = Bench::running([svc("db"), svc("web").times(2)]);
    bench.want([svc("db"), svc("web").stop()]);
    bench.carry_out();
    let status = bench.service_status("web");
    assert_eq!((status.state, status.message.as_deref()), (Progressing, Some("stops: 2 still there")));
    bench.settle();
    assert_eq!(bench.service_status("web").state, Stopped);
    bench.check_conditions("True", "False", "False", "Ready");
    assert_eq!(bench.recorded.summary.as_deref(), Some("2/2"));
}

#[test]
fn an_older_generation_of_the_workload_is_not_running() {
    let mut bench = Bench::running([svc("web")]);
    if let WorkloadView::Replicated { generation, .. } = &mut bench.live(Kind::Deployment, "web").state {
        *generation = 2;
    }
    assert_eq!(bench.service_status("web").state, ServiceState::Progressing);
}

#[track_caller]
fn endpoints(state: WorkloadView, expected: &[&str]) {
    let mut plan = svc("web");
    plan.endpoints = vec![Endpoint { service: "web--published".to_owned(), port: 80, target: 8000, protocol: "tcp".to_owned() }];
    let mut bench = Bench::of([plan]);
    let object = super::fixture::service("web--published", "published", Some("10"));
    let live = LiveObject { state, ..bench.live_of(&object, "uid") };
    bench.live.objects.insert(object.key(), live);
    assert_eq!(bench.service_status("web").endpoints, expected);
}

#[test]
fn endpoints_are_where_published_ports_answer() {
    let port = |node_port| vec![PortView { port: 80, protocol: "TCP".to_owned(), node_port }];
    endpoints(WorkloadView::Service { ports: port(Some(30080)), addresses: Vec::new() }, &["*:30080->8000/tcp"]);
    endpoints(WorkloadView::Service { ports: port(None), addresses: Vec::new() }, &["web--published:80->8000/tcp"]);
    let addresses = vec!["192.0.2.7".to_owned()];
    endpoints(WorkloadView::Service { ports: port(Some(30080)), addresses }, &["192.0.2.7:80->8000/tcp"]);
    endpoints(WorkloadView::Service { ports: Vec::new(), addresses: Vec::new() }, &[]);
}

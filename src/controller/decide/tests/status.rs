use super::fixture::{Bench, Build, job, svc, words};
use crate::api::StackWarning;
use crate::controller::decide::{Refusal, WorkloadView};
use crate::translate::Kind;

#[test]
fn a_stack_is_ready_when_all_its_services_run_or_have_completed() {
    let bench = Bench::running([svc("db"), job("init"), svc("web").times(0)]);
    bench.check_conditions("True", "False", "False", "Ready");
    assert_eq!(bench.recorded.summary.as_deref(), Some("3/3"));
    assert_eq!(bench.recorded.observed_generation, Some(bench.stack.generation));
}

#[test]
fn a_new_generation_that_is_not_rolled_out_yet_is_not_ready() {
    let mut bench = Bench::running([svc("web")]);
    bench.want([svc("web").at("web-2")]);
    bench.check_conditions("False", "True", "False", "Progressing");
    bench.carry_out();
    bench.check_conditions("False", "True", "False", "Progressing");
}

#[test]
fn what_left_the_file_and_is_not_gone_yet_keeps_a_stack_from_being_ready() {
    let mut bench = Bench::running([svc("web"), svc("old")]);
    bench.want([svc("web")]);
    bench.live(Kind::Deployment, "old").deleting = true;
    bench.check_conditions("False", "True", "False", "Progressing");
    assert!(bench.condition("Ready").2.contains("Deployment old left the file and is being removed"));
}

#[test]
fn transition_times_change_with_the_status_alone() {
    let mut bench = Bench::of([svc("web")]);
    bench.carry_out();
    let began = bench.recorded.conditions[0].last_transition_time.clone();
    bench.later(30);
    bench.pods("web", |p| p.containers[0].exit_code = Some(1));
    bench.carry_out();
    assert_eq!(bench.recorded.conditions[0].last_transition_time, began);
    bench.later(30);
    bench.settle();
    assert_ne!(bench.recorded.conditions[0].last_transition_time, began);
}

#[test]
fn time_alone_changes_no_status() {
    let mut bench = Bench::running([svc("web")]);
    let before = bench.decide().status;
    bench.later(3600);
    assert_eq!(bench.decide().status, before);
}

#[test]
fn a_refused_file_changes_and_prunes_nothing_and_is_told() {
    let mut bench = Bench::running([svc("web"), svc("old")]);
    bench.remove(Kind::Service, "old");
    let message = "services.web.imgae: unknown attribute (image?) at compose.yaml:3:5".to_owned();
    bench.desired = Err(Refusal { reason: "InvalidSpec", message: message.clone() });
    bench.stack.generation += 1;
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "InvalidSpec");
    assert_eq!(bench.condition("Stalled").2, message);
    let status = bench.decide().status;
    assert_eq!(status.observed_generation, Some(bench.stack.generation));
    assert_eq!(status.services, bench.recorded.services);
    assert!(bench.decide().notes.iter().any(|n| n.warning && n.reason == "InvalidSpec"));
}

#[test]
fn while_a_file_is_refused_the_services_are_told_of_as_they_are() {
    let mut bench = Bench::running([svc("web")]);
    bench.desired = Err(Refusal { reason: "SourceMissing", message: "Secret env is missing".to_owned() });
    if let WorkloadView::Replicated { ready, .. } = &mut bench.live(Kind::Deployment, "web").state {
        *ready = 0;
    }
    let web = bench.service_status("web");
    assert_eq!((web.ready, web.message.as_deref()), (0, Some("0 of 1 ready")));
    bench.check_conditions("False", "False", "True", "SourceMissing");
}

#[test]
fn facts_outlive_a_refused_file() {
    let mut bench = Bench::running([job("init")]);
    let desired = bench.desired.clone();
    bench.desired = Err(Refusal { reason: "InvalidSpec", message: "no".to_owned() });
    bench.recorded = bench.decide().status;
    bench.desired = desired;
    bench.remove(Kind::Job, "init--init-1");
    bench.check(&[]);
}

#[test]
fn a_suspended_stack_keeps_ready_as_it_was() {
    let mut bench = Bench::running([svc("web")]);
    bench.stack.suspend = true;
    bench.want([svc("web").at("web-2")]);
    bench.check(&[]);
    bench.check_conditions("True", "False", "False", "Suspended");
    assert_eq!(bench.decide().status.observed_generation, Some(bench.stack.generation));
    let mut new = Bench::of([svc("web")]);
    new.stack.suspend = true;
    new.check(&[]);
    new.check_conditions("False", "False", "False", "Suspended");
}

#[test]
fn a_stack_that_is_being_deleted_gets_no_writes() {
    let mut bench = Bench::running([svc("web")]);
    bench.stack.deleting = true;
    bench.remove(Kind::Deployment, "web");
    bench.want([svc("web").at("web-2")]);
    bench.check(&[]);
    assert_eq!(bench.decide().status, bench.recorded);
}

#[test]
fn a_stopped_stack_counts_nothing_as_there() {
    let mut bench = Bench::running([svc("web")]);
    bench.stack.stopped = true;
    bench.want([svc("web").stop()]);
    bench.settle();
    bench.check_conditions("False", "False", "False", "Stopped");
    assert_eq!(bench.recorded.summary.as_deref(), Some("0/1"));
}

#[test]
fn warnings_are_told_up_to_fifty_and_then_counted() {
    let mut bench = Bench::of([svc("web")]);
    let warning = |i| StackWarning {
        code: "ignored".to_owned(),
        path: format!("services.web.k{i}"),
        position: None,
        message: "no effect".to_owned(),
    };
    bench.warnings = (0..60).map(warning).collect();
    let warnings = bench.decide().status.warnings;
    assert_eq!((warnings.len(), warnings[49].message.as_str()), (50, "and 11 more"));
}

#[test]
fn a_warning_is_published_once() {
    let mut bench = Bench::of([svc("web")]);
    let path = "services.web.cgroup_parent".to_owned();
    bench.warnings = vec![StackWarning { code: "ignored".to_owned(), path, position: None, message: "has no effect".to_owned() }];
    let notes = bench.decide().notes;
    assert_eq!((notes[0].reason, notes[0].message.as_str()), ("KeysWithoutEffect", "services.web.cgroup_parent: has no effect"));
    bench.carry_out();
    assert!(bench.decide().notes.iter().all(|n| n.reason != "KeysWithoutEffect"));
}

#[test]
fn a_status_stays_within_its_size_whatever_there_is_to_say() {
    let services: Vec<_> = (0..40).map(|i| svc(&format!("service-{i}"))).collect();
    let mut bench = Bench::of(services.clone());
    bench.carry_out();
    for plan in &services {
        bench.pods(&plan.name, |p| p.containers[0].waiting = Some(("ErrImagePull".to_owned(), "\"quoted\" words\n".repeat(400))));
    }
    let message = "long ".repeat(1000);
    bench.warnings = (0..60)
        .map(|i| StackWarning { code: "ignored".to_owned(), path: format!("services.web.k{i}"), position: None, message: message.clone() })
        .collect();
    let status = bench.decide().status;
    let size = serde_json::to_vec(&status).unwrap().len();
    assert!(size <= 16 * 1024 + 512 * 40, "{size}");
    assert!(status.services.iter().all(|s| s.message.as_ref().is_some_and(|m| m.contains("can't be"))));
    bench.desired = Err(Refusal { reason: "InvalidSpec", message: "problem ".repeat(10_000) });
    let size = serde_json::to_vec(&bench.decide().status).unwrap().len();
    assert!(size <= 16 * 1024 + 512 * 40, "{size}");
}

#[test]
fn events_are_published_on_transitions_alone() {
    let mut bench = Bench::of([svc("web"), job("init")]);
    let mut reasons = Vec::new();
    for _ in 0..12 {
        let outcome = bench.decide();
        reasons.extend(outcome.notes.iter().map(|n| n.reason));
        bench.carry_out();
        bench.ready("web");
        bench.ready("init");
    }
    assert!(bench.decide().notes.is_empty());
    let count = |reason: &str| reasons.iter().filter(|r| **r == reason).count();
    assert_eq!(count("Completed"), 1, "{reasons:?}");
    assert_eq!(count("Ready"), 1, "{reasons:?}");
}

#[test]
fn events_tell_what_was_made_changed_and_removed() {
    let mut bench = Bench::of([svc("web")]);
    for _ in 0..2 {
        let outcome = bench.decide();
        for action in outcome.actions {
            bench.carry_out_one(action);
        }
    }
    let made = bench.decide().notes;
    assert_eq!(made[0].message, "made Service web, Deployment web");
    bench.settle();
    bench.want([svc("web").at("web-2")]);
    let outcome = bench.decide();
    assert_eq!(outcome.actions.iter().map(words).collect::<Vec<_>>(), ["apply Deployment web ×1 Changed"]);
    assert_eq!(outcome.notes[0].message, "changed Deployment web");
    bench.settle();
    bench.want([]);
    bench.remove(Kind::Deployment, "web");
    bench.remove(Kind::Service, "web");
    assert_eq!(bench.decide().notes[0].message, "removed, for they left the file: Service web, Deployment web");
}

#[test]
fn a_stack_without_services_is_ready() {
    let mut bench = Bench::of([]);
    bench.carry_out();
    bench.check_conditions("True", "False", "False", "Ready");
}

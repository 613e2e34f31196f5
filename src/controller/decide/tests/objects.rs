use k8s_openapi::api::core::v1::ServiceSpec;

use super::fixture::{Bench, Build, claim, config, job, policy, service, svc};
use crate::controller::decide::{Action, Answer, FailureKind, Observed, PortView, Probed, Repair, WorkloadView};
use crate::translate::{Key, Kind, Object};

#[test]
fn services_claims_policies_and_contents_are_made_before_any_workload() {
    let mut bench = Bench::of([svc("web")]);
    bench.add(claim("shop-web"));
    bench.add(policy("shop--net-back"));
    bench.add(config("shop--conf-1"));
    let others = [
        "create ConfigMap shop--conf-1",
        "create PersistentVolumeClaim shop-web",
        "create NetworkPolicy shop--net-back",
        "create Service web",
    ];
    bench.check(&others);
    for action in bench.decide().actions.into_iter().skip(1) {
        let Action::Create { object } = action else { panic!("{action:?}") };
        let live = bench.live_of(&object, "uid");
        bench.live.objects.insert(object.key(), live);
    }
    assert!(!bench.actions().contains(&"create Deployment web ×1".to_owned()));
    bench.carry_out();
    assert!(bench.live.objects.contains_key(&Key::new(Kind::Deployment, "web")));
}

#[test]
fn a_steady_stack_gets_no_write() {
    Bench::running([svc("db"), svc("web")]).check(&[]);
}

#[test]
fn changed_inputs_are_applied_and_nothing_else() {
    let mut bench = Bench::running([svc("db"), svc("web")]);
    bench.add(service("web", "service-2", Some("10")));
    bench.check(&["apply Service web Changed"]);
}

#[test]
fn a_deleted_object_is_made_again() {
    let mut bench = Bench::running([svc("web")]);
    bench.remove(Kind::Service, "web");
    bench.check(&["create Service web"]);
}

#[test]
fn a_field_of_ours_that_somebody_changed_is_put_back_and_the_culprit_is_named() {
    let mut bench = Bench::running([svc("web")]);
    bench.drift(Kind::Service, "web");
    bench.check(&["apply Service web Drift"]);
    let notes = bench.decide().notes;
    assert_eq!(notes[0].message, "Service web was changed by kubectl-edit and is put back");
}

#[test]
fn who_changes_the_same_again_and_again_is_told_of_and_not_fought_at_full_speed() {
    let mut bench = Bench::running([svc("web")]);
    for kind in [Kind::Service, Kind::Deployment] {
        bench.drift(kind, "web");
        bench.repairs.insert(Key::new(kind, "web"), Repair { count: 5, last: bench.now });
    }
    bench.check(&[]);
    let outcome = bench.decide();
    assert_eq!(outcome.again.unwrap().as_secs(), 4);
    assert_eq!(outcome.status.warnings.len(), 2);
    let expected = "kubectl-edit changes it each time it is put back, so it is put back ever more seldom";
    assert_eq!((outcome.status.warnings[0].path.as_str(), outcome.status.warnings[0].message.as_str()), ("Service web", expected));
    bench.check_conditions("True", "False", "False", "Ready");
    bench.later(4);
    bench.check(&["apply Service web Drift", "apply Deployment web ×1 Drift"]);
}

#[test]
fn what_others_add_is_left_alone() {
    let mut bench = Bench::running([svc("web")]);
    bench.live(Kind::Deployment, "web").changed_by = Some("injector".to_owned());
    bench.live(Kind::Deployment, "web").resource_version = "999".to_owned();
    bench.check(&[]);
}

#[test]
fn an_object_whose_fields_are_not_on_record_is_compared() {
    let mut bench = Bench::running([svc("web")]);
    bench.unseen.answers.clear();
    bench.recorded.objects.retain(|o| o.kind != "Service");
    bench.check(&["compare Service web"]);
    bench.carry_out();
    assert!(bench.recorded.objects.iter().any(|o| o.kind == "Service" && o.fields.is_some()));
}

#[test]
fn the_record_of_a_predecessor_says_nothing_of_its_successor() {
    let mut bench = Bench::running([svc("web")]);
    bench.unseen.answers.clear();
    bench.live(Kind::Service, "web").uid = "another".to_owned();
    bench.check(&["compare Service web"]);
}

#[test]
fn other_fields_without_another_manager_are_compared_for_our_own_answer_may_have_been_lost() {
    let mut bench = Bench::running([svc("web")]);
    bench.live(Kind::Service, "web").fields = Some("after a lost answer".to_owned());
    bench.check(&["compare Service web"]);
}

#[test]
fn a_cache_that_lags_behind_our_write_causes_no_second_one() {
    let mut bench = Bench::of([svc("web")]);
    let Some(Action::Create { object }) = bench.decide().actions.into_iter().next() else { panic!("nothing is created") };
    let written = bench.live_of(&object, "uid-web");
    bench.unseen.answers.insert(object.key(), Answer { uid: written.uid.clone(), fields: written.fields.clone() });
    bench.unseen.written.insert(object.key(), written);
    bench.check(&["create Deployment web ×1"]);
}

#[test]
fn a_newer_state_in_the_cache_beats_our_older_write() {
    let mut bench = Bench::running([svc("web")]);
    let mut written = bench.live(Kind::Service, "web").clone();
    written.inputs = Some("older".to_owned());
    written.resource_version = "1".to_owned();
    bench.live(Kind::Service, "web").resource_version = "20".to_owned();
    bench.unseen.written.insert(Key::new(Kind::Service, "web"), written);
    bench.check(&[]);
}

#[test]
fn an_object_that_we_deleted_is_not_deleted_again_while_the_cache_shows_it() {
    let mut bench = Bench::running([svc("web"), svc("old")]);
    bench.want([svc("web")]);
    bench.check(&["delete Service old", "delete Deployment old"]);
    for kind in [Kind::Service, Kind::Deployment] {
        let uid = bench.live(kind, "old").uid.clone();
        bench.unseen.deleted.insert(Key::new(kind, "old"), uid);
    }
    bench.check(&[]);
}

#[test]
fn a_name_that_somebody_else_holds_is_a_conflict_that_names_him_and_the_rest_goes_on() {
    let mut bench = Bench::of([svc("db"), svc("web")]);
    bench.carry_out();
    let mut foreign = bench.live(Kind::Service, "web").clone();
    bench.remove(Kind::Deployment, "web");
    foreign.whose = Observed::Foreign("Deployment nginx of team-b".to_owned());
    bench.live.objects.insert(Key::new(Kind::Service, "web"), foreign);
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "NameConflict");
    assert!(bench.condition("Stalled").2.contains("Service web exists already and belongs to Deployment nginx of team-b"));
    bench.remove(Kind::Deployment, "db");
    bench.check(&["create Deployment db ×1"]);
}

#[test]
fn no_pod_mounts_a_claim_that_is_not_ours() {
    let mut bench = Bench::of([svc("db"), svc("web")]);
    bench.add(claim("shop-db"));
    let mut foreign = bench.live_of(&claim("shop-db"), "theirs");
    foreign.whose = Observed::Foreign("nobody".to_owned());
    bench.live.objects.insert(Key::new(Kind::PersistentVolumeClaim, "shop-db"), foreign);
    bench.carry_out();
    assert!(bench.live.objects.contains_key(&Key::new(Kind::Deployment, "web")));
    assert!(!bench.live.objects.contains_key(&Key::new(Kind::Deployment, "db")));
    assert!(bench.service_status("db").message.unwrap().starts_with("needs PersistentVolumeClaim shop-db: "));
}

#[track_caller]
fn probed(whose: Observed, labelled: bool, deleting: bool) -> Bench {
    let mut bench = Bench::running([svc("web")]);
    let key = Key::new(Kind::Service, "web");
    let mut object = bench.live.objects.remove(&key).unwrap();
    (object.whose, object.deleting) = (whose, deleting);
    bench.live.probed.insert(key, Probed { object, labelled, at: bench.now });
    bench
}

#[test]
fn an_object_that_answered_409_is_ours_handed_to_us_dying_or_somebody_elses() {
    probed(Observed::Ours, true, false).check(&[]);
    probed(Observed::Ours, false, false).check(&["apply Service web Adopted"]);
    probed(Observed::Adoptable, false, false).check(&["apply Service web Adopted"]);
    for (whose, deleting) in [(Observed::Orphan, false), (Observed::Ours, true), (Observed::Foreign("nobody".to_owned()), true)] {
        let bench = probed(whose, false, deleting);
        bench.check(&[]);
        bench.check_conditions("False", "True", "False", "WaitingForDeletion");
    }
    let bench = probed(Observed::Foreign("nobody".to_owned()), false, false);
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "NameConflict");
}

#[test]
fn a_name_is_tried_again_after_a_while_where_no_watch_shows_that_it_came_free() {
    let mut dying = probed(Observed::Orphan, false, false);
    assert_eq!(dying.decide().again.unwrap().as_secs(), 5);
    dying.later(5);
    dying.check(&["create Service web"]);
    dying.check_conditions("False", "True", "False", "WaitingForDeletion");
    let mut foreign = probed(Observed::Foreign("nobody".to_owned()), false, false);
    foreign.later(29);
    foreign.check(&[]);
    foreign.later(1);
    foreign.check(&["create Service web"]);
    foreign.check_conditions("False", "False", "True", "NameConflict");
}

#[test]
fn a_workload_is_tried_again_as_it_is_made_the_first_time() {
    let mut bench = Bench::running([svc("web")]);
    let key = Key::new(Kind::Deployment, "web");
    let mut object = bench.live.objects.remove(&key).unwrap();
    object.whose = Observed::Orphan;
    bench.live.probed.insert(key, Probed { object, labelled: false, at: bench.now });
    bench.later(5);
    let Some(Action::Create { object }) = bench.decide().actions.into_iter().next() else { panic!("nothing is created") };
    let annotations = super::fixture::template(&object).unwrap().metadata.as_ref().unwrap().annotations.as_ref().unwrap();
    assert_eq!(annotations["compose-operator.dev/inputs"], "web-1");
}

#[test]
fn a_conflict_that_only_memory_knows_is_not_told_while_the_service_waits_anyway() {
    let mut bench = Bench::of([svc("db"), svc("web").after("db", crate::compose::model::DependencyCondition::Healthy)]);
    bench.carry_out();
    let key = Key::new(Kind::Deployment, "web");
    let mut object = bench.live(Kind::Deployment, "db").clone();
    object.whose = Observed::Foreign("nobody".to_owned());
    bench.live.probed.insert(key, Probed { object, labelled: false, at: bench.now });
    assert_eq!(bench.service_status("web").waiting_for, ["db"]);
    bench.ready("db");
    assert!(bench.service_status("web").message.unwrap().contains("belongs to nobody"));
}

#[test]
fn a_service_that_gets_ports_is_made_anew_with_an_address() {
    let mut bench = Bench::of([svc("web")]);
    bench.add(service("web", "headless", None));
    bench.settle();
    bench.add(service("web", "virtual", Some("10")));
    bench.check(&["delete Service web"]);
    bench.carry_out();
    assert_eq!(bench.live(Kind::Service, "web").headless, Some(false));
}

#[test]
fn a_service_with_an_address_keeps_it_and_its_ports() {
    let mut bench = Bench::running([svc("web")]);
    let ports = vec![PortView { port: 8000, protocol: "TCP".to_owned(), node_port: None }];
    bench.live(Kind::Service, "web").state = WorkloadView::Service { ports, addresses: Vec::new() };
    bench.add(service("web", "headless", None));
    bench.check(&["apply Service web Changed"]);
    let Some(Action::Apply { object, .. }) = bench.decide().actions.into_iter().next() else { panic!("nothing is applied") };
    let Object::Service(service) = *object else { panic!("not a Service") };
    let ServiceSpec { cluster_ip, ports, .. } = service.spec.unwrap();
    assert_eq!((cluster_ip, ports.unwrap()[0].port), (None, 8000));
}

#[test]
fn what_left_the_file_is_deleted_under_preconditions_and_claims_stay() {
    let mut bench = Bench::of([svc("web"), svc("old")]);
    bench.add(claim("shop-old"));
    bench.settle();
    let uid = bench.live(Kind::Service, "old").uid.clone();
    let version = bench.live(Kind::Service, "old").resource_version.clone();
    bench.want([svc("web")]);
    bench.check(&["delete Service old", "delete Deployment old"]);
    let expected = Action::Delete { key: Key::new(Kind::Service, "old"), uid, resource_version: version, orphans: false };
    assert_eq!(bench.decide().actions[0], expected);
    bench.settle();
    assert!(bench.live.objects.contains_key(&Key::new(Kind::PersistentVolumeClaim, "shop-old")));
    assert!(bench.recorded.objects.iter().any(|o| o.name == "shop-old"));
}

#[test]
fn what_is_not_ours_is_never_deleted() {
    let mut bench = Bench::running([svc("web")]);
    let mut theirs = bench.live(Kind::Service, "web").clone();
    for (i, whose) in [Observed::Orphan, Observed::Foreign("nobody".to_owned()), Observed::Adoptable].into_iter().enumerate() {
        theirs.whose = whose;
        bench.live.objects.insert(Key::new(Kind::Service, format!("theirs-{i}")), theirs.clone());
    }
    bench.check(&[]);
}

#[test]
fn older_contents_and_policies_stay_while_a_roll_out_may_need_them() {
    let mut bench = Bench::of([svc("web")]);
    bench.add(config("shop--conf-1"));
    bench.add(policy("shop--net-front"));
    bench.settle();
    bench.want([svc("web").at("web-2")]);
    bench.add(config("shop--conf-2"));
    bench.check(&["create ConfigMap shop--conf-2"]);
    bench.carry_out();
    assert_eq!(bench.live(Kind::Deployment, "web").inputs.as_deref(), Some("web-2"));
    bench.check(&[]);
    bench.ready("web");
    bench.check(&["delete ConfigMap shop--conf-1", "delete NetworkPolicy shop--net-front"]);
}

#[test]
fn a_refused_write_is_told_and_waits_for_its_time() {
    let mut bench = Bench::of([svc("web")]);
    bench.fail(Kind::Service, "web", FailureKind::Forbidden, "exceeded quota: services");
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "Forbidden");
    assert!(bench.condition("Ready").2.contains("exceeded quota: services"));
    assert_eq!(bench.decide().again.unwrap().as_secs(), 60);
    bench.later(60);
    bench.check(&["create Service web"]);
    bench.check_conditions("False", "False", "True", "Forbidden");
}

#[test]
fn a_refused_object_stops_only_the_service_that_needs_it() {
    let mut bench = Bench::of([svc("db"), svc("web")]);
    bench.fail(Kind::Service, "web", FailureKind::Refused, "port is already allocated");
    bench.carry_out();
    assert!(bench.live.objects.contains_key(&Key::new(Kind::Deployment, "db")));
    assert!(!bench.live.objects.contains_key(&Key::new(Kind::Deployment, "web")));
    bench.want([svc("db"), svc("web")]);
    bench.add(policy("shop--net-back"));
    bench.fail(Kind::NetworkPolicy, "shop--net-back", FailureKind::Forbidden, "no right to create networkpolicies");
    bench.remove(Kind::Deployment, "db");
    assert!(bench.service_status("db").message.unwrap().contains("needs NetworkPolicy shop--net-back"));
}

#[test]
fn a_service_that_is_made_again_is_asked_for_with_its_old_address() {
    let mut bench = Bench::running([svc("web")]);
    let before = bench.live(Kind::Service, "web").address.clone();
    assert!(before.is_some());
    bench.remove(Kind::Service, "web");
    let asked = |bench: &Bench| {
        bench.decide().actions.iter().find_map(|action| match action {
            Action::Create { object } => match &**object {
                Object::Service(service) => service.spec.as_ref()?.cluster_ip.clone(),
                _ => None,
            },
            _ => None,
        })
    };
    assert_eq!(asked(&bench), before);
    bench.recorded = bench.decide().status;
    assert_eq!(asked(&bench), before, "the record outlives a status that is written in between");
    bench.carry_out();
    assert_eq!(bench.live(Kind::Service, "web").address, before);
}

#[test]
fn another_rendering_at_the_same_inputs_restarts_nothing() {
    let mut bench = Bench::running([svc("db"), job("init"), svc("web").after("db", crate::compose::model::DependencyCondition::Healthy)]);
    for object in bench.desired.as_mut().unwrap().objects.values_mut() {
        let template = match object {
            Object::Deployment(o) => &mut o.spec.as_mut().unwrap().template,
            Object::Job(o) => &mut o.spec.as_mut().unwrap().template,
            _ => continue,
        };
        template.spec.as_mut().unwrap().host_network = Some(true);
    }
    bench.check(&[]);
    // Nor after a restart of the operator, which leaves nothing but what stands in the cluster.
    bench.unseen = crate::controller::decide::Unseen::default();
    bench.check(&[]);
}

#[test]
fn what_can_not_be_changed_is_made_anew_but_claims_and_what_is_not_ours() {
    let mut bench = Bench::running([svc("web")]);
    bench.fail(Kind::Service, "web", FailureKind::Immutable, "field is immutable");
    bench.check(&["delete Service web"]);
    bench.remove(Kind::Service, "web");
    bench.failures.clear();
    bench.check(&["create Service web"]);

    let mut bench = Bench::of([svc("web")]);
    bench.add(claim("shop-web"));
    bench.settle();
    bench.fail(Kind::PersistentVolumeClaim, "shop-web", FailureKind::Immutable, "field is immutable");
    bench.check(&[]);

    let mut bench = Bench::running([svc("web")]);
    bench.live(Kind::Deployment, "web").whose = Observed::Adoptable;
    bench.fail(Kind::Deployment, "web", FailureKind::Immutable, "field is immutable");
    bench.check(&[]);
    bench.check_conditions("False", "False", "True", "ServiceFailed");
}

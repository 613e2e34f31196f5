//! Claims of a StatefulSet's replicas, which its controller makes of templates that never change an existing claim.

use super::fixture::{Bench, sized_claim, stateful};
use crate::controller::decide::{Action, FailureKind, Observed, WorkloadView};
use crate::translate::{Key, Kind, Object};

/// The user asks for claims of this size for each replica of `db`.
fn want(bench: &mut Bench, size: &str) {
    let object = bench.desired.as_mut().unwrap().objects.get_mut(&Key::new(Kind::StatefulSet, "db")).unwrap();
    let Object::StatefulSet(set) = object else { panic!("not a StatefulSet") };
    set.spec.as_mut().unwrap().volume_claim_templates = Some(vec![sized_claim("data", size)]);
}

/// `db` runs; its controller has made claims of 2Gi for two replicas, one of which is scaled down.
fn running() -> Bench {
    let mut bench = Bench::of([stateful("db")]);
    want(&mut bench, "2Gi");
    bench.settle();
    for name in ["data-db-0", "data-db-1"] {
        let claim = Object::PersistentVolumeClaim(Box::new(sized_claim(name, "2Gi")));
        let mut live = bench.live_of(&claim, &format!("uid-{name}"));
        live.fields = None;
        bench.live.objects.insert(claim.key(), live);
    }
    bench.settle();
    bench
}

fn size(bench: &mut Bench, name: &str) -> String {
    let WorkloadView::Claim { spec, .. } = &bench.live(Kind::PersistentVolumeClaim, name).state else { panic!("no claim") };
    spec.size.clone().unwrap()
}

fn told(bench: &Bench) -> Vec<String> {
    bench.decide().status.warnings.into_iter().map(|warning| format!("{}: {}", warning.path, warning.message)).collect()
}

#[test]
fn claims_of_replicas_as_their_controller_made_them_get_no_write() {
    let bench = running();
    bench.check(&[]);
    assert_eq!(told(&bench), [] as [&str; 0]);
}

#[test]
fn claims_of_replicas_grow_with_their_template() {
    let mut bench = running();
    want(&mut bench, "4Gi");
    bench.check(&["apply PersistentVolumeClaim data-db-0 Changed", "apply PersistentVolumeClaim data-db-1 Changed"]);
    bench.settle();
    assert_eq!((size(&mut bench, "data-db-0"), size(&mut bench, "data-db-1")), ("4Gi".to_owned(), "4Gi".to_owned()));
    bench.check(&[]);
}

#[test]
fn claims_of_replicas_never_shrink_and_that_is_told_once() {
    let mut bench = running();
    want(&mut bench, "1Gi");
    bench.settle();
    assert_eq!(size(&mut bench, "data-db-0"), "2Gi");
    let expected = "volumes.data: the claim data-db-0 (and 1 more of other replicas) exists already: its size stays 2Gi: 1Gi would be less";
    assert_eq!(told(&bench), [expected]);
    bench.check(&[]);
}

#[test]
fn a_claim_that_tells_not_what_it_was_made_by_is_written_only_to_grow() {
    let mut bench = running();
    bench.live(Kind::PersistentVolumeClaim, "data-db-0").inputs = None;
    bench.check(&[]);
    want(&mut bench, "1Gi");
    bench.check(&["apply PersistentVolumeClaim data-db-1 Changed"]);
    want(&mut bench, "4Gi");
    bench.check(&["apply PersistentVolumeClaim data-db-0 Changed", "apply PersistentVolumeClaim data-db-1 Changed"]);
}

#[test]
fn a_claim_that_can_not_grow_stalls_the_stack_and_says_why() {
    let mut bench = running();
    want(&mut bench, "4Gi");
    bench.fail(Kind::PersistentVolumeClaim, "data-db-0", FailureKind::Forbidden, "only dynamically provisioned pvc can be resized");
    bench.check(&["apply PersistentVolumeClaim data-db-1 Changed"]);
    bench.check_conditions("False", "False", "True", "Forbidden");
    assert!(bench.condition("Ready").2.contains("PersistentVolumeClaim data-db-0: only dynamically"), "{:?}", bench.condition("Ready"));
}

#[test]
fn claims_that_are_not_of_the_replicas_are_left_alone() {
    let mut bench = running();
    for name in ["data-db-x", "data-db-", "data-other-0", "db-0"] {
        let claim = Object::PersistentVolumeClaim(Box::new(sized_claim(name, "2Gi")));
        let live = bench.live_of(&claim, name);
        bench.live.objects.insert(claim.key(), live);
    }
    bench.live(Kind::PersistentVolumeClaim, "data-db-1").whose = Observed::Foreign("nobody".to_owned());
    want(&mut bench, "4Gi");
    bench.check(&["apply PersistentVolumeClaim data-db-0 Changed"]);
    let Action::Apply { object, uid, .. } = &bench.decide().actions[0] else { panic!("{:?}", bench.actions()) };
    assert_eq!((object.name(), uid.as_str()), ("data-db-0", "uid-data-db-0"));
}

#[test]
fn a_claim_grows_once_it_has_a_volume() {
    let mut bench = running();
    let phase = |bench: &mut Bench, to: &str| {
        let WorkloadView::Claim { phase, .. } = &mut bench.live(Kind::PersistentVolumeClaim, "data-db-1").state else { panic!("no claim") };
        to.clone_into(phase);
    };
    phase(&mut bench, "Pending");
    want(&mut bench, "4Gi");
    bench.check(&["apply PersistentVolumeClaim data-db-0 Changed"]);
    phase(&mut bench, "Bound");
    bench.check(&["apply PersistentVolumeClaim data-db-0 Changed", "apply PersistentVolumeClaim data-db-1 Changed"]);
}

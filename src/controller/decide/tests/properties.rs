use proptest::prelude::*;

use super::fixture::{Bench, Build, claim, config, cron, daemon, job, pod, policy, stateful, svc, until_success};
use crate::compose::model::DependencyCondition;
use crate::controller::decide::{Action, CronView, JobView, LiveObject, Observed, Probed, WorkloadView};
use crate::translate::{Key, Kind, ServicePlan};

fn plans() -> impl Strategy<Value = Vec<ServicePlan>> {
    prop::collection::vec((0..7_u8, 0..3_i32, any::<bool>(), 0..3_u8, any::<bool>()), 0..4).prop_map(|rows| {
        let mut plans: Vec<ServicePlan> = Vec::new();
        for (i, (form, replicas, stopped, condition, optional)) in rows.into_iter().enumerate() {
            let name = format!("s{i}");
            let plan = match form {
                0 => svc(&name).times(replicas),
                1 => job(&name),
                2 => until_success(&name, Some(2)).times(replicas),
                3 => daemon(&name),
                4 => stateful(&name).times(replicas),
                5 => cron(&name),
                _ => svc(&name).times(replicas).autoscaled(1, 4),
            };
            let plan = if stopped { plan.stop() } else { plan };
            let condition = [DependencyCondition::Started, DependencyCondition::Healthy, DependencyCondition::CompletedSuccessfully]
                [condition as usize];
            let plan = match plans.last() {
                Some(before) => plan.after(&before.name, condition).restarting(),
                None => plan,
            };
            plans.push(if optional { plan.optional() } else { plan });
        }
        plans
    })
}

fn whose() -> impl Strategy<Value = Observed> {
    prop_oneof![
        4 => Just(Observed::Ours),
        1 => Just(Observed::Orphan),
        1 => Just(Observed::Foreign("nobody".to_owned())),
        1 => Just(Observed::Adoptable),
    ]
}

/// Any live object, consistent or not.
fn live(kind: Kind) -> impl Strategy<Value = LiveObject> {
    (whose(), any::<bool>(), prop::option::of("s[0-3]-[12]"), prop::option::of("s[0-3]"), 0..4_i32, 0..4_i32, any::<bool>(), 1..9_u64)
        .prop_map(move |(whose, deleting, inputs, service, replicas, ready, flag, version)| LiveObject {
            uid: format!("uid-{version}"),
            resource_version: version.to_string(),
            whose,
            deleting,
            inputs,
            service,
            restarted_for: flag.then(|| "s0=s0-2,s1=s1-1".to_owned()),
            fields: Some("fields".to_owned()),
            changed_by: flag.then(|| "kubectl".to_owned()),
            headless: (kind == Kind::Service).then_some(flag),
            address: None,
            state: match kind {
                Kind::Job => WorkloadView::Job(JobView { active: ready, ready, complete: flag, ..JobView::default() }),
                Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet => WorkloadView::Replicated {
                    generation: 1,
                    observed_generation: i64::from(ready),
                    replicas,
                    total: ready,
                    updated: ready,
                    ready,
                    available: ready,
                    problem: None,
                    holds_replicas: flag,
                    paused: false,
                    claim_templates: Vec::new(),
                },
                Kind::CronJob => WorkloadView::Cron(CronView { active: ready, failing: flag }),
                Kind::HorizontalPodAutoscaler => WorkloadView::Companion { problem: flag.then(|| "no metrics".to_owned()) },
                _ => WorkloadView::None,
            },
        })
}

fn objects() -> impl Strategy<Value = Vec<(Key, LiveObject, bool)>> {
    let kinds = prop::sample::select(crate::translate::KINDS.to_vec());
    let one = (kinds, "s[0-3](--s[0-3]-[12])?").prop_flat_map(|(kind, name)| (Just(Key::new(kind, name)), live(kind), any::<bool>()));
    prop::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_seen_nothing_foreign_is_touched_and_no_claim_deleted(plans in plans(), seen in objects(), inputs in prop::option::of("s[0-3]-[12]"), stopped in any::<bool>()) {
        let mut bench = Bench::of(plans);
        bench.add(claim("s0"));
        bench.add(config("s1"));
        bench.add(policy("s2"));
        bench.stack.stopped = stopped;
        for (key, object, probed) in seen {
            if probed {
                bench.live.probed.insert(key, Probed { object, labelled: probed, at: bench.now });
            } else {
                bench.live.objects.insert(key, object);
            }
        }
        let mut old = pod("s0-x", "s0-1", Kind::Deployment, true);
        old.inputs = inputs;
        bench.live.pods.insert("s0".to_owned(), vec![old]);
        let outcome = bench.decide();
        let mut keys: Vec<Key> = outcome.actions.iter().map(Action::key).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), outcome.actions.len());
        for action in &outcome.actions {
            let key = action.key();
            let found = bench.live.objects.get(&key).or_else(|| bench.live.probed.get(&key).map(|p| &p.object));
            match action {
                Action::Create { .. } => prop_assert!(found.is_none()),
                Action::Apply { uid, .. } | Action::Compare { uid, .. } => {
                    let found = found.unwrap();
                    prop_assert!(matches!(found.whose, Observed::Ours | Observed::Adoptable) && !found.deleting);
                    prop_assert_eq!(&found.uid, uid);
                }
                Action::Delete { uid, resource_version, .. } => {
                    let found = found.unwrap();
                    prop_assert!(found.whose == Observed::Ours && !found.deleting && key.kind != Kind::PersistentVolumeClaim);
                    prop_assert_eq!((&found.uid, &found.resource_version), (uid, resource_version));
                }
            }
        }
        prop_assert_eq!(bench.decide(), outcome);
    }

    #[test]
    fn every_stack_comes_to_rest_and_stays(plans in plans(), others in plans()) {
        let mut bench = Bench::of(plans);
        bench.settle();
        bench.want(others);
        bench.settle();
        bench.later(60);
        let outcome = bench.decide();
        prop_assert_eq!(&outcome.status, &bench.recorded);
        prop_assert!(outcome.actions.is_empty() && outcome.notes.is_empty());
    }
}

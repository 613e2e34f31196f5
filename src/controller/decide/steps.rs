//! `pre_start` steps that run once before any replica of a service: a Job that has completed before the workload is made or changed.

use super::acts::Acts;
use super::facts::{is_zero, job};
use super::objects::{self, Stand, apply, delete};
use super::turn::{Hold, Turn};
use super::{Action, Cause, LiveObject, stamp, words};
use crate::translate::{Key, Object, PreStart};

/// Runs the steps, unless they have completed at the wanted inputs; what keeps the workload until then.
pub(super) fn run(turn: &Turn, acts: &mut Acts) -> Option<Hold> {
    let steps = turn.plan.pre_start.as_ref()?;
    if turn.replicas() == 0 || turn.facts.steps.completed.as_deref() == Some(&steps.inputs) {
        return None;
    }
    let object = turn.scene.desired.objects.get(&steps.workload).map(|object| stamp::steps(object, &steps.inputs))?;
    let hold = older(turn, steps).unwrap_or_else(|| write(turn, steps, object, acts));
    let failure = acts.failure(&steps.workload).filter(|_| matches!(hold, Hold::Steps(_)));
    Some(failure.map_or(hold, |f| Hold::Failed(f.kind, f.message.clone())))
}

/// What is under way when the service is stopped ends with it.
pub(super) fn stop(turn: &Turn, acts: &mut Acts) {
    let Some(steps) = turn.plan.pre_start.as_ref().filter(|_| is_zero(turn.plan)) else { return };
    if let Stand::Ours(live) = objects::stand(turn.scene, &steps.workload)
        && job(live).is_none_or(|job| !job.complete && job.failure.is_none())
    {
        acts.push(delete(&steps.workload, live));
    }
}

/// Steps of older inputs end before newer ones begin. They left the file, so they are being removed.
fn older(turn: &Turn, steps: &PreStart) -> Option<Hold> {
    let is_older =
        |key: &Key, live: &LiveObject| key.kind.is_workload() && *key != steps.workload && live.service.as_deref() == Some(&steps.pod);
    let workloads = turn.scene.ours().filter(|(key, seen)| is_older(key, seen.object)).map(|(key, _)| key.to_string());
    let runs = |phase: &str| !matches!(phase, "Succeeded" | "Failed");
    let pods = turn.scene.pods(&steps.pod).iter().filter(|p| runs(&p.phase) && p.inputs.as_deref() != Some(&steps.inputs));
    let mut names: Vec<String> = workloads.chain(pods.map(|p| format!("Pod {}", p.name))).collect();
    names.sort();
    (!names.is_empty()).then(|| Hold::Deletion(format!("the older {} must be gone first", names.join(", "))))
}

fn write(turn: &Turn, steps: &PreStart, object: Object, acts: &mut Acts) -> Hold {
    let key = &steps.workload;
    let begun = || Hold::Steps("its pre-start steps begin".to_owned());
    match objects::stand(turn.scene, key) {
        Stand::Missing => {
            acts.push(Action::Create { object: Box::new(object) });
            begun()
        }
        Stand::Going(seen) => {
            if objects::is_due(&seen, acts) {
                acts.push(Action::Create { object: Box::new(object) });
            }
            Hold::Deletion(objects::going(key))
        }
        Stand::Taken(seen, owner) => {
            if objects::is_due(&seen, acts) {
                acts.push(Action::Create { object: Box::new(object) });
            }
            Hold::Conflict(objects::taken(key, owner))
        }
        Stand::Stray(live) => {
            acts.push(apply(object, live, Cause::Adopted));
            begun()
        }
        Stand::Ours(live) => watch(turn, steps, live, object, acts),
    }
}

/// Steps that have failed run again when the user does something: at another generation of the stack.
fn watch(turn: &Turn, steps: &PreStart, live: &LiveObject, object: Object, acts: &mut Acts) -> Hold {
    let why = words::of_steps(turn.scene, turn.plan, steps);
    if let Some(message) = job(live).and_then(|job| job.failure.as_ref()) {
        let failed_at = turn.facts.steps.failed.as_ref().map(|(_, generation)| *generation);
        if failed_at.is_some_and(|at| at < turn.scene.input.stack.generation) {
            acts.push(delete(&steps.workload, live));
            return Hold::Steps("its pre-start steps failed, and are run again".to_owned());
        }
        return Hold::StepsFailed(format!("its pre-start steps failed: {}", why.as_ref().unwrap_or(message)));
    }
    if let Some(action) = objects::repair(turn.scene, &steps.workload, live, || object) {
        acts.repair(action, live.changed_by.as_deref());
    }
    Hold::Steps(why.map_or_else(|| "its pre-start steps run".to_owned(), |why| format!("its pre-start steps run: {why}")))
}

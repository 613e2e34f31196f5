//! `pre_start` steps that run once before any replica of a service: a Job that has completed before the workload is made or changed.

use super::acts::Acts;
use super::facts::{Facts, is_zero};
use super::hold::Hold;
use super::observed::LiveObject;
use super::outcome::{Action, Cause};
use super::progress::job;
use super::stand::{self, Stand};
use super::view::Scene;
use super::writes::{apply, delete, repair};
use super::{stamp, words};
use crate::translate::{Key, Object, PreStart, ServicePlan};

/// Runs the steps, unless they have completed at the wanted inputs; what keeps the workload until then.
pub(super) fn run(scene: &Scene, plan: &ServicePlan, facts: &Facts, acts: &mut Acts) -> Option<Hold> {
    let steps = plan.pre_start.as_ref()?;
    if facts.steps.completed.as_deref() == Some(&steps.inputs) {
        return None;
    }
    let object = scene.desired.objects.get(&steps.workload).map(|object| stamp::steps(object, &steps.inputs))?;
    let run = Run { scene, plan, steps, facts };
    let hold = run.older().unwrap_or_else(|| run.write(object, acts));
    let failure = acts.failure(&steps.workload).filter(|_| matches!(hold, Hold::Steps(_)));
    Some(failure.map_or(hold, |f| Hold::Failed(f.kind, f.message.clone())))
}

/// What is under way when the service is stopped ends with it.
pub(super) fn stop(scene: &Scene, plan: &ServicePlan, acts: &mut Acts) {
    let Some(steps) = plan.pre_start.as_ref().filter(|_| is_zero(plan)) else { return };
    if let Stand::Ours(live) = stand::stand(scene, &steps.workload)
        && job(live).is_none_or(|job| !job.complete && job.failure.is_none())
    {
        acts.push(delete(&steps.workload, live));
    }
}

/// One run of the steps of a service.
struct Run<'s, 'a> {
    scene: &'s Scene<'a>,
    plan: &'s ServicePlan,
    steps: &'s PreStart,
    facts: &'s Facts,
}

impl Run<'_, '_> {
    /// Steps of older inputs end before newer ones begin. They left the file, so they are being removed.
    fn older(&self) -> Option<Hold> {
        let is_older = |key: &Key, live: &LiveObject| {
            key.kind.is_workload() && *key != self.steps.workload && live.service.as_deref() == Some(&self.steps.pod)
        };
        let workloads = self.scene.ours().filter(|(key, seen)| is_older(key, seen.object)).map(|(key, _)| key.to_string());
        let runs = |phase: &str| !matches!(phase, "Succeeded" | "Failed");
        let pods = self.scene.pods(&self.steps.pod).iter().filter(|p| runs(&p.phase) && p.inputs.as_deref() != Some(&self.steps.inputs));
        let mut names: Vec<String> = workloads.chain(pods.map(|p| format!("Pod {}", p.name))).collect();
        names.sort();
        (!names.is_empty()).then(|| Hold::Deletion(format!("the older {} must be gone first", names.join(", "))))
    }

    fn write(&self, object: Object, acts: &mut Acts) -> Hold {
        let key = &self.steps.workload;
        let begun = || Hold::Steps("its pre-start steps begin".to_owned());
        match stand::stand(self.scene, key) {
            Stand::Missing => {
                acts.push(Action::Create { object: Box::new(object) });
                begun()
            }
            Stand::Going(seen) => {
                if stand::is_due(&seen, acts) {
                    acts.push(Action::Create { object: Box::new(object) });
                }
                Hold::Deletion(stand::going(key))
            }
            Stand::Taken(seen, owner) => {
                if stand::is_due(&seen, acts) {
                    acts.push(Action::Create { object: Box::new(object) });
                }
                Hold::Conflict(stand::taken(key, owner))
            }
            Stand::Stray(live) => {
                acts.push(apply(object, live, Cause::Adopted));
                begun()
            }
            Stand::Ours(live) => self.watch(live, object, acts),
        }
    }

    /// Steps that have failed run again when the user does something: at another generation of the stack.
    fn watch(&self, live: &LiveObject, object: Object, acts: &mut Acts) -> Hold {
        let why = words::of_steps(self.scene, self.plan, self.steps);
        if let Some(message) = job(live).and_then(|job| job.failure.as_ref()) {
            let failed_at = self.facts.steps.failed.as_ref().map(|(_, generation)| *generation);
            if failed_at.is_some_and(|at| at < self.scene.input.stack.generation) {
                acts.push(delete(&self.steps.workload, live));
                return Hold::Steps("its pre-start steps failed, and are run again".to_owned());
            }
            return Hold::StepsFailed(format!("its pre-start steps failed: {}", why.as_ref().unwrap_or(message)));
        }
        if let Some(action) = repair(self.scene, &self.steps.workload, live, || object) {
            acts.repair(action, live.changed_by.as_deref());
        }
        Hold::Steps(why.map_or_else(|| "its pre-start steps run".to_owned(), |why| format!("its pre-start steps run: {why}")))
    }
}

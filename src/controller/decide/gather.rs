//! What is true of a service beyond this moment: what is on record, with what can be seen now on top.

use super::facts::{Facts, Forgiven, Met, Steps, is_zero};
use super::observed::LiveObject;
use super::progress::{Progress, current, is_crash_loop, job, main_container};
use super::updates;
use super::view::Scene;
use crate::cluster::view::{ContainerView, PodView};
use crate::translate::{Kind, Lifetime, ServicePlan};

/// The recorded facts, with what can be seen now on top.
pub(super) fn gather(scene: &Scene, plan: &ServicePlan, live: Option<&LiveObject>, progress: &Progress) -> Facts {
    let recorded = scene.recorded_service(&plan.name);
    let mut facts = Facts {
        met: recorded.and_then(|r| r.met.as_deref()).map(Met::parse).unwrap_or_default(),
        completed: recorded.and_then(|r| r.completed.clone()).filter(|_| !scene.bugs.rerun_finished),
        exhausted: recorded.and_then(|r| r.exhausted.clone()),
        steps: Steps::gather(scene, plan, recorded.and_then(|r| r.pre_start.as_deref())),
        end_is_recorded: false,
        failed_update: recorded.and_then(|r| r.failed_update.clone()).filter(|inputs| *inputs == plan.inputs && !is_zero(plan)),
        update_failure_is_recorded: false,
        forgiven: Forgiven::gather(plan, scene.pods(&plan.pod), recorded.and_then(|r| r.forgiven.as_deref())),
    };
    facts.end_is_recorded = facts.is_completed(plan) || facts.is_exhausted(plan);
    facts.update_failure_is_recorded = facts.failed_update.is_some();
    let comes_up = live.is_some() && plan.kind().scales() && progress.replicas == 0;
    if is_zero(plan) || comes_up && !facts.end_is_recorded {
        // What comes up from 0 must be met again before anything follows it.
        facts.met = Met::default();
        return facts;
    }
    let Some(live) = live.filter(|_| progress.written) else { return facts };
    let inputs = || Some(plan.inputs.clone());
    if progress.started && progress.replicas > 0 {
        facts.met.started = inputs();
    }
    if progress.healthy && progress.replicas > 0 {
        facts.met.healthy = inputs();
    }
    if job(live).is_some_and(|j| j.complete) || has_ended(plan, progress, scene.pods(&plan.pod)) {
        facts.completed = inputs();
    }
    if is_used_up(plan, scene.pods(&plan.pod), &facts.forgiven) {
        facts.exhausted = inputs();
    }
    if progress.available {
        facts.met.available = inputs().filter(|_| plan.on_failure.is_some() && progress.replicas > 0).or(facts.met.available);
        (facts.failed_update, facts.update_failure_is_recorded) = (None, false);
    } else if updates::is_under_way(scene, plan, &facts) && updates::fails_too_often(plan, progress, scene.pods(&plan.pod)) {
        facts.failed_update = inputs();
    }
    facts
}

/// Whether every replica has ended with exit code 0 and is only kept coming back by the Deployment. A server that ends with 0 in a drain
/// or a roll-out is not that: there a pod is being deleted, or another runs. (Replicas of an older template that have ended too are no sign
/// of life: a Deployment whose new pods never become available leaves them there.)
fn has_ended(plan: &ServicePlan, progress: &Progress, pods: &[PodView]) -> bool {
    let stays = match plan.lifetime {
        Lifetime::UntilSuccess { .. } => false,
        // Its container alone runs once, in a pod that goes on.
        Lifetime::Once if plan.kind() != Kind::Job => true,
        Lifetime::Once | Lifetime::Forever => return false,
    };
    let at_rest = |c: &ContainerView| is_crash_loop(c) || stays && c.ended;
    let ended = |p: &PodView| !p.deleting && main_container(plan, p).is_some_and(|c| at_rest(c) && c.exit_code == Some(0));
    progress.observed
        && progress.replicas > 0
        && pods.iter().all(ended)
        && i32::try_from(pods.len()).is_ok_and(|n| n >= progress.replicas)
        && current(plan, pods).next().is_some()
}

/// Whether a container that is not started again in a pod that goes on has failed.
pub(super) fn has_failed_for_good(plan: &ServicePlan, pods: &[PodView]) -> bool {
    let once = plan.lifetime == Lifetime::Once && plan.kind() != Kind::Job;
    let failed = |pod: &PodView| main_container(plan, pod).is_some_and(|c| c.ended && c.exit_code.is_some_and(|code| code != 0));
    once && current(plan, pods).any(failed)
}

fn is_used_up(plan: &ServicePlan, pods: &[PodView], forgiven: &Forgiven) -> bool {
    let Lifetime::UntilSuccess { attempts: Some(limit) } = plan.lifetime else { return false };
    current(plan, pods).filter_map(|p| Some((p, main_container(plan, p)?))).any(|(pod, c)| {
        let failed = c.exit_code.is_some_and(|code| code != 0);
        failed && is_crash_loop(c) && u32::try_from(c.restarts - forgiven.of(pod)).is_ok_and(|n| n >= limit)
    })
}

//! Roll-outs that fail (`deploy.update_config`): when they count as failed, and as what.

use super::facts::Facts;
use super::progress::{Progress, count, current, is_crash_loop};
use super::view::Scene;
use crate::cluster::view::{ContainerView, PodView};
use crate::compose::model::FailureAction;
use crate::translate::{Kind, ServicePlan};

/// Whether the service is being updated, so that what fails is its update. What a service fails of later is none of that.
pub(super) fn is_under_way(scene: &Scene, plan: &ServicePlan, facts: &Facts) -> bool {
    let Some(on_failure) = plan.on_failure else { return false };
    let through = facts.met.available.as_deref() == Some(&plan.inputs) || facts.is_completed(plan);
    let is_update = match on_failure.action {
        FailureAction::Rollback => scene.is_update,
        // A service that never ran has nothing to stay at.
        _ => facts.met.available.is_some(),
    };
    is_update && !through
}

/// Whether more of the new replicas have failed than the file tolerates.
pub(super) fn fails_too_often(plan: &ServicePlan, progress: &Progress, pods: &[PodView]) -> bool {
    let Some(on_failure) = plan.on_failure else { return false };
    let failed = count(current(plan, pods).filter(|pod| has_failed(plan, pod)));
    failed > 0 && f64::from(failed) > on_failure.tolerated * f64::from(progress.replicas.max(1))
}

/// Whether nothing but time, or somebody, could still bring a pod up.
fn has_failed(plan: &ServicePlan, pod: &PodView) -> bool {
    let has_failed = |container: &ContainerView| {
        let waits = container.waiting.as_ref().map(|(reason, _)| reason.as_str());
        let crashes = container.exit_code.is_some_and(|code| code != 0) && is_crash_loop(container);
        let refused = ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"];
        crashes || waits.is_some_and(|reason| refused.contains(&reason))
    };
    // What the node has ended says nothing of its program.
    pod.ended.is_none() && pod.containers.iter().filter(|c| !plan.mates.contains(&c.name)).any(has_failed)
}

/// Whether the roll-out of a Deployment is to stay where it is.
pub(super) fn is_paused(plan: &ServicePlan, facts: &Facts, progress: &Progress) -> bool {
    let pauses = plan.on_failure.is_some_and(|on_failure| on_failure.action == FailureAction::Pause);
    plan.kind() == Kind::Deployment && pauses && progress.written && facts.update_failure_is_recorded
}

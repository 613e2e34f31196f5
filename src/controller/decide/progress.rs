//! How far a service has come, as its workload and its pods show it at this moment.

use super::observed::LiveObject;
use crate::cluster::view::{ContainerView, JobView, PodView, WorkloadView};
use crate::translate::{Kind, ServicePlan};

/// How far a workload is, read from its live object and its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The live workload was written for the wanted inputs.
    pub written: bool,
    /// Its controller has seen the newest template.
    pub observed: bool,
    /// All replicas are of the newest template, and no others are left.
    pub rolled: bool,
    /// `rolled`, and all of them count as available.
    pub available: bool,
    /// `rolled`, and the containers of all of them have started.
    pub started: bool,
    /// `rolled`, and all of them are Ready.
    pub healthy: bool,
    /// Replicas as `spec` has them now; of a DaemonSet the number of nodes.
    pub replicas: i32,
    pub total: i32,
    pub ready: i32,
    pub problem: Option<String>,
    /// The number of replicas is a field of ours.
    pub holds_replicas: bool,
    /// Its roll-out is paused, by a field of ours.
    pub paused: bool,
}

impl Progress {
    pub fn read(plan: &ServicePlan, live: &LiveObject, pods: &[PodView]) -> Self {
        let written = live.inputs.as_deref() == Some(&plan.inputs);
        let begun = current(plan, pods).filter(|p| has_started(plan, p)).count();
        // Of a pod that several services share, the own container tells.
        let is_up = |p: &&PodView| main_container(plan, p).is_some_and(|c| c.ready);
        let up = count(current(plan, pods).filter(is_up));
        let shared = !plan.mates.is_empty();
        match &live.state {
            WorkloadView::Replicated {
                generation,
                observed_generation,
                replicas,
                total,
                updated,
                ready,
                available,
                problem,
                holds_replicas,
                paused,
                ..
            } => {
                let observed = observed_generation >= generation;
                let rolled = observed && updated == replicas && (total == replicas || plan.kind() == Kind::DaemonSet);
                let all_up = if shared { up >= *replicas } else { ready >= replicas };
                Self {
                    written,
                    observed,
                    rolled,
                    available: rolled && all_up && (shared || available >= replicas),
                    started: rolled && i32::try_from(begun).is_ok_and(|n| n >= *replicas),
                    healthy: rolled && all_up,
                    replicas: *replicas,
                    total: *total,
                    ready: if shared { count(pods.iter().filter(|p| !p.deleting).filter(is_up)) } else { *ready },
                    problem: problem.clone(),
                    holds_replicas: *holds_replicas,
                    paused: *paused,
                }
            }
            WorkloadView::Job(job) => {
                let wanted = plan.replicas.max(1);
                let ended = job.complete || job.succeeded > 0 || job.failed > 0;
                let ready = if shared { up } else { job.ready };
                let healthy = job.complete || (job.active > 0 && ready >= job.active);
                Self {
                    written,
                    observed: true,
                    rolled: true,
                    available: healthy,
                    started: ended || i32::try_from(begun).is_ok_and(|n| n >= wanted),
                    healthy,
                    replicas: wanted,
                    total: job.active,
                    ready,
                    problem: None,
                    holds_replicas: false,
                    paused: false,
                }
            }
            // It is there as soon as it is written; its runs are nobody's to wait for.
            WorkloadView::Cron(cron) => Self {
                written,
                observed: true,
                rolled: true,
                available: true,
                started: true,
                healthy: true,
                replicas: 1,
                total: cron.active,
                ready: cron.active,
                problem: cron.failing.then(|| "its last run has not succeeded".to_owned()),
                holds_replicas: false,
                paused: false,
            },
            _ => Self { written, ..Self::default() },
        }
    }
}

/// Pods of the newest template that are to stay.
pub(super) fn current<'a>(plan: &'a ServicePlan, pods: &'a [PodView]) -> impl Iterator<Item = &'a PodView> {
    pods.iter().filter(|p| !p.deleting && p.inputs.as_deref() == Some(&plan.inputs))
}

fn has_started(plan: &ServicePlan, pod: &PodView) -> bool {
    let begun = |c: &ContainerView| c.started || c.restarts > 0 || c.exit_code.is_some();
    if plan.mates.is_empty() {
        return !pod.containers.is_empty() && pod.containers.iter().all(begun);
    }
    main_container(plan, pod).is_some_and(begun)
}

/// How many pods these are.
pub(super) fn count<'a>(pods: impl Iterator<Item = &'a PodView>) -> i32 {
    i32::try_from(pods.count()).unwrap_or(i32::MAX)
}

/// The job's state, where the live object is a Job.
pub(super) fn job(live: &LiveObject) -> Option<&JobView> {
    match &live.state {
        WorkloadView::Job(job) => Some(job),
        _ => None,
    }
}

/// The service's own container of a pod.
pub(super) fn main_container<'a>(plan: &ServicePlan, pod: &'a PodView) -> Option<&'a ContainerView> {
    let alone = || pod.containers.first().filter(|_| plan.mates.is_empty());
    pod.containers.iter().find(|c| c.name == plan.container).or_else(alone)
}

/// Whether a container ends again and again.
pub(super) fn is_crash_loop(container: &ContainerView) -> bool {
    container.waiting.as_ref().is_some_and(|(reason, _)| reason == "CrashLoopBackOff")
}

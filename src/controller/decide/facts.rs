use std::collections::BTreeMap;
use std::fmt;

use super::objects::{Stand, stand};
use super::updates;
use super::view::Scene;
use super::{JobView, LiveObject, PodView, WorkloadView};
use crate::compose::model::DependencyCondition;
use crate::translate::{Kind, Lifetime, ServicePlan};

/// The inputs at which a service last met each condition; `status.services[].met`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub started: Option<String>,
    pub healthy: Option<String>,
    /// All replicas counted as available. Kept of those alone whose updates may fail.
    pub available: Option<String>,
}

impl Met {
    pub fn parse(text: &str) -> Self {
        let value = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
        Self { started: value("started"), healthy: value("healthy"), available: value("available") }
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("started", &self.started), ("healthy", &self.healthy), ("available", &self.available)];
        let parts: Vec<String> = parts.iter().filter_map(|(name, value)| value.as_ref().map(|v| format!("{name}={v}"))).collect();
        f.write_str(&parts.join(","))
    }
}

/// What is true of a service beyond what its workload shows at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub met: Met,
    pub completed: Option<String>,
    pub exhausted: Option<String>,
    /// What has become of the steps that run once before it.
    pub steps: Steps,
    /// That it has ended at the wanted inputs stands in the recorded status. Only then may it be scaled to 0: its pods are the only other
    /// witnesses, and they go with that.
    pub end_is_recorded: bool,
    /// The inputs at which its update has failed.
    pub failed_update: Option<String>,
    /// That it has stands in the recorded status: only then it is paused.
    pub update_failure_is_recorded: bool,
    /// Restarts that don't count as attempts.
    pub forgiven: Forgiven,
}

impl Facts {
    /// Whether the service has run to its end at the wanted inputs.
    pub fn is_completed(&self, plan: &ServicePlan) -> bool {
        self.completed.as_deref() == Some(&plan.inputs)
    }

    /// Whether its attempts are used up at the wanted inputs.
    pub fn is_exhausted(&self, plan: &ServicePlan) -> bool {
        self.exhausted.as_deref() == Some(&plan.inputs)
    }

    /// Whether the condition was met at the wanted inputs.
    pub fn is_met(&self, plan: &ServicePlan, condition: DependencyCondition) -> bool {
        let at = |inputs: &Option<String>| inputs.as_deref() == Some(&plan.inputs);
        match condition {
            DependencyCondition::Started => at(&self.met.started) || self.is_completed(plan),
            DependencyCondition::Healthy => at(&self.met.healthy) || self.is_completed(plan),
            DependencyCondition::CompletedSuccessfully => self.is_completed(plan),
        }
    }
}

/// What has become of the steps that run once before a service; `status.services[].preStart`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// The inputs at which they have last completed.
    pub completed: Option<String>,
    /// The inputs at which they have failed since, and the stack's generation then.
    pub failed: Option<(String, i64)>,
}

impl Steps {
    fn parse(text: &str) -> Self {
        let value = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let failed = || value("failed")?.split_once('@').and_then(|(inputs, at)| Some((inputs.to_owned(), at.parse().ok()?)));
        Self { completed: value("completed").map(str::to_owned), failed: failed() }
    }

    /// The record, with what can be seen now on top.
    fn gather(scene: &Scene, plan: &ServicePlan, recorded: Option<&str>) -> Self {
        let Some(steps) = &plan.pre_start else { return Self::default() };
        let mut facts = recorded.map(Self::parse).unwrap_or_default();
        facts.failed.take_if(|(inputs, _)| *inputs != steps.inputs);
        let Stand::Ours(live) = stand(scene, &steps.workload) else {
            facts.failed = None;
            return facts;
        };
        match job(live) {
            Some(job) if job.complete => facts = Self { completed: Some(steps.inputs.clone()), failed: None },
            Some(job) if job.failure.is_some() => {
                facts.failed.get_or_insert_with(|| (steps.inputs.clone(), scene.input.stack.generation));
            }
            _ => facts.failed = None,
        }
        facts
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let completed = self.completed.as_ref().map(|inputs| format!("completed={inputs}"));
        let failed = self.failed.as_ref().map(|(inputs, generation)| format!("failed={inputs}@{generation}"));
        let parts: Vec<String> = completed.into_iter().chain(failed).collect();
        f.write_str(&parts.join(","))
    }
}

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
    let begun = |c: &super::ContainerView| c.started || c.restarts > 0 || c.exit_code.is_some();
    if plan.mates.is_empty() {
        return !pod.containers.is_empty() && pod.containers.iter().all(begun);
    }
    main_container(plan, pod).is_some_and(begun)
}

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

/// Whether the user wants none of it.
pub(super) fn is_zero(plan: &ServicePlan) -> bool {
    plan.stopped || plan.replicas == 0
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
    let at_rest = |c: &super::ContainerView| is_crash_loop(c) || stays && c.ended;
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

/// Restarts before a run that was long enough to count as a good one, by pod; `status.services[].forgiven`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgiven(BTreeMap<String, i32>);

impl Forgiven {
    /// The record, as far as its pods are still there, with what can be seen now on top.
    fn gather(plan: &ServicePlan, pods: &[PodView], recorded: Option<&str>) -> Self {
        let (Lifetime::UntilSuccess { attempts: Some(_) }, Some(window)) = (plan.lifetime, plan.restart_window) else {
            return Self::default();
        };
        let pairs = recorded.unwrap_or_default().split(',').filter_map(|part| part.split_once('='));
        let recorded: BTreeMap<&str, i32> = pairs.filter_map(|(pod, count)| Some((pod, count.parse().ok()?))).collect();
        let of = |pod: &PodView| {
            let container = main_container(plan, pod)?;
            let before = recorded.get(pod.name.as_str()).copied();
            let good = container.ran.is_some_and(|ran| ran >= window) && container.restarts > 0;
            Some((pod.name.clone(), if good { container.restarts } else { before? }))
        };
        Self(current(plan, pods).filter_map(of).collect())
    }

    fn of(&self, pod: &PodView) -> i32 {
        self.0.get(&pod.name).copied().unwrap_or_default()
    }

    /// As it is recorded.
    pub fn text(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(pod, count)| format!("{pod}={count}")).collect();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

pub(super) fn main_container<'a>(plan: &ServicePlan, pod: &'a PodView) -> Option<&'a super::ContainerView> {
    let alone = || pod.containers.first().filter(|_| plan.mates.is_empty());
    pod.containers.iter().find(|c| c.name == plan.container).or_else(alone)
}

pub(super) fn is_crash_loop(container: &super::ContainerView) -> bool {
    container.waiting.as_ref().is_some_and(|(reason, _)| reason == "CrashLoopBackOff")
}

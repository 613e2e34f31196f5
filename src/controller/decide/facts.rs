use std::collections::BTreeMap;
use std::fmt;

use super::progress::{current, job, main_container};
use super::stand::{Stand, stand};
use super::view::Scene;
use crate::cluster::view::PodView;
use crate::compose::model::DependencyCondition;
use crate::translate::{Lifetime, ServicePlan};

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
    pub fn gather(scene: &Scene, plan: &ServicePlan, recorded: Option<&str>) -> Self {
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

/// Whether the user wants none of it.
pub(super) fn is_zero(plan: &ServicePlan) -> bool {
    plan.stopped || plan.replicas == 0
}

/// Restarts before a run that was long enough to count as a good one, by pod; `status.services[].forgiven`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgiven(BTreeMap<String, i32>);

impl Forgiven {
    /// The record, as far as its pods are still there, with what can be seen now on top.
    pub fn gather(plan: &ServicePlan, pods: &[PodView], recorded: Option<&str>) -> Self {
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

    /// Of one pod.
    pub fn of(&self, pod: &PodView) -> i32 {
        self.0.get(&pod.name).copied().unwrap_or_default()
    }

    /// As it is recorded.
    pub fn text(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(pod, count)| format!("{pod}={count}")).collect();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

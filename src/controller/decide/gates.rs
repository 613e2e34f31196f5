use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, is_zero};
use crate::compose::model::DependencyCondition;
use crate::translate::{Gate, ServicePlan};

/// What others that depend on a service must know of it.
pub(super) struct Verdict<'a> {
    pub plan: &'a ServicePlan,
    pub facts: Facts,
    /// It failed for good.
    pub failed: bool,
    /// It can't get on before somebody does something: a name is taken, a right or an external resource is missing, a dependency failed.
    pub blocked: bool,
    /// Why it isn't there.
    pub why: String,
}

pub(super) type Verdicts<'a> = BTreeMap<&'a str, Verdict<'a>>;

/// What a gate does to the service behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Open,
    /// Open only because the dependency is not required; the text is a warning.
    Spared(String),
    Waiting(String),
    Failed(String),
}

/// The gate of a service that is created, or comes up from 0.
pub(super) fn on_create(gate: &Gate, verdicts: &Verdicts) -> Pass {
    let Some(dependency) = verdicts.get(gate.service.as_str()) else {
        let message = format!("{} is not an active service", gate.service);
        return if gate.required { Pass::Waiting(message) } else { Pass::Spared(message) };
    };
    if is_zero(dependency.plan) || dependency.facts.is_met(dependency.plan, gate.condition) {
        return Pass::Open;
    }
    let message = format!("{} {}: {}", gate.service, goal(gate.condition), dependency.why);
    match (gate.required, dependency.failed, dependency.blocked) {
        (true, true, _) => Pass::Failed(message),
        (false, true, _) | (false, _, true) => Pass::Spared(message),
        _ => Pass::Waiting(message),
    }
}

/// The gate of a service that runs and is to be updated. It holds only while the dependency is still to be written at its new inputs, or
/// rolls because of them: neither a dependency that is down nor one that failed keeps a fix from being rolled out.
pub(super) fn on_update(gate: &Gate, verdicts: &Verdicts) -> Pass {
    match on_create(gate, verdicts) {
        Pass::Waiting(message) if verdicts.get(gate.service.as_str()).is_some_and(|d| !d.blocked) => Pass::Waiting(message),
        Pass::Spared(message) => Pass::Spared(message),
        _ => Pass::Open,
    }
}

fn goal(condition: DependencyCondition) -> &'static str {
    match condition {
        DependencyCondition::Started => "to start",
        DependencyCondition::Healthy => "to be healthy",
        DependencyCondition::CompletedSuccessfully => "to complete",
    }
}

/// The services in an order in which every dependency stands before its dependents.
pub(super) fn order(services: &[ServicePlan]) -> Vec<&ServicePlan> {
    let mut rest: Vec<&ServicePlan> = services.iter().collect();
    let mut ordered: Vec<&ServicePlan> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let left: BTreeSet<&str> = rest.iter().map(|s| s.name.as_str()).collect();
        let hosts: BTreeSet<&str> = rest.iter().map(|s| s.object_name.as_str()).collect();
        let waits = |s: &ServicePlan| {
            // Who shares a pod comes after the one whose pod it is.
            s.is_guest() && hosts.contains(s.pod.as_str()) || s.gates.iter().any(|g| left.contains(g.service.as_str()))
        };
        let (later, mut now): (Vec<_>, Vec<_>) = rest.iter().partition(|s| waits(s));
        if now.is_empty() {
            // A cycle, which `compose` refuses.
            ordered.extend(later);
            return ordered;
        }
        ordered.append(&mut now);
        rest = later;
    }
    ordered
}

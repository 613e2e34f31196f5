use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::gates::{Pass, Verdicts, on_create};
use crate::api::keys;
use crate::translate::{Gate, Object, ServicePlan};

/// The dependencies' inputs for which a service was last started: annotation `restarted-for`, `db=<inputs>,queue=<inputs>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps(BTreeMap<String, String>);

impl Stamps {
    pub fn parse(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or_default().split(',').filter_map(|part| part.split_once('='));
        Self(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// The stamps of a template that is written anew: for each dependency that restarts this service the inputs at which it is met now, or
    /// what stood there before while it isn't.
    pub fn renewed(&self, plan: &ServicePlan, verdicts: &Verdicts) -> Self {
        let stamp = |gate: &Gate| {
            let inputs = met_inputs(gate, verdicts).or_else(|| self.0.get(&gate.service).cloned())?;
            Some((gate.service.clone(), inputs))
        };
        Self(plan.gates.iter().filter(|g| g.restart).filter_map(stamp).collect())
    }

    /// Whether a dependency has been rolled out since, so that this service must be restarted. A dependency without a stamp became one later:
    /// that is no restart.
    pub fn is_restart_due(&self, plan: &ServicePlan, verdicts: &Verdicts) -> bool {
        plan.gates.iter().filter(|g| g.restart).any(|gate| {
            let (old, new) = (self.0.get(&gate.service), met_inputs(gate, verdicts));
            old.zip(new).is_some_and(|(old, new)| *old != new)
        })
    }

    fn text(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

fn met_inputs(gate: &Gate, verdicts: &Verdicts) -> Option<String> {
    let dependency = verdicts.get(gate.service.as_str()).filter(|d| d.facts.is_met(d.plan, gate.condition))?;
    (on_create(gate, verdicts) == Pass::Open).then(|| dependency.plan.inputs.clone())
}

/// The workload as it is to be written: with the replicas that are wanted now (none: they are an autoscaler's), the stamps, and its inputs on the pods, by which old pods
/// are told from new ones.
pub(super) fn workload(object: &Object, plan: &ServicePlan, replicas: Option<i32>, stamps: &Stamps) -> Object {
    let mut object = object.clone();
    match &mut object {
        Object::Deployment(o) => {
            if let Some(spec) = &mut o.spec {
                spec.replicas = replicas;
                annotate(&mut spec.template, &plan.inputs, stamps);
            }
        }
        Object::StatefulSet(o) => {
            if let Some(spec) = &mut o.spec {
                spec.replicas = replicas;
                annotate(&mut spec.template, &plan.inputs, stamps);
            }
        }
        Object::CronJob(o) => {
            if let Some(job) = o.spec.as_mut().and_then(|spec| spec.job_template.spec.as_mut()) {
                annotate(&mut job.template, &plan.inputs, stamps);
            }
        }
        Object::DaemonSet(o) => {
            if let Some(spec) = &mut o.spec {
                annotate(&mut spec.template, &plan.inputs, stamps);
            }
        }
        Object::Job(o) => {
            if let Some(spec) = &mut o.spec {
                annotate(&mut spec.template, &plan.inputs, stamps);
            }
        }
        _ => {}
    }
    object
}

/// The Job of the steps before a service as it is to be written.
pub(super) fn steps(object: &Object, inputs: &str) -> Object {
    let mut object = object.clone();
    if let Object::Job(job) = &mut object
        && let Some(spec) = &mut job.spec
    {
        annotate(&mut spec.template, inputs, &Stamps::default());
    }
    object
}

fn annotate(template: &mut PodTemplateSpec, inputs: &str, stamps: &Stamps) {
    let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
    annotations.insert(keys::INPUTS.to_owned(), inputs.to_owned());
    if let Some(text) = stamps.text() {
        annotations.insert(keys::RESTARTED_FOR.to_owned(), text);
    }
}

//! `x-kubernetes.hpa` and `x-kubernetes.pdb`: how many replicas load leads to, and how many the cluster may take away at a time.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget, ResourceMetricSource,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::hash;
use super::kubernetes::{Amount, Autoscale, Disruption, KEY};
use super::object::StringMap;
use super::object::{Kind, Object};
use super::objects::{Objects, metadata, selector, service_labels};
use super::project::service_path;
use super::report::Report;
use super::stack::Stack;
use super::workload_plan::Plan;

/// Load that leads to more replicas where the file names none, in percent of what is requested.
const CPU: i32 = 80;

/// Makes both objects of a service, where it asks for them.
pub fn scaling(stack: &Stack, plan: &Plan, objects: &mut Objects, report: &mut Report) {
    let extension = stack.extension(plan.key);
    let at = service_path(plan.key).key(KEY);
    if let Some(disruption) = &extension.pdb {
        if plan.kind.scales() {
            objects.add(budget(stack, plan, disruption), &at.key("pdb"), report);
        } else {
            report.refuse(
                "conflict",
                &at.key("pdb"),
                format!("a {} has no replicas that may be away; a Deployment or StatefulSet has", plan.kind),
            );
        }
    }
    let Some(autoscale) = &extension.hpa else { return };
    if !plan.kind.scales() {
        report.refuse("conflict", &at.key("hpa"), format!("a {} isn't scaled; a Deployment or StatefulSet is", plan.kind));
        return;
    }
    if stack.settings.services.get(plan.key).and_then(|service| service.replicas).is_some_and(|replicas| replicas > 0) {
        report.warn(
            "replicas-with-autoscaler",
            &at.key("hpa"),
            "the autoscaler has the number of replicas: what `scale` set has no effect",
        );
    }
    objects.add(autoscaler(stack, plan, autoscale), &at.key("hpa"), report);
}

fn autoscaler(stack: &Stack, plan: &Plan, autoscale: &Autoscale) -> Object {
    let mut metrics: Vec<MetricSpec> = [("cpu", &autoscale.cpu), ("memory", &autoscale.memory)]
        .into_iter()
        .filter_map(|(name, amount)| amount.as_ref().map(|amount| metric(name, amount)))
        .collect();
    if metrics.is_empty() {
        metrics.push(metric("cpu", &Amount::Percent(CPU)));
    }
    let target = CrossVersionObjectReference {
        api_version: Some("apps/v1".to_owned()),
        kind: plan.kind.to_string(),
        name: plan.workload_name().into_string(),
    };
    let inputs = hash::of_json(&json!({ "hpa": autoscale, "kind": plan.kind.as_str() }));
    let spec = HorizontalPodAutoscalerSpec {
        scale_target_ref: target,
        min_replicas: Some(autoscale.min),
        max_replicas: autoscale.max,
        metrics: Some(metrics),
        behavior: None,
    };
    let metadata = metadata(plan.name, service_labels(stack, plan.key, plan.name), StringMap::new(), inputs);
    Object::HorizontalPodAutoscaler(Box::new(HorizontalPodAutoscaler { metadata, spec: Some(spec), status: None }))
}

fn metric(name: &str, amount: &Amount) -> MetricSpec {
    let target = match amount {
        Amount::Percent(percent) => {
            MetricTarget { type_: "Utilization".to_owned(), average_utilization: Some(*percent), ..MetricTarget::default() }
        }
        Amount::Each(quantity) => {
            MetricTarget { type_: "AverageValue".to_owned(), average_value: Some(Quantity(quantity.clone())), ..MetricTarget::default() }
        }
    };
    let resource = ResourceMetricSource { name: name.to_owned(), target };
    MetricSpec { type_: "Resource".to_owned(), resource: Some(resource), ..MetricSpec::default() }
}

fn budget(stack: &Stack, plan: &Plan, disruption: &Disruption) -> Object {
    let amount = |text: &String| text.parse().map_or_else(|_| IntOrString::String(text.clone()), IntOrString::Int);
    let (max_unavailable, min_available) = match disruption {
        Disruption::Unavailable(text) => (Some(amount(text)), None),
        Disruption::Available(text) => (None, Some(amount(text))),
    };
    let inputs = hash::of_json(&json!({ "pdb": disruption }));
    let spec = PodDisruptionBudgetSpec {
        max_unavailable,
        min_available,
        selector: Some(LabelSelector { match_labels: Some(selector(stack, plan.name)), match_expressions: None }),
        // Pods that aren't ready protect nobody; without this a broken one could never be moved away.
        unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
    };
    let metadata = metadata(plan.name, service_labels(stack, plan.key, plan.name), StringMap::new(), inputs);
    Object::PodDisruptionBudget(Box::new(PodDisruptionBudget { metadata, spec: Some(spec), status: None }))
}

/// Replicas that a workload begins with where an autoscaler has them: those of the file, within the bounds.
pub fn begin_with(bounds: Option<(i32, i32)>, replicas: i32) -> i32 {
    match bounds {
        // None at all is the user's word.
        Some((min, max)) if replicas > 0 => replicas.clamp(min, max.max(min)),
        _ => replicas,
    }
}

/// The least and the most replicas of a service, where an autoscaler has their number.
pub fn bounds(stack: &Stack, key: &str, kind: Kind) -> Option<(i32, i32)> {
    let autoscale = stack.extension(key).hpa.as_ref().filter(|_| kind.scales())?;
    Some((autoscale.min, autoscale.max))
}

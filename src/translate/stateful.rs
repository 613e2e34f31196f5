//! `x-kubernetes.kind: StatefulSet`: replicas with names that stay, and with `shared: false` a claim for each.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::pod::Pod;
use super::stack::Stack;
use super::workload_plan::{Plan, REVISIONS};

/// The workload of a service whose replicas are told apart.
pub fn stateful_set(
    stack: &Stack,
    plan: &Plan,
    pod: &Pod,
    (metadata, selector): (ObjectMeta, LabelSelector),
    mut template: PodTemplateSpec,
    min_ready: i32,
) -> StatefulSet {
    let apart: BTreeMap<_, _> = pod.parts.iter().flat_map(|part| &part.mounts.apart).collect();
    let mut templates = Vec::new();
    if let Some(volumes) = template.spec.as_mut().and_then(|spec| spec.volumes.as_mut()) {
        volumes.retain(|volume| {
            let claim = volume.persistent_volume_claim.as_ref().and_then(|source| apart.get(&source.claim_name));
            templates.extend(claim.map(|claim| claim_template(&volume.name, claim)));
            claim.is_none()
        });
    }
    let keep = || Some("Retain".to_owned());
    let spec = StatefulSetSpec {
        replicas: plan.written_replicas(stack),
        selector,
        template,
        service_name: Some(plan.name.to_string()),
        // Compose starts replicas at once, and knows of no first one.
        pod_management_policy: Some("Parallel".to_owned()),
        update_strategy: Some(StatefulSetUpdateStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: None }),
        min_ready_seconds: (min_ready > 0).then_some(min_ready),
        revision_history_limit: Some(REVISIONS),
        persistent_volume_claim_retention_policy: (!templates.is_empty())
            .then(|| StatefulSetPersistentVolumeClaimRetentionPolicy { when_deleted: keep(), when_scaled: keep() }),
        volume_claim_templates: (!templates.is_empty()).then_some(templates),
        ..StatefulSetSpec::default()
    };
    StatefulSet { metadata, spec: Some(spec), ..StatefulSet::default() }
}

/// The claim of each replica. It says whose it is, and at which inputs it was made, as every claim does.
fn claim_template(volume: &str, claim: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut claim = claim.clone();
    claim.metadata.name = Some(volume.to_owned());
    claim
}

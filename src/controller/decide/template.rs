//! What the pods of a wanted workload are made of.

use k8s_openapi::api::core::v1::PodSpec;

use crate::translate::{Key, Kind, Object};

/// The pods of a workload.
pub(super) fn pod_spec(object: &Object) -> Option<&PodSpec> {
    match object {
        Object::Deployment(o) => o.spec.as_ref()?.template.spec.as_ref(),
        Object::DaemonSet(o) => o.spec.as_ref()?.template.spec.as_ref(),
        Object::Job(o) => o.spec.as_ref()?.template.spec.as_ref(),
        Object::StatefulSet(o) => o.spec.as_ref()?.template.spec.as_ref(),
        Object::CronJob(o) => o.spec.as_ref()?.job_template.spec.as_ref()?.template.spec.as_ref(),
        _ => None,
    }
}

/// Whether a pod of this template mounts or reads the object.
pub(super) fn mentions(pod: &PodSpec, key: &Key) -> bool {
    let name = key.name.as_str();
    let volumes = pod.volumes.iter().flatten().any(|v| match key.kind {
        Kind::ConfigMap => v.config_map.as_ref().is_some_and(|c| c.name == name),
        Kind::Secret => v.secret.as_ref().is_some_and(|s| s.secret_name.as_deref() == Some(name)),
        Kind::PersistentVolumeClaim => v.persistent_volume_claim.as_ref().is_some_and(|c| c.claim_name == name),
        _ => false,
    });
    volumes
        || pod.containers.iter().chain(pod.init_containers.iter().flatten()).any(|c| {
            let sources = c.env_from.iter().flatten().any(|e| match key.kind {
                Kind::ConfigMap => e.config_map_ref.as_ref().is_some_and(|r| r.name == name),
                Kind::Secret => e.secret_ref.as_ref().is_some_and(|r| r.name == name),
                _ => false,
            });
            let values = c.env.iter().flatten().filter_map(|e| e.value_from.as_ref());
            sources
                || values.into_iter().any(|v| match key.kind {
                    Kind::ConfigMap => v.config_map_key_ref.as_ref().is_some_and(|r| r.name == name),
                    Kind::Secret => v.secret_key_ref.as_ref().is_some_and(|r| r.name == name),
                    _ => false,
                })
        })
}

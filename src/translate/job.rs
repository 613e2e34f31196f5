//! Programs that run to their end: how often one that fails is started again.

use k8s_openapi::api::batch::v1::{JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::restart::Restart;

/// How often a container that runs to its end is started again in its pod; the template gets the policy that goes with it.
pub fn attempts(restart: Restart, template: &mut PodTemplateSpec) -> Option<i32> {
    let attempts = match restart {
        Restart::OnFailure { attempts } => Some(attempts.map_or(i32::MAX, |attempts| i32::try_from(attempts).unwrap_or(i32::MAX))),
        _ => None,
    };
    if let Some(spec) = &mut template.spec {
        spec.restart_policy = Some(if attempts.is_some() { "OnFailure" } else { "Never" }.to_owned());
    }
    attempts
}

/// What a Job is to do. `attempts`: restarts in the pod; `None`: a failure is final.
pub fn job(replicas: i32, attempts: Option<i32>, template: PodTemplateSpec) -> JobSpec {
    JobSpec {
        backoff_limit: Some(attempts.unwrap_or(0)),
        pod_failure_policy: attempts.is_none().then(ignore_disruptions),
        completions: Some(replicas),
        parallelism: Some(replicas),
        completion_mode: (replicas > 1).then(|| "Indexed".to_owned()),
        template,
        ..JobSpec::default()
    }
}

/// A pod that a node's drain or a preemption ended didn't fail.
pub fn ignore_disruptions() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: Some("True".to_owned()),
        }]),
        on_exit_codes: None,
    };
    PodFailurePolicy { rules: vec![disrupted] }
}

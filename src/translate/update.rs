//! `deploy.update_config` and `deploy.rollback_config`: how a change of a service is rolled out, and what follows when that fails.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSetUpdateStrategy, DeploymentStrategy, RollingUpdateDaemonSet, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::compose::model::{FailureAction, Service, UpdateConfig, UpdateOrder};
use crate::compose::path::Path;

use super::desired::OnFailure;
use super::pod::Pod;
use super::report::Report;
use super::settings::Settings;

/// The words that hold for what is written now: those of `rollback_config` while an update is being undone.
pub fn config<'a>(settings: &Settings, service: &'a Service) -> Option<&'a UpdateConfig> {
    let deploy = service.deploy.as_ref()?;
    if settings.undoing { deploy.rollback_config.as_ref() } else { deploy.update_config.as_ref() }
}

/// What follows when the roll-out fails. Without a word of the file nothing does: Kubernetes goes on trying.
pub fn on_failure(settings: &Settings, service: &Service) -> Option<OnFailure> {
    let update = config(settings, service)?;
    let action = match update.failure_action {
        // What failures would be tolerated for, if not for this.
        None => update.max_failure_ratio.map(|_| FailureAction::Pause)?,
        Some(FailureAction::Continue) => return None,
        Some(action) => action,
    };
    Some(OnFailure { action, tolerated: update.max_failure_ratio.unwrap_or_default() })
}

/// Refuses shares of failures that are none.
pub fn check(service: &Service, path: &Path, report: &mut Report) {
    let Some(deploy) = &service.deploy else { return };
    for (key, config) in [("update_config", &deploy.update_config), ("rollback_config", &deploy.rollback_config)] {
        let ratio = config.as_ref().and_then(|config| config.max_failure_ratio);
        if let Some(ratio) = ratio.filter(|ratio| !(0.0..=1.0).contains(ratio)) {
            let path = path.key("deploy").key(key.to_owned()).key("max_failure_ratio");
            report.refuse("failure-ratio", &path, format!("{ratio} is no share: expected a number from 0 to 1"));
        }
    }
}

/// Seconds for which a new pod must have been ready before it counts.
pub fn settle(update: Option<&UpdateConfig>) -> i32 {
    let settle = update.map_or(Duration::ZERO, |update| update.delay.unwrap_or_default().max(update.monitor.unwrap_or_default()));
    i32::try_from(settle.as_secs()).unwrap_or(i32::MAX)
}

/// Recreate where two revisions would write at once; else rolling, new pods first unless the file says otherwise.
pub fn of_deployment(update: Option<&UpdateConfig>, pod: &Pod, path: &Path, report: &mut Report) -> DeploymentStrategy {
    let order = update.and_then(|update| update.order);
    let writes = pod.writes_claims();
    // A pod of which a program has ended is not ready, so that nothing would ever make room for its successor.
    let ends_in_part = pod.template.spec.iter().flat_map(|spec| &spec.containers).any(|container| container.restart_policy.is_some());
    if writes && order != Some(UpdateOrder::StartFirst) || ends_in_part {
        return DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None };
    }
    if writes {
        let path = path.key("deploy").key("update_config").key("order");
        report.warn(
            "start-first-with-volume",
            &path,
            "old and new pods write to the same volume for a while, and need one node if it can't be on several",
        );
    }
    let (surge, unavailable) = match order {
        Some(UpdateOrder::StopFirst) => (IntOrString::Int(0), at_a_time(update)),
        // The old pod has the node's ports.
        None if holds_ports_of_node(pod) => (IntOrString::Int(0), at_a_time(update)),
        Some(UpdateOrder::StartFirst) | None => (at_a_time(update), IntOrString::Int(0)),
    };
    let rolling = RollingUpdateDeployment { max_surge: Some(surge), max_unavailable: Some(unavailable) };
    DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling) }
}

/// On each node one pod goes before its successor comes, unless the file says otherwise.
pub fn of_daemon_set(update: Option<&UpdateConfig>, pod: &Pod, path: &Path, report: &mut Report) -> DaemonSetUpdateStrategy {
    let starts_first = update.and_then(|update| update.order) == Some(UpdateOrder::StartFirst);
    let (surge, unavailable) = if starts_first && holds_ports_of_node(pod) {
        let path = path.key("deploy").key("update_config").key("order");
        report.warn("no-effect", &path, "has no effect: the old pod has the node's ports, and goes first");
        (IntOrString::Int(0), at_a_time(update))
    } else if starts_first {
        (at_a_time(update), IntOrString::Int(0))
    } else {
        (IntOrString::Int(0), at_a_time(update))
    };
    let rolling = RollingUpdateDaemonSet { max_surge: Some(surge), max_unavailable: Some(unavailable) };
    DaemonSetUpdateStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling) }
}

/// How many pods are changed at a time; 0 is all of them.
fn at_a_time(update: Option<&UpdateConfig>) -> IntOrString {
    match update.and_then(|update| update.parallelism).unwrap_or(1) {
        0 => IntOrString::String("100%".to_owned()),
        count => IntOrString::Int(i32::try_from(count).unwrap_or(i32::MAX)),
    }
}

/// Whether a pod has ports of its node, which another one can't have beside it.
fn holds_ports_of_node(pod: &Pod) -> bool {
    pod.template.spec.as_ref().is_some_and(|spec| {
        let ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
        spec.host_network == Some(true) || ports.into_iter().any(|port| port.host_port.is_some())
    })
}

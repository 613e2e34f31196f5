//! The workload of a service, of the kind that it becomes.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::keys;
use crate::compose::model::{DeployMode, FailureAction, Service, UpdateConfig, UpdateOrder};
use crate::compose::path::Path;

use super::job::{attempts, job};
use super::labels;
use super::object::{Kind, Object};
use super::objects::{metadata, selector, service_labels};
use super::pod::Pod;
use super::probe;
use super::report::Report;
use super::restart::Restart;
use super::schedule;
use super::stack::Stack;
use super::stateful;
use super::update;
use super::workload_plan::{Plan, REVISIONS};

/// Seconds, where the settings say nothing.
const PROGRESS_DEADLINE: u64 = 600;

/// The workload of a service, which takes the pod's template.
pub fn workload(stack: &Stack, plan: &Plan, pod: &mut Pod, report: &mut Report) -> Object {
    let user = labels::of_deploy(plan.service, &stack.settings.policy, &plan.path(), report);
    let mut labels = user.labels;
    labels.extend(service_labels(stack, plan.key, plan.name));
    let mut annotations = user.annotations;
    annotations.insert(keys::SERVICE.to_owned(), plan.key.to_owned());
    let metadata = metadata(&plan.workload_name(), labels, annotations, plan.inputs.to_owned());
    let selector = LabelSelector { match_labels: Some(selector(stack, plan.name)), match_expressions: None };
    let update = update::config(stack.settings, plan.service);
    check_mode(plan, report);
    let min_ready = update::settle(update);
    match plan.kind {
        Kind::DaemonSet => {
            let spec = DaemonSetSpec {
                selector,
                min_ready_seconds: (min_ready > 0).then_some(min_ready),
                revision_history_limit: Some(REVISIONS),
                update_strategy: Some(update::of_daemon_set(update, pod, &plan.path(), report)),
                template: std::mem::take(&mut pod.template),
            };
            Object::DaemonSet(Box::new(DaemonSet { metadata, spec: Some(spec), ..DaemonSet::default() }))
        }
        Kind::Job => {
            let mut template = std::mem::take(&mut pod.template);
            let attempts = attempts(plan.restart, &mut template);
            Object::Job(Box::new(Job { metadata, spec: Some(job(plan.replicas, attempts, template)), ..Job::default() }))
        }
        Kind::StatefulSet => {
            let template = std::mem::take(&mut pod.template);
            Object::StatefulSet(Box::new(stateful::stateful_set(stack, plan, pod, (metadata, selector), template, min_ready)))
        }
        Kind::CronJob => {
            let template = std::mem::take(&mut pod.template);
            Object::CronJob(Box::new(schedule::cron_job(stack, plan, pod, metadata, template)))
        }
        _ => {
            let deadline = i32::try_from(plan.deadline).unwrap_or(i32::MAX);
            let spec = DeploymentSpec {
                replicas: plan.written_replicas(stack),
                selector,
                strategy: Some(update::of_deployment(update, pod, &plan.path(), report)),
                template: std::mem::take(&mut pod.template),
                min_ready_seconds: (min_ready > 0).then_some(min_ready),
                progress_deadline_seconds: Some(deadline.max(min_ready.saturating_add(1))),
                revision_history_limit: Some(REVISIONS),
                paused: None,
            };
            Object::Deployment(Box::new(Deployment { metadata, spec: Some(spec), ..Deployment::default() }))
        }
    }
}

/// Seconds that a roll-out may take before it counts as failed.
pub fn progress_deadline(stack: &Stack, service: &Service) -> u64 {
    let setting = if stack.settings.progress_deadline == 0 { PROGRESS_DEADLINE } else { stack.settings.progress_deadline };
    let patience = service.healthcheck.as_ref().map(probe::patience).unwrap_or_default();
    setting.max(patience.as_secs().min(u64::from(u32::MAX >> 1)))
}

fn check_mode(plan: &Plan, report: &mut Report) {
    let Some(deploy) = &plan.service.deploy else { return };
    let path = plan.path().key("deploy");
    if deploy.mode == DeployMode::Global && deploy.replicas.is_some() {
        report.warn("replicas-with-global", &path.key("replicas"), "a global service runs once on every node");
    }
    check_update(plan, deploy.update_config.as_ref(), &path.key("update_config"), report);
    let counts = deploy.restart_policy.as_ref().is_some_and(|policy| policy.max_attempts.is_some());
    if counts && plan.kind != Kind::Job && !matches!(plan.restart, Restart::OnFailure { .. }) {
        let message = "has no effect: attempts are counted with the condition on-failure alone";
        report.warn("no-effect", &path.key("restart_policy").key("max_attempts"), message);
    }
    if deploy.mode == DeployMode::Global && matches!(plan.restart, Restart::No | Restart::OnFailure { .. }) {
        report.warn("restart-with-global", &path, "pods on every node are always started again");
    }
}

/// What a kind can't do of an update's order.
fn check_update(plan: &Plan, update: Option<&UpdateConfig>, path: &Path, report: &mut Report) {
    let Some(update) = update else { return };
    let several = update.parallelism.is_some_and(|count| count != 1);
    match plan.kind {
        // A job that fails may undo what it was changed with.
        Kind::Job | Kind::CronJob if update.failure_action == Some(FailureAction::Rollback) => {}
        Kind::Job | Kind::CronJob => {
            report.warn("no-effect", path, format!("has no effect: a {} isn't updated, it runs anew", plan.kind));
        }
        Kind::StatefulSet => {
            if update.order == Some(UpdateOrder::StartFirst) {
                let message = "has no effect: replicas of a StatefulSet keep their names, so the old one goes first";
                report.warn("no-effect", &path.key("order"), message);
            }
            if several {
                let message = "has no effect: replicas of a StatefulSet are updated one by one";
                report.warn("no-effect", &path.key("parallelism"), message);
            }
        }
        _ => {}
    }
}

//! Which kind of workload a service becomes, and the workload itself.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec};
use k8s_openapi::api::batch::v1::{Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::keys;
use crate::compose::diagnostic::not_allowed;
use crate::compose::model::{DeployMode, FailureAction, RestartCondition, Service, UpdateConfig, UpdateOrder};
use crate::compose::path::Path;

use super::desired::Lifetime;
use super::labels;
use super::names::ObjectName;
use super::object::{Kind, Object};
use super::objects::{metadata, selector, service_labels};
use super::pod::Pod;
use super::probe;
use super::project::service_path;
use super::report::Report;
use super::scaling;
use super::schedule;
use super::stack::Stack;
use super::stateful;
use super::update;

/// Seconds, where the settings say nothing.
const PROGRESS_DEADLINE: u64 = 600;
/// ReplicaSets that a Deployment keeps; the operator rolls back by its own records.
pub const REVISIONS: i32 = 2;

/// When a container that has ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing is said: unlike `no` it doesn't tell that the service is to run once.
    Absent,
    No,
    OnFailure {
        attempts: Option<u32>,
    },
    Always,
}

/// A service's restart policy: `deploy.restart_policy` wins over `restart`.
pub fn restart(key: &str, service: &Service, report: &mut Report) -> Restart {
    let policy = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    if let Some(policy) = policy {
        let attempts = policy.max_attempts.and_then(|attempts| u32::try_from(attempts).ok());
        match policy.condition {
            Some(RestartCondition::None) => return Restart::No,
            Some(RestartCondition::OnFailure) => return Restart::OnFailure { attempts },
            Some(RestartCondition::Any) => return Restart::Always,
            None => {}
        }
    }
    match service.restart.as_deref() {
        None | Some("") => Restart::Absent,
        Some("no" | "false") => Restart::No,
        Some("always" | "unless-stopped") => Restart::Always,
        Some("on-failure") => Restart::OnFailure { attempts: None },
        Some(other) => {
            let attempts = other.strip_prefix("on-failure:").and_then(|attempts| attempts.parse().ok());
            if attempts.is_none() {
                let message = not_allowed(other, &["no", "always", "on-failure", "on-failure:<n>", "unless-stopped"]);
                report.refuse("restart", &service_path(key).key("restart"), message);
            }
            Restart::OnFailure { attempts }
        }
    }
}

/// Which kind a service becomes.
pub fn kind(key: &str, service: &Service, restart: Restart, awaited: bool, report: &mut Report) -> Kind {
    match service.deploy.as_ref().map(|deploy| deploy.mode).unwrap_or_default() {
        DeployMode::Global => Kind::DaemonSet,
        DeployMode::ReplicatedJob => Kind::Job,
        DeployMode::GlobalJob => {
            let path = service_path(key).key("deploy").key("mode");
            report.refuse("global-job", &path, "a job on every node needs the list of nodes; use replicated-job");
            Kind::Job
        }
        DeployMode::Replicated if restart == Restart::No || (awaited && restart != Restart::Always) => Kind::Job,
        DeployMode::Replicated => Kind::Deployment,
    }
}

/// How a service's run ends.
pub fn lifetime(kind: Kind, restart: Restart) -> Lifetime {
    match (kind, restart) {
        (Kind::Job, _) => Lifetime::Once,
        (Kind::DaemonSet | Kind::CronJob, _) | (_, Restart::Always) => Lifetime::Forever,
        (_, Restart::OnFailure { attempts }) => Lifetime::UntilSuccess { attempts },
        (_, Restart::Absent | Restart::No) => Lifetime::UntilSuccess { attempts: None },
    }
}

/// Seconds that a run must last to be a good one, where the file says so.
pub fn restart_window(service: &Service) -> Option<u64> {
    let window = service.deploy.as_ref()?.restart_policy.as_ref()?.window?;
    Some(window.as_secs()).filter(|seconds| *seconds > 0)
}

/// A service and what was worked out of it.
pub struct Plan<'b> {
    pub key: &'b str,
    pub service: &'b Service,
    /// Name of the service's objects.
    pub name: &'b ObjectName,
    pub kind: Kind,
    pub restart: Restart,
    pub inputs: &'b str,
    /// Replicas of the file or the spec, stopped or not.
    pub replicas: i32,
    /// Seconds that a roll-out may take before it counts as failed.
    pub deadline: u64,
}

impl Plan<'_> {
    fn path(&self) -> Path {
        service_path(self.key)
    }

    /// Replicas as they are written: none where an autoscaler has their number.
    pub fn written_replicas(&self, stack: &Stack) -> Option<i32> {
        let autoscaled = scaling::bounds(stack, self.key, self.kind).is_some();
        match self.replicas {
            _ if stack.is_stopped(self.key) => Some(0),
            replicas if autoscaled && replicas > 0 => None,
            replicas => Some(replicas),
        }
    }

    /// Name of the workload.
    pub fn workload_name(&self) -> ObjectName {
        if self.kind == Kind::Job { self.name.job(self.inputs) } else { self.name.clone() }
    }
}

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

/// `attempts`: restarts in the pod; `None`: a failure is final.
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

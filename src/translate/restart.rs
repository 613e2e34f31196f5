//! When what has ended is started again, and so which kind of workload a service becomes.

use crate::compose::diagnostic::not_allowed;
use crate::compose::model::{DeployMode, RestartCondition, Service};

use super::desired::Lifetime;
use super::object::Kind;
use super::project::service_path;
use super::report::Report;

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

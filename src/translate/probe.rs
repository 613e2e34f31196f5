//! `healthcheck` → readiness. Never liveness: Compose marks an unhealthy container and leaves it running.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ExecAction, Probe};

use crate::compose::model::{Healthcheck, HealthcheckTest};
use crate::compose::path::Path;

use super::dollars::doubled;
use super::report::Report;

const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u64 = 3;
const START_INTERVAL: Duration = Duration::from_secs(5);

/// Readiness, and startup where failures don't count at first.
#[derive(Default)]
pub struct Probes {
    pub readiness: Option<Probe>,
    pub startup: Option<Probe>,
}

/// The probes of a healthcheck.
pub fn probes(check: &Healthcheck, path: &Path, report: &mut Report) -> Probes {
    let path = path.key("healthcheck");
    let command = match &check.test {
        _ if check.disable => return Probes::default(),
        Some(HealthcheckTest::None) => return Probes::default(),
        Some(HealthcheckTest::Command(words)) => words.clone(),
        Some(HealthcheckTest::Shell(script)) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        None => {
            report.warn("healthcheck-without-test", &path, "has no test of its own, and the image's isn't known here: no probe is made");
            return Probes::default();
        }
    };
    if command.is_empty() {
        report.refuse("healthcheck", &path.key("test"), "the command is empty");
        return Probes::default();
    }
    let starts = check.start_period.is_some_and(|period| !period.is_zero());
    if check.start_interval.is_some_and(|interval| !interval.is_zero()) && !starts {
        report.refuse("healthcheck", &path.key("start_interval"), "is for the time of `start_period`, which is missing");
    }
    for (name, duration) in [("interval", check.interval), ("timeout", check.timeout), ("start_interval", check.start_interval)] {
        if duration.is_some_and(|duration| !duration.is_zero() && duration < Duration::from_secs(1)) {
            report.warn("healthcheck-rounded", &path.key(name.to_owned()), "probes count in seconds: rounded up to 1s");
        }
    }
    let exec = ExecAction { command: Some(command.iter().map(|word| doubled(word)).collect()) };
    let probe = |period: Duration, failures: i32| Probe {
        exec: Some(exec.clone()),
        period_seconds: Some(seconds(period)),
        timeout_seconds: Some(seconds(some_or(check.timeout, TIMEOUT))),
        failure_threshold: Some(failures),
        ..Probe::default()
    };
    let readiness = probe(some_or(check.interval, INTERVAL), i32::try_from(retries(check)).unwrap_or(i32::MAX));
    // A startup probe that never gives up, so that it never kills.
    let startup =
        check.start_period.filter(|period| !period.is_zero()).map(|_| probe(some_or(check.start_interval, START_INTERVAL), i32::MAX));
    Probes { readiness: Some(readiness), startup }
}

/// How long a container may take until its healthcheck has failed for good.
pub fn patience(check: &Healthcheck) -> Duration {
    let retries = u32::try_from(retries(check)).unwrap_or(u32::MAX);
    check.start_period.unwrap_or_default().saturating_add(some_or(check.interval, INTERVAL).saturating_mul(retries))
}

fn retries(check: &Healthcheck) -> u64 {
    check.retries.filter(|retries| *retries > 0).unwrap_or(RETRIES)
}

/// Zero means the default, as in Docker.
fn some_or(written: Option<Duration>, default: Duration) -> Duration {
    written.filter(|duration| !duration.is_zero()).unwrap_or(default)
}

/// Whole seconds, rounded up, at least 1.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole.max(1)).unwrap_or(i32::MAX)
}

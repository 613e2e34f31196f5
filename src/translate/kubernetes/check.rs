//! Probes beyond `healthcheck`: `liveness`, and `readiness` by HTTP or TCP.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ExecAction, HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use crate::compose::decode::units;
use crate::compose::path::Path;
use crate::translate::dollars::doubled;
use crate::translate::report::Report;
use crate::yaml::Node;

use super::keys::{Keys, text};

const KEYS: [&str; 7] = ["test", "httpGet", "tcpPort", "interval", "timeout", "retries", "startPeriod"];

/// What is asked, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    pub question: Question,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub retries: Option<i64>,
    pub start_period: Option<Duration>,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Question {
    /// The service's own `healthcheck`.
    #[default]
    Healthcheck,
    Command(Vec<String>),
    Http {
        path: String,
        port: u16,
    },
    Tcp(u16),
}

/// Reads `true` or a mapping.
pub fn read(keys: &Keys, key: &str, report: &mut Report) -> Option<Check> {
    let (node, path) = keys.node(key)?;
    match node.as_bool().or_else(|| node.as_str()?.parse().ok()) {
        Some(true) => return Some(Check::default()),
        Some(false) => return None,
        None => {}
    }
    let keys = Keys::open(Some(node), &path, &KEYS, report);
    if !keys.is_written() {
        return None;
    }
    let http = keys.node("httpGet").and_then(|(node, path)| http(node, &path, report));
    let tcp = keys.number("tcpPort", 1..=65535, report).and_then(|port| u16::try_from(port).ok()).map(Question::Tcp);
    let command = keys.node("test").and_then(|(node, path)| command(node, &path, report)).map(Question::Command);
    let asked: Vec<Question> = [http, tcp, command].into_iter().flatten().collect();
    if asked.len() > 1 {
        report.refuse("conflict", &path, "one of test, httpGet and tcpPort");
    }
    Some(Check {
        question: asked.into_iter().next().unwrap_or_default(),
        interval: duration(&keys, "interval", report),
        timeout: duration(&keys, "timeout", report),
        retries: keys.number("retries", 1..=i64::from(i32::MAX), report),
        start_period: duration(&keys, "startPeriod", report),
    })
}

fn http(node: &Node, path: &Path, report: &mut Report) -> Option<Question> {
    let keys = Keys::open(Some(node), path, &["path", "port"], report);
    let target = keys.text("path", report).unwrap_or_else(|| "/".to_owned());
    let port = keys.number("port", 1..=65535, report).and_then(|port| u16::try_from(port).ok());
    if keys.node("port").is_none() {
        report.refuse("missing", path, "port is missing");
    }
    Some(Question::Http { path: target, port: port? })
}

/// A shell's line, or a list of words, which may begin as that of a healthcheck does.
pub fn command(node: &Node, path: &Path, report: &mut Report) -> Option<Vec<String>> {
    let shell = |line: String| vec!["/bin/sh".to_owned(), "-c".to_owned(), line];
    let Some(items) = node.as_sequence() else { return text(node, path, report).map(shell) };
    let mut words: Vec<String> = items.iter().enumerate().filter_map(|(index, item)| text(item, &path.index(index), report)).collect();
    match words.first().map(String::as_str) {
        None => {
            report.refuse("invalid-value", path, "the command is empty");
            None
        }
        Some("CMD-SHELL") => Some(shell(words.split_off(1).join(" "))),
        Some("CMD") => Some(words.split_off(1)),
        Some(_) => Some(words),
    }
}

fn duration(keys: &Keys, key: &str, report: &mut Report) -> Option<Duration> {
    let (_, path) = keys.node(key)?;
    let text = keys.text(key, report)?;
    let found = parse_duration(&text);
    if found.is_none() {
        report.refuse("invalid-duration", &path, format!("{text:?} is not {}", units::DURATION_WANTED));
    }
    found
}

/// A Compose duration that is not negative.
pub fn parse_duration(text: &str) -> Option<Duration> {
    units::duration(text).and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).map(Duration::from_nanos)
}

impl Check {
    /// The probe. `healthcheck`: that of the service's own; `None`: there is none to ask.
    pub fn probe(&self, healthcheck: Option<&Probe>) -> Option<Probe> {
        let mut probe = match &self.question {
            Question::Healthcheck => healthcheck?.clone(),
            Question::Command(words) => {
                let command = words.iter().map(|word| doubled(word)).collect();
                Probe { exec: Some(ExecAction { command: Some(command) }), ..usual() }
            }
            Question::Http { path, port } => {
                let get = HTTPGetAction {
                    path: Some(path.clone()),
                    port: IntOrString::Int(i32::from(*port)),
                    scheme: Some("HTTP".to_owned()),
                    ..HTTPGetAction::default()
                };
                Probe { http_get: Some(get), ..usual() }
            }
            Question::Tcp(port) => {
                let socket = TCPSocketAction { port: IntOrString::Int(i32::from(*port)), host: None };
                Probe { tcp_socket: Some(socket), ..usual() }
            }
        };
        probe.period_seconds = self.interval.map(seconds).or(probe.period_seconds);
        probe.timeout_seconds = self.timeout.map(seconds).or(probe.timeout_seconds);
        probe.failure_threshold = self.retries.map(|n| i32::try_from(n).unwrap_or(i32::MAX)).or(probe.failure_threshold);
        probe.initial_delay_seconds = self.start_period.filter(|d| !d.is_zero()).map(seconds).or(probe.initial_delay_seconds);
        Some(probe)
    }
}

/// As often as Compose asks, but not as patiently: a port answers at once or not at all.
fn usual() -> Probe {
    Probe { period_seconds: Some(30), timeout_seconds: Some(5), failure_threshold: Some(3), ..Probe::default() }
}

fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole.max(1)).unwrap_or(i32::MAX)
}

//! The end of a container, and the steps around its life: `stop_grace_period`, `stop_signal`, `post_start`, `pre_stop`.
//!
//! A container has one handler of each kind, so several steps are chained by a shell. Kubernetes expands nothing in handlers: no `$` is doubled
//! here.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ExecAction, Lifecycle, LifecycleHandler, SleepAction};

use crate::compose::diagnostic::closest;
use crate::compose::model::{Hook, Service};
use crate::compose::path::Path;

use super::object::Kind;
use super::report::Report;
use super::stack::Stack;

/// Compose's `stop_grace_period`.
const GRACE: Duration = Duration::from_secs(10);
/// Seconds between the end of a pod's endpoints and the end of its process.
const DRAIN: i64 = 3;
/// Where a container sees processes of others, the first is none of its own: the container's own is the oldest that has its mounts.
const FIND: &str = r#"p=; for d in /proc/[1-9]*; do [ $d/ns/mnt -ef /proc/self/ns/mnt ] && { [ -z "$p" ] || [ ${d#/proc/} -lt $p ]; } && p=${d#/proc/}; done; "#;

/// Seconds, rounded up, at least 1.
pub fn grace(service: &Service) -> i64 {
    let grace = service.stop_grace_period.unwrap_or(GRACE);
    let whole = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    i64::try_from(whole.max(1)).unwrap_or(i64::MAX)
}

/// The handlers of a container, and the seconds that what is ours in them adds to the grace.
pub fn lifecycle(stack: &Stack, key: &str, service: &Service, kind: Kind, path: &Path, report: &mut Report) -> (Option<Lifecycle>, i64) {
    let runs_on = !matches!(kind, Kind::Job | Kind::CronJob);
    let signal = stop_signal(service, path, report).filter(|_| runs_on);
    let sees_others = stack.shares_processes(key) || service.pid.as_deref() == Some("host");
    let (find, process) = if sees_others { (FIND, "$p") } else { ("", "1") };
    let script = signal
        .map(|signal| format!("sleep {DRAIN}; {find}kill -{signal} {process}; while kill -0 {process} 2>/dev/null; do sleep 1; done"));
    let steps = handler(service, &service.pre_stop, script.as_deref(), &path.key("pre_stop"), report);
    let sleep = || LifecycleHandler { sleep: Some(SleepAction { seconds: DRAIN }), ..LifecycleHandler::default() };
    let drains = script.is_some() || (steps.is_none() && runs_on && stack.has_network(key));
    let lifecycle = Lifecycle {
        post_start: handler(service, &service.post_start, None, &path.key("post_start"), report),
        pre_stop: steps.or_else(|| drains.then(sleep)),
        stop_signal: None,
    };
    ((lifecycle != Lifecycle::default()).then_some(lifecycle), if drains { DRAIN } else { 0 })
}

/// A signal other than the one that containers get anyway, without `SIG`.
fn stop_signal(service: &Service, path: &Path, report: &mut Report) -> Option<String> {
    const SIGNALS: [&str; 20] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "WINCH",
    ];
    let written = service.stop_signal.as_deref().filter(|signal| !signal.is_empty())?;
    let path = path.key("stop_signal");
    let upper = written.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number = name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    if !number && !SIGNALS.contains(&name) && !name.starts_with("RTM") {
        let close = closest(name, SIGNALS).map(|close| format!(", did you mean \"SIG{close}\"?")).unwrap_or_default();
        report.refuse("stop-signal", &path, format!("{written:?} is not a signal{close}"));
        return None;
    }
    if matches!(name, "TERM" | "15") {
        return None;
    }
    report.warn(
        "stop-signal",
        &path,
        format!("{written} is sent by a shell in the container before it is stopped; an image without /bin/sh gets SIGTERM"),
    );
    Some(name.to_owned())
}

/// The handler of some steps, and of a script that follows them. `None`: there is nothing to do.
fn handler(service: &Service, hooks: &[Hook], then: Option<&str>, path: &Path, report: &mut Report) -> Option<LifecycleHandler> {
    for (index, hook) in hooks.iter().enumerate() {
        let path = path.index(index);
        let user = hook.user.as_deref().filter(|user| !user.is_empty());
        if user.is_some() && user != service.user.as_deref() {
            report.refuse("hook-user", &path.key("user"), "a step runs as the container's own user");
        }
        if hook.privileged && !service.privileged {
            report.refuse("hook-rights", &path.key("privileged"), "a step has the container's own rights");
        }
    }
    let command = match (hooks, then) {
        ([], None) => return None,
        ([hook], None) if is_plain(hook) => hook.command.clone(),
        _ => {
            let steps = hooks.iter().map(script).chain(then.map(str::to_owned));
            let steps = std::iter::once("set -e".to_owned()).filter(|_| !hooks.is_empty()).chain(steps);
            vec!["/bin/sh".to_owned(), "-c".to_owned(), steps.collect::<Vec<_>>().join("; ")]
        }
    };
    Some(LifecycleHandler { exec: Some(ExecAction { command: Some(command) }), ..LifecycleHandler::default() })
}

fn is_plain(hook: &Hook) -> bool {
    hook.working_dir.as_deref().is_none_or(str::is_empty) && hook.environment.is_empty()
}

/// One step in a subshell of its own, so that its directory and variables end with it.
fn script(hook: &Hook) -> String {
    let directory = hook.working_dir.as_deref().filter(|directory| !directory.is_empty());
    let directory = directory.map_or_else(String::new, |directory| format!("cd {}; ", quoted(directory)));
    let variables = hook.environment.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
    let words: Vec<String> = variables.chain(hook.command.iter().cloned()).map(|word| quoted(&word)).collect();
    let env = if hook.environment.is_empty() { "" } else { "env " };
    format!("({directory}exec {env}{})", words.join(" "))
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@+-=,:".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        for (word, expected) in [("a", "a"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$x", "'$x'"), ("", "''")] {
            assert_eq!(quoted(word), expected);
        }
    }
}

//! `kubectl compose exec`: a command in a service's container.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cluster::session::exec::{End, Streams};

use super::containers::of_pods;
use super::{replicas, terminal};

/// Exit codes of docker: what can't be started, and what isn't there.
const NOT_STARTED: u8 = 126;
const NOT_FOUND: u8 = 127;

#[derive(Args, Debug, Default)]
pub struct Flags {
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The command and its arguments.
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// Let the command run in the background; needs a shell in the container.
    #[arg(short, long)]
    pub detach: bool,
    /// A variable for the command, KEY=VALUE or KEY of this environment, repeatable; needs `env` in the container.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// The replica by its age, from 1; default is the oldest that is ready.
    #[arg(long, value_name = "N")]
    pub index: Option<usize>,
    /// No terminal, also where there is one.
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Accepted: standard input is always connected.
    #[arg(short, long, hide = true)]
    pub interactive: bool,
    /// Accepted: there is a terminal where standard input and output are one.
    #[arg(short, long, hide = true)]
    pub tty: bool,
    /// Refused: Kubernetes runs commands with the container's own rights.
    #[arg(long)]
    pub privileged: bool,
    /// Refused: Kubernetes runs commands as the container's own user.
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// The directory to run the command in; needs a shell in the container.
    #[arg(short, long, value_name = "DIRECTORY")]
    pub workdir: Option<String>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Runs the command; its exit code is the verb's.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let reason = "Kubernetes runs commands with the user and the rights that the container has";
    if flags.privileged {
        return Err(Error::Impossible { flag: "--privileged", reason });
    }
    if flags.user.is_some() {
        return Err(Error::Impossible { flag: "--user", reason });
    }
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let pods = target.session.pods(&target.name).await?;
    let container = replicas::running(&stack, &of_pods(&pods), &flags.service, flags.index, Timestamp::now())?;
    let tty = !flags.no_tty && !flags.detach && terminal::is_there();
    let streams = Streams { stdin: !flags.detach, tty };
    let command = command(flags, |name| around.environment.get(name).cloned());
    let process = target.session.exec(container.pod_name(), &container.spec.name, &command, streams).await?;
    Ok(exit_code(terminal::show(process, tty).await?))
}

/// The exit code of a program, or of the attempt to start it, which is told.
pub fn exit_code(end: End) -> ExitCode {
    match end {
        // Linux has no others.
        End::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        End::Failed(message) => {
            let (code, words) = failure(&message);
            eprintln!("error: {words}");
            ExitCode::from(code)
        }
    }
}

/// What a runtime says of a program that it couldn't start is in its last words.
fn failure(message: &str) -> (u8, &str) {
    const BEFORE: &str = "unable to start container process: ";
    let words = message.rfind(BEFORE).map_or(message, |at| &message[at + BEFORE.len()..]);
    let words = words.trim_end_matches(": unknown");
    let is_missing = ["executable file not found", "no such file or directory"].iter().any(|missing| words.contains(missing));
    match message.contains(BEFORE) {
        true if is_missing => (NOT_FOUND, words),
        true => (NOT_STARTED, words),
        false => (1, words),
    }
}

/// The command, with what Kubernetes has no words for put before it.
fn command(flags: &Flags, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if let Some(directory) = &flags.workdir {
        before(&["sh", "-c", r#"cd -- "$1" || exit 126; shift; exec "$@""#, "sh", directory]);
    }
    if flags.detach {
        before(&["sh", "-c", r#""$@" </dev/null >/dev/null 2>&1 &"#, "sh"]);
    }
    if !flags.env.is_empty() {
        before(&["env"]);
        let own = |name: &String| value(name).map(|value| format!("{name}={value}"));
        words.extend(flags.env.iter().filter_map(|variable| if variable.contains('=') { Some(variable.clone()) } else { own(variable) }));
    }
    words.extend(flags.command.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn words(line: &[&str]) -> Vec<String> {
        let line = Line::try_parse_from(["exec"].iter().chain(line)).unwrap_or_else(|error| panic!("{error}"));
        command(&line.flags, |name| (name == "HOME").then(|| "/root".to_owned()))
    }

    #[test]
    fn flags_after_the_command_are_the_commands() {
        assert_eq!(words(&["-T", "web", "ls", "-e", "A", "--index", "2"]), ["ls", "-e", "A", "--index", "2"]);
        assert_eq!(words(&["web", "--", "ls"]), ["ls"]);
    }

    #[test]
    fn directory_and_variables_come_before_the_command() {
        let found = words(&["-w", "/srv", "-e", "A=b c", "-e", "HOME", "-e", "UNKNOWN", "web", "printenv", "A"]);
        assert_eq!(found[..2], ["sh", "-c"]);
        assert_eq!(found[3..], ["sh", "/srv", "env", "A=b c", "HOME=/root", "printenv", "A"]);
    }

    #[test]
    fn programs_that_cannot_be_started_have_dockers_exit_codes() {
        let oci = |words: &str| format!("error executing: exec failed: unable to start container process: {words}: unknown");
        let missing = r#"exec: "nope": executable file not found in $PATH"#;
        assert_eq!(failure(&oci(missing)), (NOT_FOUND, missing));
        let denied = r#"exec: "/etc/passwd": permission denied"#;
        assert_eq!(failure(&oci(denied)), (NOT_STARTED, denied));
        assert_eq!(failure("the connection was closed"), (1, "the connection was closed"));
    }
}

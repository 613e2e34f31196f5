//! `kubectl compose logs`: what the stack's containers say.

mod follow;
mod lines;
mod printer;
mod reader;
mod when;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::io::AsyncWrite;
use tokio::sync::Mutex;

use crate::cli::args::{ClusterFlagsInWords, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

use super::containers::{Container, of_pods};
use super::{INTERRUPTED, known, replicas};
pub use follow::{Wanted, follow};
pub use lines::Lines;
pub use printer::{Printer, Style};
pub use reader::{Reader, Runs, Shared};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services whose logs to print; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Print what comes too, also of containers that come later, until the stack is gone.
    #[arg(short, long)]
    pub follow: bool,
    /// The replica by its age, from 1; of one service.
    #[arg(long, value_name = "N")]
    pub index: Option<usize>,
    /// Lines from the end of each container's log, or all.
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail)]
    pub tail: Tail,
    /// Only lines since a time (2026-01-31T13:23:37Z; without a zone in UTC), or for so long (42m).
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub since: Option<Timestamp>,
    /// Only lines before a time (2026-01-31T13:23:37Z; without a zone in UTC), or before so long (42m).
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub until: Option<Timestamp>,
    /// Print each line's time.
    #[arg(short, long)]
    pub timestamps: bool,
    #[arg(long)]
    pub no_color: bool,
    /// Don't print whose each line is.
    #[arg(long)]
    pub no_log_prefix: bool,
    #[command(flatten)]
    pub cluster: ClusterFlagsInWords,
}

/// How many lines; none is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail(Option<u32>);

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" | "-1" => Ok(Tail(None)),
        _ => text.parse().map(|lines| Tail(Some(lines))).map_err(|_| "expected a number, or all".to_owned()),
    }
}

fn when(text: &str) -> Result<Timestamp, String> {
    when::parse(text, Timestamp::now())
}

/// Prints the logs.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster.flags(), around).await?;
    let stack = target.stack().await?;
    let pods = target.session.pods(&target.name).await?;
    let containers = of_pods(&pods);
    known::check(&stack, &flags.service)?;
    let wanted = Wanted {
        services: flags.service.clone(),
        pods: flags.index.map(|index| replica(&containers, &flags.service, index)).transpose()?.map(|name| BTreeSet::from([name])),
        since: flags.since,
        until: flags.until,
        tail: flags.tail.0,
        tailed: None,
    };
    let printer = Arc::new(Mutex::new(Printer::new(tokio::io::stdout(), style(flags.no_color, flags.no_log_prefix, flags.timestamps))));
    let remaining = flags.until.map(|until| until.duration_since(Timestamp::now()));
    let result = match remaining.map(Duration::try_from) {
        _ if !flags.follow => print(&target, &containers, &wanted, &printer).await,
        Some(Err(_)) => print(&target, &containers, &wanted, &printer).await,
        remaining => {
            let end = async {
                match remaining {
                    Some(Ok(remaining)) => tokio::time::sleep(remaining).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                followed = follow(&target.session, &target.name, &wanted, &printer) => followed,
                () = end => Ok(()),
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(INTERRUPTED)),
            }
        }
    };
    match result {
        // The reader has seen enough, as `head` has.
        Err(Error::Output(output::Error::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.map(|()| ExitCode::SUCCESS),
    }
}

/// Name of the pod that is a service's replica of this number.
fn replica(containers: &[Container<'_>], services: &[String], index: usize) -> Result<String, Error> {
    let [service] = services else { return Err(Error::IndexOfMany) };
    Ok(replicas::nth(containers, service, index)?.pod_name().to_owned())
}

/// How lines look on this process's standard output.
pub fn style(no_color: bool, no_log_prefix: bool, timestamps: bool) -> Style {
    let no_color = no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style { prefix: !no_log_prefix, color: !no_color && io::stdout().is_terminal(), timestamps }
}

/// Prints what there is, one container after the other.
async fn print<W>(target: &Target, containers: &[Container<'_>], wanted: &Wanted, printer: &Shared<W>) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    let mut readers = Vec::new();
    for container in containers.iter().filter(|container| wanted.includes(container)) {
        // All names are known before the first line, so that all lines are aligned.
        readers.push(wanted.reader(&target.session, container, printer).await);
    }
    let mut result = Ok(());
    for (reader, _runs) in readers {
        match reader.once().await {
            // What others say is worth having where one's log is lost.
            Err(error @ Error::Cluster(_)) => result = result.and(Err(error)),
            other => other?,
        }
    }
    result
}

//! Verbs that ask a cluster: a file for each, with its flags.

mod containers;
mod down;
mod events;
mod exec;
mod forward;
mod images;
mod known;
mod logs;
mod ls;
mod overrides;
mod port;
mod progress;
mod ps;
mod replicas;
mod restart;
mod run;
mod scale;
mod settle;
mod start;
mod stop;
mod terminal;
mod up;
mod volumes;
mod wait;
mod why;
mod write;

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use super::args::GlobalFlags;
use super::error::Error;
use super::project::Surroundings;

/// Exit code of a verb that Ctrl-C has ended, as a shell has it.
const INTERRUPTED: u8 = 130;

#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Make the stack what the project says, and wait until it runs.
    Up(Box<up::Flags>),
    /// Remove the stack; its volumes stay unless -v is given.
    Down(down::Flags),
    /// Stop containers; objects and data stay.
    Stop(stop::Flags),
    /// Start what was stopped.
    Start(start::Flags),
    /// Restart containers.
    Restart(restart::Flags),
    /// Set the number of a service's containers.
    Scale(scale::Flags),
    /// Wait until services have ended, and give their exit codes.
    Wait(wait::Flags),
    /// List the stack's containers.
    Ps(ps::Flags),
    /// List stacks.
    Ls(ls::Flags),
    /// Print where a published port answers.
    Port(port::Flags),
    /// Print what the stack's containers say.
    Logs(logs::Flags),
    /// Run a command in a service's container.
    Exec(exec::Flags),
    /// Run a command in a container of its own, made as a service's.
    Run(run::Flags),
    /// Forward ports of this machine to a service.
    Forward(forward::Flags),
    /// List the images of the stack's containers.
    Images(images::Flags),
    /// List the stack's volumes.
    Volumes(volumes::Flags),
    /// Print what happens to the stack from now on.
    Events(events::Flags),
    /// Say why a service is as it is.
    Why(why::Flags),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// Carries out a verb.
///
/// # Errors
/// Where the project can't be found, the cluster refuses, or what is asked for isn't there.
pub fn run(verb: &Verb, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let result = runtime.block_on(async {
        match verb {
            Verb::Up(flags) => Box::pin(up::run(flags, global, around)).await,
            Verb::Down(flags) => down::run(flags, global, around).await,
            Verb::Stop(flags) => stop::run(flags, global, around).await,
            Verb::Start(flags) => start::run(flags, global, around).await,
            Verb::Restart(flags) => restart::run(flags, global, around).await,
            Verb::Scale(flags) => scale::run(flags, global, around).await,
            Verb::Wait(flags) => wait::run(flags, global, around).await,
            Verb::Ps(flags) => ps::run(flags, global, around).await,
            Verb::Ls(flags) => ls::run(flags, global).await,
            Verb::Port(flags) => port::run(flags, global, around).await,
            Verb::Images(flags) => images::run(flags, global, around).await,
            Verb::Volumes(flags) => volumes::run(flags, global, around).await,
            Verb::Events(flags) => events::run(flags, global, around).await,
            Verb::Why(flags) => why::run(flags, global, around).await,
            Verb::Logs(flags) => logs::run(flags, global, around).await,
            Verb::Exec(flags) => exec::run(flags, global, around).await,
            Verb::Run(flags) => Box::pin(run::run(flags, global, around)).await,
            Verb::Forward(flags) => forward::run(flags, global, around).await,
        }
    });
    // Nobody waits for a write that the reader of standard output doesn't take.
    runtime.shutdown_background();
    result
}

/// Whether a service is among those that are named; none named is all.
fn is_asked_for(named: &[String], service: &str) -> bool {
    named.is_empty() || named.iter().any(|name| name == service)
}

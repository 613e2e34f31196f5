//! Verbs that ask a cluster: a file for each, with its flags.

mod containers;
mod events;
mod images;
mod ls;
mod port;
mod ps;
mod volumes;
mod why;

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use super::args::Arguments;
use super::error::Error;
use super::project::Surroundings;

/// Exit code of a verb that Ctrl-C has ended, as a shell has it.
const INTERRUPTED: u8 = 130;

#[derive(Subcommand, Debug)]
pub enum Verb {
    /// List the stack's containers.
    Ps(ps::Flags),
    /// List stacks.
    Ls(ls::Flags),
    /// Print where a published port answers.
    Port(port::Flags),
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
pub fn run(verb: &Verb, arguments: &Arguments, around: &Surroundings) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        match verb {
            Verb::Ps(flags) => ps::run(flags, arguments, around).await,
            Verb::Ls(flags) => ls::run(flags, arguments).await,
            Verb::Port(flags) => port::run(flags, arguments, around).await,
            Verb::Images(flags) => images::run(flags, arguments, around).await,
            Verb::Volumes(flags) => volumes::run(flags, arguments, around).await,
            Verb::Events(flags) => events::run(flags, arguments, around).await,
            Verb::Why(flags) => why::run(flags, arguments, around).await,
        }
    })
}

/// Whether a service is among those that are named; none named is all.
fn is_asked_for(named: &[String], service: &str) -> bool {
    named.is_empty() || named.iter().any(|name| name == service)
}

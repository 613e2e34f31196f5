//! `kubectl compose stop`: ends containers; objects and data stay.

use std::process::ExitCode;

use clap::Args;

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

use super::progress::{Awaited, Goal};
use super::settle::{Patience, settle};
use super::{known, overrides, write};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to stop; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Seconds that the cluster is asked to give containers to end; default is their stop_grace_period.
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Stops services, and waits until their containers have ended.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let written = write::edit(&target, |stack, spec| {
        known::check(stack, &flags.service)?;
        overrides::stop(spec, &flags.service);
        Ok(())
    })
    .await?;
    let awaited = Awaited::of(&written.stack, flags.service.clone(), Goal::Stopped);
    settle(&target, written.stack, &awaited, Patience { grace: flags.timeout, timeout: None }).await?.end.code()
}

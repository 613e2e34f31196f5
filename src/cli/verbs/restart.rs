//! `kubectl compose restart`: new containers for services, one after the other as their update_config says.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

use super::progress::{Awaited, Goal};
use super::settle::{Patience, settle};
use super::start::Begun;
use super::{known, overrides, write};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to restart; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Refused: what the file restarts with a service (`depends_on.*.restart`) the operator restarts.
    #[arg(long)]
    pub no_deps: bool,
    /// Seconds that the cluster is asked to give containers to end; default is their stop_grace_period.
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Restarts services, also those that were stopped, and waits until they run.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    if flags.no_deps {
        let why = "what the file restarts with a service (depends_on.*.restart) the operator restarts, whoever restarts that service";
        return Err(Error::Flag { flag: "no-deps", why });
    }
    let target = Target::of(global, &flags.cluster, around).await?;
    let begun = Begun::of(&target, &flags.service, false).await?;
    let now = Timestamp::now();
    let written = write::edit(&target, |stack, spec| {
        known::check(stack, &flags.service)?;
        begun.start(stack, spec);
        for service in known::services(stack).iter().filter(|service| super::is_asked_for(&flags.service, service)) {
            overrides::restart(spec, service, now);
        }
        Ok(())
    })
    .await?;
    let awaited = Awaited::of(&written.stack, flags.service.clone(), Goal::Running);
    settle(&target, written.stack, &awaited, Patience { grace: flags.timeout, timeout: None }).await?.end.code()
}

//! `kubectl compose start`: starts again what was stopped.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;

use crate::api::ComposeStack;
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

use super::overrides::Spec;
use super::progress::{Awaited, Goal};
use super::settle::{Patience, settle};
use super::{known, overrides, write};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to start, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Accepted: it waits in any case.
    #[arg(long)]
    pub wait: bool,
    /// Seconds that are waited at most.
    #[arg(long, value_name = "SECONDS")]
    pub wait_timeout: Option<u64>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Starts services, and waits until they run.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let begun = Begun::of(&target, &flags.service, true).await?;
    let written = write::edit(&target, |stack, spec| {
        known::check(stack, &flags.service)?;
        begun.start(stack, spec);
        Ok(())
    })
    .await?;
    let awaited = Awaited::of(&written.stack, begun.services, Goal::Running);
    settle(&target, written.stack, &awaited, Patience { timeout: flags.wait_timeout, grace: None }).await?.end.code()
}

/// What a start begins with.
pub struct Begun {
    /// The services that are started; all where there is none.
    pub services: Vec<String>,
    /// The services of the stack's files.
    of_files: BTreeSet<String>,
}

impl Begun {
    /// The services, and those that they depend on where that is asked for and can be read.
    ///
    /// # Errors
    /// Where there is no stack, or no such service; where the cluster refuses.
    pub async fn of(target: &Target, asked: &[String], with_dependencies: bool) -> Result<Self, Error> {
        if asked.is_empty() {
            return Ok(Self { services: Vec::new(), of_files: BTreeSet::new() });
        }
        let stack = target.stack().await?;
        known::check(&stack, asked)?;
        let Some(project) = known::project(&target.session, &stack).await else {
            return Ok(Self { services: asked.to_vec(), of_files: BTreeSet::new() });
        };
        let services = if with_dependencies { known::with_dependencies(&project, asked) } else { asked.to_vec() };
        Ok(Self { services, of_files: project.services.keys().cloned().collect() })
    }

    /// Writes it into the spec.
    pub fn start(&self, stack: &ComposeStack, spec: &mut Spec) {
        if self.services.is_empty() {
            overrides::start_all(spec);
            return;
        }
        let known: BTreeSet<String> = known::services(stack).union(&self.of_files).cloned().collect();
        overrides::start(spec, &self.services, &known);
    }
}

//! `kubectl compose up`: packs the project, and makes the stack so.

mod attached;
mod beside;
mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use clap::{ArgAction, Args};
use jiff::Timestamp;

use crate::cli::args::{ClusterFlags, GlobalFlags, StackFlags};
use crate::cli::bundle::{self, Bundle, Judged};
use crate::cli::error::Error;
use crate::cli::pack::{Naming, Packed};
use crate::cli::project::{Found, Surroundings};
use crate::cli::target::Target;
use crate::cli::{loading, output};
use crate::cluster::session::Session;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::sources::{Options, Sources};
use crate::compose::{self, Loaded};
use crate::translate::Settings;

use super::progress::{Awaited, Goal, line};
use super::scale::number;
use super::settle::{Patience, settle};
use super::write::{self, How, Written};
use attached::{Listening, LogFlags};
use change::{Change, Started};

/// docker compose's flags, and those of the stack.
#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to start, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Leave the services alone once they run, instead of printing what they say.
    #[arg(short, long)]
    pub detach: bool,
    /// The same: it waits in any case until they run.
    #[arg(long)]
    pub wait: bool,
    /// Seconds that are waited at most.
    #[arg(long, value_name = "SECONDS")]
    pub wait_timeout: Option<u64>,
    /// Number of a service's containers instead of the file's, repeatable.
    #[arg(long, value_name = "SERVICE=NUM", value_parser = number)]
    pub scale: Vec<(String, i32)>,
    /// New containers also for services that haven't changed.
    #[arg(long)]
    pub force_recreate: bool,
    /// With --force-recreate, also for what the named services depend on.
    #[arg(long)]
    pub always_recreate_deps: bool,
    /// Make what is new without starting it.
    #[arg(long)]
    pub no_start: bool,
    /// Start the named services alone.
    #[arg(long)]
    pub no_deps: bool,
    /// Seconds that the cluster is asked to give containers to end that are replaced; default is their stop_grace_period.
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    #[command(flatten)]
    pub logs: LogFlags,
    #[command(flatten)]
    pub elsewhere: Elsewhere,
    #[command(flatten)]
    pub stack: StackFlags,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// docker compose's flags that a cluster has no use for.
#[derive(Args, Debug, Default)]
pub struct Elsewhere {
    /// Accepted: what left the file is always removed.
    #[arg(long)]
    pub remove_orphans: bool,
    /// Accepted: anonymous volumes are as new as their pods, but for those that services share.
    #[arg(short = 'V', long)]
    pub renew_anon_volumes: bool,
    /// Accepted: nothing is built here.
    #[arg(long)]
    pub no_build: bool,
    /// Accepted: nothing is built here.
    #[arg(long)]
    pub quiet_build: bool,
    /// Accepted: nodes pull without a word.
    #[arg(long)]
    pub quiet_pull: bool,
    /// Accepted: there is nothing to confirm.
    #[arg(short, long)]
    pub yes: bool,
    /// Accepted where it says what holds anyway: policy, missing, if_not_present. Nodes pull as pull_policy in the file says.
    #[arg(long, value_name = "POLICY")]
    pub pull: Option<String>,
    /// Accepted: there is no menu.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub menu: Option<bool>,
    /// Refused: images are built elsewhere.
    #[arg(long)]
    pub build: bool,
    /// Refused: what has changed is rolled out.
    #[arg(long)]
    pub no_recreate: bool,
    /// Refused: the cluster goes on when a container ends; see wait.
    #[arg(long)]
    pub abort_on_container_exit: bool,
    /// Refused: the cluster goes on when a container ends; see wait.
    #[arg(long)]
    pub abort_on_container_failure: bool,
    /// Refused: the cluster goes on when a container ends; see wait.
    #[arg(long, value_name = "SERVICE")]
    pub exit_code_from: Option<String>,
    /// Refused: images are built elsewhere.
    #[arg(short, long)]
    pub watch: bool,
}

impl Elsewhere {
    fn check(&self) -> Result<(), Error> {
        let goes_on = "a cluster goes on when a container ends: `kubectl compose wait SERVICE` gives its exit code, with --down-project the rest ends too";
        let built = "images are built and pushed elsewhere: nodes can only pull them";
        let pull = self.pull.as_deref().is_some_and(|policy| !matches!(policy, "policy" | "missing" | "if_not_present"));
        let refused = [
            (self.build, "build", built),
            (self.watch, "watch", built),
            (pull, "pull", "nodes pull as `pull_policy` in the file says"),
            (self.no_recreate, "no-recreate", "what has changed is rolled out; what hasn't stays as it is anyway"),
            (self.abort_on_container_exit, "abort-on-container-exit", goes_on),
            (self.abort_on_container_failure, "abort-on-container-failure", goes_on),
            (self.exit_code_from.is_some(), "exit-code-from", goes_on),
        ];
        let refused = refused.into_iter().find(|(given, ..)| *given);
        refused.map_or(Ok(()), |(_, flag, why)| Err(Error::Flag { flag, why }))
    }
}

/// Makes the stack so, and waits until it is.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    flags.elsewhere.check()?;
    let mut found = loading::find(&global.project, around)?;
    let asked = asked_for(&mut found, flags)?;
    // What the administrator allows the operator knows.
    let judged = Judged { settings: &Settings::default(), policy_is_known: false };
    let Bundle { project, packed } = bundle::pack(&found, &flags.stack, Naming::ByContent, judged)?;
    let services: BTreeSet<String> = project.services.keys().cloned().collect();
    let scale: BTreeMap<String, i32> = flags.scale.iter().cloned().collect();
    if let Some(unknown) = scale.keys().find(|service| !services.contains(*service)) {
        return Err(output::Error::NoService(unknown.clone()).into());
    }
    if services.is_empty() {
        return Err(Error::NoServices);
    }

    let name = packed.stack.metadata.name.clone().unwrap_or_default();
    let target = Target { session: Session::open(&flags.cluster.access(&global.cluster)).await?, name };
    let change = Change {
        packed: &packed.stack.spec,
        inactive: &project.inactive,
        services: &services,
        started: match &asked {
            None => Started::All,
            Some(asked) => Started::These(asked),
        },
        recreated: recreated(flags, asked.as_deref()),
        no_start: flags.no_start,
        scale: &scale,
        now: Timestamp::now(),
    };
    let is_attached = !flags.detach && !flags.wait && !flags.no_start;
    let heard = flags.logs.services(&project, &flags.service)?;
    let before = if is_attached { attached::pods_of(&target.session, &target.name).await? } else { BTreeSet::new() };
    let (brought, written) = match bring_and_write(&target, &packed, &change).await {
        Ok(done) => done,
        Err(error) => {
            // What was brought for nothing goes again; what keeps it from that keeps nobody from the reason.
            let _ = beside::tidy(&target, &target.session.stack(&target.name).await?.unwrap_or_default()).await;
            return Err(error);
        }
    };
    let how = match written.how {
        How::Created => "Created",
        How::Updated => "Updated",
        How::Unchanged => "Up to date",
    };
    output::say(line("Stack", &target.name, how));
    beside::own(&target, &packed, &written.stack).await?;

    let goal = if flags.no_start { Vec::new() } else { asked.unwrap_or_default() };
    let mended = written.stack.metadata.resource_version.clone().filter(|_| brought);
    let awaited = Awaited { mended, ..Awaited::of(&written.stack, goal, Goal::Running) };
    let patience = Patience { timeout: flags.wait_timeout, grace: flags.timeout };
    if is_attached {
        let listening = Listening { services: heard, before };
        return Box::pin(attached::run(&target, written.stack, &awaited, patience, &flags.logs, listening)).await;
    }
    let settled = settle(&target, written.stack, &awaited, patience).await?;
    if awaited.is_observed(&settled.stack) {
        beside::tidy(&target, &settled.stack).await?;
    }
    settled.end.code()
}

/// Makes what the stack is to name, if it isn't there, and then the stack; whether something was made for it.
async fn bring_and_write(target: &Target, packed: &Packed, change: &Change<'_>) -> Result<(bool, Written), Error> {
    let owner = target.session.stack(&target.name).await?;
    let brought = beside::bring(target, packed, owner.as_ref()).await?;
    let written = write::write(target, |stack, spec| {
        change.make(stack, spec);
        Ok(())
    })
    .await?;
    Ok((brought, written))
}

/// The services that are asked for with those that they depend on; none where all are. They bring their profiles along.
fn asked_for(found: &mut Found, flags: &Flags) -> Result<Option<Vec<String>>, Error> {
    if flags.service.is_empty() {
        return Ok(None);
    }
    let options = Options { services: flags.service.clone(), read_mounted: false, resolve_environment: false, ..found.options.clone() };
    let sources = Sources { files: &found.disk, compose_files: found.compose_files.clone(), variables: found.variables.clone() };
    let Loaded { project, diagnostics, map } = compose::load(&sources, &options);
    let Some(project) = project else {
        loading::tell(&diagnostics.into_iter().filter(Diagnostic::is_error).collect::<Vec<_>>(), &map);
        return Err(Error::Refused);
    };
    let profiles = &mut found.options.profiles;
    for service in flags.service.iter().filter_map(|name| project.services.get(name)) {
        let is_active =
            service.profiles.is_empty() || service.profiles.iter().any(|own| profiles.contains(own) || profiles.iter().any(|p| p == "*"));
        if !is_active {
            profiles.extend(service.profiles.iter().cloned());
        }
    }
    let with_dependencies = !flags.no_deps;
    Ok(Some(if with_dependencies { project.services.keys().cloned().collect() } else { flags.service.clone() }))
}

/// The services that get new containers in any case.
fn recreated(flags: &Flags, asked: Option<&[String]>) -> Option<Vec<String>> {
    if !flags.force_recreate {
        return None;
    }
    Some(if flags.always_recreate_deps { asked.unwrap_or_default().to_vec() } else { flags.service.clone() })
}

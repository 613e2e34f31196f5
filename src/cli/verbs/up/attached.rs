//! `up` without -d: what the containers say, until Ctrl-C stops them or all of them have ended.

use std::collections::BTreeSet;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use crate::api::{ComposeStack, ServiceState, ServiceStatus};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::target::Target;
use crate::cli::verbs::logs::{self, Printer, Wanted};
use crate::cli::verbs::progress::{Awaited, Goal};
use crate::cli::verbs::settle::{End, Patience, Settled, settle};
use crate::cli::verbs::{INTERRUPTED, overrides, write};
use crate::cluster::session::Session;
use crate::compose::model::Project;

use super::beside;

/// How long one listens to containers that have ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How what the containers say looks, and which of them are listened to.
#[derive(Args, Debug, Default)]
pub struct LogFlags {
    /// No colours.
    #[arg(long)]
    pub no_color: bool,
    /// Lines as the containers print them, without the pod's name.
    #[arg(long)]
    pub no_log_prefix: bool,
    /// Show when each line was printed.
    #[arg(long)]
    pub timestamps: bool,
    /// Listen to these services alone, repeatable.
    #[arg(long, value_name = "SERVICE")]
    pub attach: Vec<String>,
    /// Don't listen to these services, repeatable.
    #[arg(long, value_name = "SERVICE")]
    pub no_attach: Vec<String>,
    /// Listen also to what the named services depend on.
    #[arg(long)]
    pub attach_dependencies: bool,
}

impl LogFlags {
    /// The services that are listened to.
    ///
    /// # Errors
    /// Where one is named that isn't there.
    pub fn services(&self, project: &Project, named: &[String]) -> Result<Vec<String>, Error> {
        let given = self.attach.iter().chain(&self.no_attach);
        if let Some(unknown) = given.into_iter().find(|name| !project.services.contains_key(*name)) {
            return Err(output::Error::NoService(unknown.clone()).into());
        }
        let is_heard = |name: &str| match (&self.attach[..], named) {
            ([], []) => true,
            ([], named) => self.attach_dependencies || named.iter().any(|service| service == name),
            (attach, _) => attach.iter().any(|service| service == name),
        };
        let speaks = |name: &str, says: Option<bool>| says != Some(false) || self.attach.iter().any(|service| service == name);
        let heard = project.services.iter().filter(|(name, service)| is_heard(name) && speaks(name, service.attach));
        Ok(heard.map(|(name, _)| name.clone()).filter(|name| !self.no_attach.contains(name)).collect())
    }
}

/// Names of the pods that are there before: only what they say from now on is new.
pub async fn pods_of(session: &Session, stack: &str) -> Result<BTreeSet<String>, Error> {
    let pods = session.pods(stack).await?;
    Ok(pods.into_iter().filter_map(|pod| pod.metadata.name).collect())
}

/// What is listened to.
pub struct Listening {
    pub services: Vec<String>,
    /// Pods that were there before.
    pub before: BTreeSet<String>,
}

/// Prints what the services say while they come up and run.
///
/// # Errors
/// Where none of them comes up, the stack goes, or the API server refuses.
pub async fn run(
    target: &Target,
    written: ComposeStack,
    awaited: &Awaited,
    patience: Patience,
    flags: &LogFlags,
    listening: Listening,
) -> Result<ExitCode, Error> {
    let style = logs::style(flags.no_color, flags.no_log_prefix, flags.timestamps);
    let printer = Arc::new(Mutex::new(Printer::new(tokio::io::stdout(), style)));
    let wanted = Wanted { services: listening.services, tail: Some(0), tailed: Some(listening.before), ..Wanted::default() };
    // None is all, and those that are listened to may be none.
    let is_silent = wanted.services.is_empty();
    let following = async {
        if is_silent { std::future::pending().await } else { logs::follow(&target.session, &target.name, &wanted, &printer).await }
    };
    let living = until_it_ends(target, written, awaited, patience);
    let (mut following, mut living) = (pin!(following), pin!(living));
    // One who listens all the time: no Ctrl-C is lost between two waits.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    let ended = tokio::select! {
        biased;
        _ = interrupts.recv() => End::Interrupted,
        followed = &mut following => return followed.map(|()| ExitCode::SUCCESS),
        ended = &mut living => ended?,
    };
    let end = if matches!(ended, End::Interrupted) {
        output::say("Gracefully stopping... (press Ctrl+C again to leave at once)");
        let stopped = tokio::select! {
            biased;
            _ = interrupts.recv() => End::Interrupted,
            followed = &mut following => return followed.map(|()| ExitCode::from(INTERRUPTED)),
            stopped = stop(target, awaited, patience) => stopped?,
        };
        if matches!(stopped, End::Interrupted) {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        End::Interrupted
    } else {
        ended
    };
    // What they said last may still be on its way.
    if let Ok(followed) = tokio::time::timeout(LAST_WORDS, following).await {
        followed?;
    }
    end.code()
}

/// Waits until the services run, and then until all of them have ended.
async fn until_it_ends(target: &Target, written: ComposeStack, awaited: &Awaited, patience: Patience) -> Result<End, Error> {
    let Settled { stack, end } = settle(target, written, awaited, patience).await?;
    if awaited.is_observed(&stack) {
        beside::tidy(target, &stack).await?;
    }
    match end {
        End::Reached => {}
        // The others go on, as they do with docker compose.
        End::Failed(error) if services(&stack, awaited).any(|service| service.ready > 0) => output::say(format!("error: {error}")),
        end => return Ok(end),
    }
    let mut changes = pin!(target.session.follow_stack(&target.name));
    loop {
        let Some(Some(stack)) = changes.next().await.transpose()? else { return Ok(End::Failed(Error::Gone(target.name.clone()))) };
        if let Some(end) = ended(&stack, awaited) {
            return Ok(end);
        }
    }
}

fn services<'a>(stack: &'a ComposeStack, awaited: &'a Awaited) -> impl Iterator<Item = &'a ServiceStatus> {
    let all = stack.status.iter().flat_map(|status| &status.services);
    all.filter(|service| awaited.services.is_empty() || awaited.services.contains(&service.name))
}

/// How it has ended where no service runs any more, or will again.
fn ended(stack: &ComposeStack, awaited: &Awaited) -> Option<End> {
    let is_over = |service: &ServiceStatus| match service.state {
        ServiceState::Completed | ServiceState::Stopped => true,
        ServiceState::Failed => service.desired == 0 || service.kind == "Job",
        _ => false,
    };
    if !awaited.is_observed(stack) || services(stack, awaited).next().is_none() || !services(stack, awaited).all(is_over) {
        return None;
    }
    let failed = services(stack, awaited).find(|service| service.state == ServiceState::Failed);
    Some(failed.map_or(End::Reached, |service| {
        let message = format!("{}: {}", service.name, service.message.as_deref().unwrap_or("it has failed"));
        End::Failed(Error::Stalled { reason: "ServiceFailed".to_owned(), message })
    }))
}

async fn stop(target: &Target, awaited: &Awaited, patience: Patience) -> Result<End, Error> {
    let written = write::edit(target, |_, spec| {
        overrides::stop(spec, &awaited.services);
        Ok(())
    })
    .await?;
    let stopped = Awaited::of(&written.stack, awaited.services.clone(), Goal::Stopped);
    Ok(settle(target, written.stack, &stopped, Patience { timeout: None, ..patience }).await?.end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus};

    fn stack(states: &[(&str, ServiceState)]) -> ComposeStack {
        let service = |(kind, state): &(&str, ServiceState)| ServiceStatus {
            name: "web".to_owned(),
            kind: (*kind).to_owned(),
            state: *state,
            desired: 1,
            ..ServiceStatus::default()
        };
        let mut stack = ComposeStack::new("shop", ComposeStackSpec::default());
        stack.metadata.generation = Some(1);
        let services = states.iter().map(service).collect();
        stack.status = Some(ComposeStackStatus { observed_generation: Some(1), services, ..ComposeStackStatus::default() });
        stack
    }

    #[track_caller]
    fn check(states: &[(&str, ServiceState)], expected: Option<bool>) {
        let stack = stack(states);
        let end = ended(&stack, &Awaited::of(&stack, Vec::new(), Goal::Running));
        assert_eq!(end.map(|end| matches!(end, End::Reached)), expected);
    }

    #[test]
    fn it_ends_when_no_service_runs_any_more() {
        check(&[], None);
        check(&[("Deployment", ServiceState::Running), ("Job", ServiceState::Completed)], None);
        check(&[("Deployment", ServiceState::Stopped), ("Job", ServiceState::Completed)], Some(true));
        check(&[("Deployment", ServiceState::Completed), ("Job", ServiceState::Failed)], Some(false));
        check(&[("Deployment", ServiceState::Failed)], None);
    }
}

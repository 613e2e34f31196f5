//! `kubectl compose scale`: so many containers of a service.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use crate::api::ComposeStack;
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
    /// Services and their numbers of containers.
    #[arg(value_name = "SERVICE=NUM", required = true, value_parser = number)]
    pub service: Vec<(String, i32)>,
    /// Leave stopped what the services depend on.
    #[arg(long)]
    pub no_deps: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// `web=3`.
///
/// # Errors
/// What is expected instead.
pub fn number(text: &str) -> Result<(String, i32), String> {
    let (service, number) = text.split_once('=').filter(|(service, _)| !service.is_empty()).ok_or("expected SERVICE=NUM")?;
    let number = number.parse().ok().filter(|number| *number >= 0).ok_or_else(|| format!("{number:?} is not a number of containers"))?;
    Ok((service.to_owned(), number))
}

/// Sets the numbers, starts what is wanted and was stopped, and waits until it is so.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let numbers: BTreeMap<String, i32> = flags.service.iter().cloned().collect();
    let started: Vec<String> = numbers.iter().filter(|(_, number)| **number > 0).map(|(service, _)| service.clone()).collect();
    let begun = if started.is_empty() { None } else { Some(Begun::of(&target, &started, !flags.no_deps).await?) };
    let written = write::edit(&target, |stack, spec| {
        known::check(stack, numbers.keys())?;
        check(stack, &started)?;
        if let Some(begun) = &begun {
            begun.start(stack, spec);
        }
        for (service, number) in &numbers {
            overrides::set(spec, service, overrides::REPLICAS, *number);
        }
        Ok(())
    })
    .await?;
    let services = numbers.into_keys().chain(begun.into_iter().flat_map(|begun| begun.services));
    let mut services: Vec<String> = services.collect();
    services.sort();
    services.dedup();
    let awaited = Awaited::of(&written.stack, services, Goal::Running);
    settle(&target, written.stack, &awaited, Patience::default()).await?.end.code()
}

/// A service with one pod on each node has no number.
fn check(stack: &ComposeStack, started: &[String]) -> Result<(), Error> {
    let global = |name: &&String| {
        stack.status.iter().flat_map(|status| &status.services).any(|service| service.name == **name && service.kind == "DaemonSet")
    };
    started.iter().find(global).map_or(Ok(()), |service| Err(Error::Global(service.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_containers_is_read() {
        assert_eq!(number("web=3"), Ok(("web".to_owned(), 3)));
        assert_eq!(number("web=0"), Ok(("web".to_owned(), 0)));
        for wrong in ["web", "=3", "web=", "web=-1", "web=many"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}

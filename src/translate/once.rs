//! Programs that run once in a pod that goes on: guests of a service that is kept running.

use crate::compose::model::{DeployMode, Service};

use super::report::Report;
use super::restart::{self, Restart};
use super::stack::Stack;

/// Whether a service's program runs once.
pub fn runs_once(stack: &Stack, key: &str, service: &Service, restart: Restart) -> bool {
    let mode = service.deploy.as_ref().map(|deploy| deploy.mode).unwrap_or_default();
    let awaited = || restart != Restart::Always && stack.is_awaited(key);
    restart == Restart::No || mode == DeployMode::ReplicatedJob || awaited()
}

/// Whether a program of the pod of this service ends while others of it go on, so that the pod isn't ready any more.
pub fn ends_in_part(stack: &Stack, key: &str) -> bool {
    let host = stack.host(key);
    // What is wrong with a restart policy is told where the kinds are worked out.
    let mut unheard = Report::new(&stack.project.root);
    let mut once = |key: &str| {
        let (key, service, _) = stack.service(key)?;
        let restart = restart::restart(key, service, &mut unheard);
        Some(runs_once(stack, key, service, restart))
    };
    let mut guests = stack.guests(host).peekable();
    guests.peek().is_some() && guests.any(|guest| once(guest) == Some(true)) && once(host) == Some(false)
}

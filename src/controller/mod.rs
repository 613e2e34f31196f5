//! Observe → decide → act → status, for every stack, continuously.

mod act;
mod backoff;
mod context;
pub mod decide;
mod memory;
mod networks;
mod observe;
mod pace;
mod queue;
mod reconcile;
mod revision;
mod run;
pub mod source;
mod translation;

use std::time::Duration;

pub use run::{Election, Error, Options, operate, run};

/// What happens to a stack within this time is one look.
const DEBOUNCE: Duration = Duration::from_millis(20);

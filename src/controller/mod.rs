//! Observe → decide → act → status, for every stack, continuously.

mod act;
mod backoff;
mod context;
pub mod decide;
mod facts;
mod good;
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
mod wanted;

pub use run::{Election, Error, Options, operate, run};

//! The only code that talks to an API server. Every call has a timeout.

pub mod apply;
pub mod cache;
pub mod client;
pub mod events;
pub mod lease;
pub mod pod;
mod references;
pub mod retry;
pub mod revision;
pub mod session;
pub mod stack;
mod state;
pub mod view;

pub use references::{Fetched, Reference, ReferenceKind, Version, fetch};

use std::fmt;

/// What names a stack in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackKey {
    pub namespace: String,
    pub name: String,
}

impl StackKey {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for StackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

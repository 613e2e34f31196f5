//! What every pod of the stack is made with, and the services that its containers are of.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::aliases::Aliases;
use super::claims::Storage;
use super::names::ObjectName;
use super::project::service_path;
use super::stack::Stack;

/// What every pod of the stack is made with.
pub struct Context<'a, 'b> {
    pub stack: &'b Stack<'a>,
    pub claims: &'b BTreeMap<&'a str, Storage>,
    pub aliases: &'b Aliases<'a>,
    /// The services that mount each named volume.
    pub users: &'b BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// A service whose container is in the pod.
#[derive(Clone, Copy)]
pub struct Member<'b> {
    pub key: &'b str,
    pub service: &'b Service,
    /// Object name of the service.
    pub name: &'b ObjectName,
}

impl Member<'_> {
    pub fn path(&self) -> Path {
        service_path(self.key)
    }
}

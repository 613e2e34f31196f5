//! Which services mount which named volumes.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{MountKind, Project, Service};

use super::lending::lender;
use super::stack::Stack;

/// The named volumes that a service mounts, those that it takes from others included.
pub fn sources<'a>(project: &'a Project, service: &'a Service) -> BTreeSet<&'a str> {
    let others = service.volumes_from.iter().filter_map(|entry| lender(project, entry));
    let all = std::iter::once(service).chain(others).flat_map(|service| &service.volumes);
    all.filter(|mount| matches!(mount.kind, MountKind::Volume | MountKind::Cluster)).filter_map(|mount| mount.source.as_deref()).collect()
}

/// The services that mount each named volume.
pub fn users<'a>(stack: &Stack<'a>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, service, _) in stack.services() {
        for volume in sources(stack.project, service) {
            users.entry(volume).or_default().insert(key);
        }
    }
    users
}

//! What a project's text alone tells, before anything is translated.

use std::collections::BTreeSet;

use crate::compose::model::{DependencyCondition, Network, Project, Service};
use crate::compose::path::Path;

/// The network that a service without `networks` is on.
pub const DEFAULT_NETWORK: &str = "default";

/// `services.<key>`.
pub fn service_path(key: &str) -> Path {
    Path::of(&["services", key])
}

/// The services that others wait for to complete.
pub fn awaited(project: &Project) -> BTreeSet<&str> {
    let all = project.services.values().flat_map(|service| &service.depends_on);
    let completed = all.filter(|(_, dependency)| dependency.condition == DependencyCondition::CompletedSuccessfully);
    completed.map(|(name, _)| name.as_str()).collect()
}

/// The networks that a service is on, by key, sorted.
pub fn networks_of(service: &Service) -> Vec<&str> {
    let mut keys: Vec<&str> = service.networks.keys().map(String::as_str).collect();
    if keys.is_empty() && matches!(service.network_mode.as_deref(), None | Some("bridge" | "default")) {
        keys.push(DEFAULT_NETWORK);
    }
    keys.sort_unstable();
    keys
}

/// `host` or `none` of a network that stands for one of the engine's own: by its driver, or by the name under which the engine has it.
pub fn engine_network(network: &Network) -> Option<&str> {
    let written = if network.external { Some(network.name.as_str()) } else { network.driver.as_deref() };
    written.filter(|name| matches!(*name, "host" | "none"))
}

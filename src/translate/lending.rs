//! `volumes_from`: which services lend their volumes to which.

use crate::compose::model::{Project, Service};

/// The service that an entry of `volumes_from` names: `[container:]name[:ro]`.
pub fn lender<'a>(project: &'a Project, entry: &str) -> Option<&'a Service> {
    let name = |rest: &str| rest.split(':').next().unwrap_or_default().to_owned();
    match entry.strip_prefix("container:").map(name) {
        Some(container) => project.services.values().find(|service| service.container_name.as_deref() == Some(&container)),
        None => project.services.get(&name(entry)),
    }
}

/// Whether others take the volumes of a service.
pub fn is_lent(project: &Project, service: &str) -> bool {
    borrowers(project, service).next().is_some()
}

/// The services that take the volumes of another.
pub fn borrowers<'a>(project: &'a Project, lent: &'a str) -> impl Iterator<Item = &'a str> {
    let takes =
        move |service: &&Service| service.volumes_from.iter().any(|entry| lender(project, entry).is_some_and(|other| other.name == lent));
    project.services.values().filter(takes).map(|service| service.name.as_str())
}

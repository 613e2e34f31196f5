//! Which service joins the pod of which.

use std::collections::BTreeMap;

use crate::compose::model::{Project, Service};
use crate::compose::path::Path;

use super::project::service_path;
use super::report::Report;

/// The host of each guest. What can't be joined is refused.
pub fn hosts<'a>(project: &'a Project, report: &mut Report) -> BTreeMap<&'a str, &'a str> {
    let mut hosts: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, service) in &project.services {
        for (attribute, mode) in modes(service) {
            let path = service_path(key).key(attribute.to_owned());
            let Some(target) = target(project, mode, &path, report) else { continue };
            if target == key {
                report.refuse("shared-pod", &path, "a service can't join itself");
            } else if let Some(other) = hosts.insert(key, target).filter(|other| *other != target) {
                report.refuse("shared-pod", &path, format!("joins the pod of {target}, but another attribute joins that of {other}"));
            }
        }
    }
    for (guest, host) in &hosts {
        if let Some(further) = hosts.get(host) {
            let attribute = project.services.get(*guest).and_then(|service| modes(service).next()).map_or("network_mode", |(name, _)| name);
            let message = format!("{host} itself joins the pod of {further}: name that one");
            report.refuse("shared-pod", &service_path(guest).key(attribute.to_owned()), message);
        }
    }
    hosts.retain(|guest, host| guest != host);
    hosts
}

/// The attributes that join a service to another, with their values.
pub fn modes(service: &Service) -> impl Iterator<Item = (&'static str, &str)> {
    let all = [("network_mode", &service.network_mode), ("ipc", &service.ipc), ("pid", &service.pid)];
    let joins = |mode: &&str| mode.starts_with("service:") || mode.starts_with("container:");
    all.into_iter().filter_map(move |(attribute, mode)| Some((attribute, mode.as_deref().filter(joins)?)))
}

fn target<'a>(project: &'a Project, mode: &str, path: &Path, report: &mut Report) -> Option<&'a str> {
    let found = match mode.split_once(':') {
        Some(("service", name)) => project.services.get_key_value(name).map(|(key, _)| key),
        Some((_, name)) => {
            let mut services = project.services.iter();
            services.find(|(_, service)| service.container_name.as_deref() == Some(name)).map(|(key, _)| key)
        }
        None => None,
    };
    if found.is_none() {
        report.refuse("shared-pod", path, format!("{mode:?} is no active service or container of this stack"));
    }
    found.map(String::as_str)
}

/// Whether the processes of a pod see each other, because one of its services asks for it.
pub fn shares_processes(service: &Service) -> bool {
    modes(service).any(|(attribute, _)| attribute == "pid")
}

/// Whether a service shares the memory of the pod's host.
pub fn shares_memory(service: &Service) -> bool {
    modes(service).any(|(attribute, _)| attribute == "ipc")
}

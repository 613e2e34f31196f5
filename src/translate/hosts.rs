//! The hosts file of a service's pods: names that DNS can't give them, and addresses that the file itself gives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{HostAlias, PodSpec};
use serde_json::json;

use crate::compose::model::{ExtraHost, Service};
use crate::compose::path::Path;

use super::aliases::Aliases;
use super::hash;
use super::helper;
use super::mounts::{Mounts, at, scratch};
use super::names;
use super::report::Report;
use super::stack::Stack;

/// Where every program looks for it.
const PATH: &str = "/etc/hosts";

/// What the helper adds to the kubelet's hosts file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsFile {
    /// Names with the Services that they lead to.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// Names of the pod itself: there a program may listen on them.
    pub own: BTreeSet<String>,
    /// Addresses that are known already, with their names.
    pub lines: BTreeSet<(String, String)>,
}

/// Gives a service's containers a hosts file of their own, where they need one.
pub fn mount(stack: &Stack, aliases: &Aliases, key: &str, service: &Service, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let mut file = HostsFile::default();
    for entry in service.extra_hosts.iter().filter(|entry| !is_alias(entry)) {
        let (address, path) = (address(entry), path.key("extra_hosts"));
        if names::is_host_name(&entry.host) {
            file.lines.extend(address.map(|address| (address.to_string(), entry.host.clone())));
        } else {
            report.refuse("extra-hosts", &path, format!("{:?} is no name of a host", entry.host));
        }
    }
    let written = |name: &str| service.extra_hosts.iter().any(|entry| entry.host.eq_ignore_ascii_case(name));
    for (name, targets) in aliases.hosts.get(key).into_iter().flatten().filter(|(name, _)| !written(name)) {
        if targets.contains(key) {
            file.own.insert(name.clone());
        }
        let others = targets.iter().filter(|target| **target != key);
        let services: BTreeSet<String> = others.filter_map(|target| stack.name_of(target)).map(ToString::to_string).collect();
        if !services.is_empty() {
            file.names.insert(name.clone(), services);
        }
    }
    if file == HostsFile::default() {
        return;
    }
    if mounts.has_target(PATH) {
        let names: Vec<&String> = file.names.keys().chain(&file.own).chain(file.lines.iter().map(|(_, name)| name)).collect();
        report.warn("hosts-file", path, format!("mounts a hosts file of its own: the names {names:?} are not added to it"));
        return;
    }
    let intent = json!([&file.names, &file.own, &file.lines]);
    mounts.digests.insert(PATH.to_owned(), hash::of_json(&intent));
    mounts.add(scratch(helper::HOSTS_VOLUME, false, None), at(PATH, false, Some(helper::HOSTS_FILE.to_owned())), path, report);
    mounts.hosts = Some(file);
}

/// `extra_hosts` that the kubelet writes itself.
pub fn extra(service: &Service, spec: &mut PodSpec, path: &Path, report: &mut Report) {
    let path = path.key("extra_hosts");
    let mut by_address: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in &service.extra_hosts {
        if entry.address == "host-gateway" {
            report.warn("host-gateway", &path, format!("{}: a pod has no host of its own to reach; the line is left out", entry.host));
        } else if let Some(address) = address(entry) {
            if is_alias(entry) {
                by_address.entry(address.to_string()).or_default().push(entry.host.clone());
            }
        } else {
            report.refuse("extra-hosts", &path, format!("{}: {:?} is not an IP address", entry.host, entry.address));
        }
    }
    let aliases: Vec<_> = by_address.into_iter().map(|(ip, names)| HostAlias { ip, hostnames: Some(names) }).collect();
    spec.host_aliases = (!aliases.is_empty()).then_some(aliases);
}

fn address(entry: &ExtraHost) -> Option<IpAddr> {
    entry.address.trim_matches(['[', ']']).parse().ok()
}

/// Whether Kubernetes takes the name in `hostAliases`.
fn is_alias(entry: &ExtraHost) -> bool {
    names::is_subdomain(&entry.host)
}

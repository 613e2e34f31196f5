//! The hosts file of a service's pods: names that DNS can't give them, and addresses that the file itself gives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use indexmap::IndexSet;
use k8s_openapi::api::core::v1::{HostAlias, PodSpec};
use serde_json::json;

use crate::compose::model::ExtraHost;
use crate::compose::path::Path;

use super::aliases::Aliases;
use super::context::Member;
use super::hash;
use super::mounts::{Mounts, at, scratch};
use super::names;
use super::report::Report;
use super::stack::Stack;
use super::tasks::{HOSTS_FILE, HOSTS_VOLUME, HostsFile};

/// Where every program looks for it.
const PATH: &str = "/etc/hosts";

/// The hosts file of the pod that some services share, or that one has alone; empty where the kubelet's does.
pub fn file(stack: &Stack, aliases: &Aliases, members: &[Member], report: &mut Report) -> HostsFile {
    let mut file = HostsFile::default();
    let entries = || members.iter().flat_map(|member| &member.service.extra_hosts);
    for member in members {
        for entry in member.service.extra_hosts.iter().filter(|entry| !is_alias(entry)) {
            if names::is_host_name(&entry.host) {
                file.lines.extend(address(entry).map(|address| (address.to_string(), entry.host.clone())));
            } else {
                report.refuse("extra-hosts", &member.path().key("extra_hosts"), format!("{:?} is no name of a host", entry.host));
            }
        }
        let written = |name: &str| entries().any(|entry| entry.host.eq_ignore_ascii_case(name));
        for (name, targets) in aliases.hosts.get(member.key).into_iter().flatten().filter(|(name, _)| !written(name)) {
            let is_inside = |target: &&&str| stack.host(target) == stack.host(member.key);
            if targets.iter().any(|target| is_inside(&target)) {
                file.own.insert(name.clone());
            }
            let others = targets.iter().filter(|target| !is_inside(target));
            let services: BTreeSet<String> = others.filter_map(|target| stack.name_of(target)).map(ToString::to_string).collect();
            if !services.is_empty() {
                file.names.entry(name.clone()).or_default().extend(services);
            }
        }
    }
    file
}

/// Gives a container the pod's hosts file, where that is more than the kubelet's. `writes`: its init containers write it.
pub fn mount(file: &HostsFile, writes: bool, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if *file == HostsFile::default() {
        return;
    }
    if mounts.has_target(PATH) {
        let names: Vec<&String> = file.names.keys().chain(&file.own).chain(file.lines.iter().map(|(_, name)| name)).collect();
        report.warn("hosts-file", path, format!("mounts a hosts file of its own: the names {names:?} are not added to it"));
        return;
    }
    let intent = json!([&file.names, &file.own, &file.lines]);
    mounts.digests.insert(PATH.to_owned(), hash::of_json(&intent));
    mounts.add(scratch(HOSTS_VOLUME, false, None), at(PATH, false, Some(HOSTS_FILE.to_owned())), path, report);
    mounts.hosts = writes.then(|| file.clone());
}

/// `extra_hosts` that the kubelet writes itself.
pub fn extra(members: &[Member], spec: &mut PodSpec, report: &mut Report) {
    let mut by_address: BTreeMap<String, IndexSet<String>> = BTreeMap::new();
    for (member, entry) in members.iter().flat_map(|member| member.service.extra_hosts.iter().map(move |entry| (member, entry))) {
        let path = || member.path().key("extra_hosts");
        if entry.address == "host-gateway" {
            report.warn("host-gateway", &path(), format!("{}: a pod has no host of its own to reach; the line is left out", entry.host));
        } else if let Some(address) = address(entry) {
            let names = by_address.entry(address.to_string()).or_default();
            if is_alias(entry) {
                names.insert(entry.host.clone());
            }
        } else {
            report.refuse("extra-hosts", &path(), format!("{}: {:?} is not an IP address", entry.host, entry.address));
        }
    }
    by_address.retain(|_, names| !names.is_empty());
    let aliases: Vec<_> =
        by_address.into_iter().map(|(ip, names)| HostAlias { ip, hostnames: Some(names.into_iter().collect()) }).collect();
    spec.host_aliases = (!aliases.is_empty()).then_some(aliases);
}

fn address(entry: &ExtraHost) -> Option<IpAddr> {
    entry.address.trim_matches(['[', ']']).parse().ok()
}

/// Whether Kubernetes takes the name in `hostAliases`.
fn is_alias(entry: &ExtraHost) -> bool {
    names::is_subdomain(&entry.host)
}

//! Services that share a pod: `network_mode`, `ipc` or `pid` of the form `service:x`, or `container:x` where that is the container of a service
//! of the stack.
//!
//! x is the pod's *host*: replicas, kind, place, networks and host name are its own. The services that join it are its *guests*.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{DependencyCondition, Project, Service};
use crate::compose::path::Path;

use super::expose;
use super::object::Kind;
use super::report::Report;
use super::stack::{Stack, networks_of, service_path};
use super::workload::{self, Restart};

/// The host of each guest. What can't be joined is refused.
pub fn hosts<'a>(project: &'a Project, report: &mut Report) -> BTreeMap<&'a str, &'a str> {
    let mut hosts: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, service) in &project.services {
        for (attribute, mode) in modes(service) {
            let path = service_path(key).key(attribute);
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
            report.refuse("shared-pod", &service_path(guest).key(attribute), message);
        }
    }
    hosts.retain(|guest, host| guest != host);
    hosts
}

/// The attributes that join a service to another, with their values.
fn modes(service: &Service) -> impl Iterator<Item = (&'static str, &str)> {
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

/// Refuses guests that one pod can't hold beside their host, and warns of what they say that is the host's to decide.
pub fn check<'a>(stack: &Stack<'a>, kinds: &BTreeMap<&'a str, (Kind, Restart)>, report: &mut Report) {
    for (host, ..) in stack.services() {
        let guests: Vec<_> = stack.guests(host).collect();
        if guests.is_empty() {
            continue;
        }
        check_ports(stack, host, &guests, report);
        for guest in guests {
            check_guest(stack, (host, guest), kinds, report);
        }
    }
}

fn check_guest(stack: &Stack, (host, guest): (&str, &str), kinds: &BTreeMap<&str, (Kind, Restart)>, report: &mut Report) {
    let (Some((_, service, _)), Some((_, other, _))) = (stack.service(guest), stack.service(host)) else { return };
    let path = service_path(guest);
    check_networks((host, other), service, &path, report);
    let restart = |key: &str| kinds.get(key).copied().unwrap_or((Kind::Deployment, Restart::Absent));
    let ((kind, of_host), (_, of_guest)) = (restart(host), restart(guest));
    let alone = workload::kind(guest, service, of_guest, workload::awaited(stack).contains(guest), report);
    check_end((host, kind, of_host), (alone, of_guest), &path, report);
    let own = service.deploy.as_ref();
    let replicas = stack.replicas(guest, service);
    let says = own.and_then(|deploy| deploy.replicas).or(service.scale).is_some() || replicas != 1;
    if says && replicas != stack.replicas(host, other) {
        warn(report, &path.key("deploy").key("replicas"), host, "has as many replicas as that one");
    }
    let place = |service: &Service| {
        let deploy = service.deploy.clone().unwrap_or_default();
        (deploy.placement_constraints, deploy.max_replicas_per_node, deploy.placement_preferences.len(), service.platform.clone())
    };
    if place(service) != place(&Service::default()) && place(service) != place(other) {
        warn(report, &path.key("deploy").key("placement"), host, "runs where that one runs");
    }
    if own.is_some_and(|deploy| deploy.update_config.is_some()) {
        warn(report, &path.key("deploy").key("update_config"), host, "is updated as that one is");
    }
    if service.hostname.is_some() && service.hostname != other.hostname {
        warn(report, &path.key("hostname"), host, "has the host name of that one; its own name leads to the pod nevertheless");
    }
    for (attribute, own, others) in [
        ("dns", &service.dns, &other.dns),
        ("dns_search", &service.dns_search, &other.dns_search),
        ("dns_opt", &service.dns_opt, &other.dns_opt),
    ] {
        if !own.is_empty() && own != others {
            warn(report, &path.key(attribute), host, "asks the same servers as that one");
        }
    }
    for (name, dependency) in service.depends_on.iter().filter(|(name, _)| stack.host(name) == host) {
        let path = path.key("depends_on").key(name);
        match dependency.condition {
            DependencyCondition::Started => {}
            DependencyCondition::Healthy => {
                report.warn(
                    "shared-pod",
                    &path,
                    format!("shares a pod with {name}: they start together, and its health is not waited for"),
                );
            }
            DependencyCondition::CompletedSuccessfully => {
                report.refuse(
                    "shared-pod",
                    &path,
                    format!("shares a pod with {name}: they start together, and its end can't be waited for"),
                );
            }
        }
    }
}

fn warn(report: &mut Report, path: &Path, host: &str, what: &str) {
    report.warn("shared-pod", path, format!("shares the pod of {host}, and so {what}"));
}

/// A pod is on the networks of its host. A guest that shares something else has networks of its own in Compose.
fn check_networks((host, other): (&str, &Service), service: &Service, path: &Path, report: &mut Report) {
    let joined = modes(service).any(|(attribute, _)| attribute == "network_mode");
    if !joined && networks_of(service) != networks_of(other) {
        let message =
            format!("shares the pod of {host}, and a pod is on the same networks as a whole: write `network_mode: service:{host}`");
        report.refuse("shared-pod", &path.key("networks"), message);
    }
}

/// A pod restarts its containers alike, and ends when all of them have ended.
fn check_end((host, kind, of_host): (&str, Kind, Restart), (alone, of_guest): (Kind, Restart), path: &Path, report: &mut Report) {
    let at = path.key("restart");
    let attempts = |restart: Restart| match restart {
        Restart::OnFailure { attempts } => Some(attempts),
        _ => None,
    };
    match (kind, alone) {
        (Kind::Job, Kind::Job) if attempts(of_host) != attempts(of_guest) => {
            report.refuse(
                "shared-pod",
                &at,
                format!("shares the pod of {host}, which is restarted otherwise: give both the same restart policy"),
            );
        }
        (Kind::Job, Kind::Job) => {}
        (Kind::Job, _) => {
            report.refuse("shared-pod", &at, format!("is to be kept running, but shares the pod of {host}, which runs once"));
        }
        (_, Kind::Job) => {
            report.refuse("shared-pod", &at, format!("runs once, but shares the pod of {host}, which is kept running"));
        }
        (Kind::Deployment, Kind::DaemonSet) => {
            let message = format!("is to run on every node, but shares the pod of {host}, which doesn't");
            report.refuse("shared-pod", &path.key("deploy").key("mode"), message);
        }
        _ if attempts(of_guest).flatten().is_some() || attempts(of_host).flatten().is_some() => {
            report.warn(
                "shared-pod",
                &at,
                format!("shares a pod with {host}: failures are not counted, both are started again without end"),
            );
        }
        _ => {}
    }
}

/// Containers of one pod can't listen on the same port.
fn check_ports(stack: &Stack, host: &str, guests: &[&str], report: &mut Report) {
    let mut taken = BTreeMap::new();
    for key in std::iter::once(host).chain(guests.iter().copied()) {
        let Some((key, service, _)) = stack.service(key) else { continue };
        let own: BTreeSet<_> = expose::declared(service).collect();
        for listen in own {
            if let Some(other) = taken.insert(listen, key) {
                let message = format!("{}/{} is taken in the pod that it shares with {other}", listen.port, listen.protocol.lower());
                report.refuse("port-clash", &service_path(key).key("ports"), message);
            }
        }
    }
}

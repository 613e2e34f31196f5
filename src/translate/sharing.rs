//! Services that share a pod: `network_mode`, `ipc` or `pid` of the form `service:x`, or `container:x` where that is the container of a service
//! of the stack.
//!
//! x is the pod's *host*: replicas, kind, place, networks and host name are its own. The services that join it are its *guests*.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{DependencyCondition, Service};
use crate::compose::path::Path;

use super::joins::modes;
use super::kubernetes::KEY;
use super::object::Kind;
use super::project::{networks_of, service_path};
use super::report::Report;
use super::restart::{self, Restart};
use super::stack::Stack;

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
    let alone = restart::kind(guest, service, of_guest, stack.is_awaited(guest), report);
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
    if service.runtime != other.runtime && service.runtime.as_deref().is_some_and(|runtime| !matches!(runtime, "" | "runc")) {
        let message = format!("shares the pod of {host}, and a pod has one runtime: write it at services.{host}");
        report.refuse("shared-pod", &path.key("runtime"), message);
    }
    for key in stack.extension(guest).of_the_pod(stack.extension(host)) {
        let what = format!("has no effect of its own: write it at services.{host}");
        warn(report, &path.key(KEY).key(key.to_owned()), host, &what);
    }
    for (attribute, own, others) in [
        ("dns", &service.dns, &other.dns),
        ("dns_search", &service.dns_search, &other.dns_search),
        ("dns_opt", &service.dns_opt, &other.dns_opt),
    ] {
        if !own.is_empty() && own != others {
            warn(report, &path.key(attribute.to_owned()), host, "asks the same servers as that one");
        }
    }
    for (name, dependency) in service.depends_on.iter().filter(|(name, _)| stack.host(name) == host) {
        let path = path.key("depends_on").key(name.to_owned());
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
        (Kind::Deployment, Kind::Job) => {
            report.warn(
                "shared-pod",
                &at,
                format!(
                    "runs once in the pod of {host}, which is not ready any more when it has ended: the names of both lead there nevertheless, \
                     and an old pod goes before its successor comes"
                ),
            );
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
        let own: BTreeSet<_> = super::port::declared(service).collect();
        for listen in own {
            if let Some(other) = taken.insert(listen, key) {
                let message = format!("{}/{} is taken in the pod that it shares with {other}", listen.port, listen.protocol.lower());
                report.refuse("port-clash", &service_path(key).key("ports"), message);
            }
        }
    }
}

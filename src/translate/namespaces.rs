//! `network_mode`, `ipc`, `pid`, `uts` and swap: what containers share with each other or with their node.

use k8s_openapi::api::core::v1::PodSpec;

use crate::compose::diagnostic::not_allowed;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::report::Report;
use super::stack::Stack;

/// The modes of an attribute, whether or not they can be had here.
fn modes(attribute: &str) -> &'static [&'static str] {
    match attribute {
        "network_mode" => &["bridge", "default", "none", "host", "service:<name>", "container:<name>"],
        "ipc" => &["shareable", "private", "none", "host", "service:<name>", "container:<name>"],
        _ => &["private", "host", "service:<name>", "container:<name>"],
    }
}

/// Which namespaces of its node a service's pod is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    pub network: bool,
    pub pid: bool,
    pub ipc: bool,
}

impl Shared {
    pub fn of(stack: &Stack, service: &Service) -> Self {
        let is_host = |mode: &Option<String>| mode.as_deref() == Some("host");
        Self { network: stack.is_on_host_network(service), pid: is_host(&service.pid), ipc: is_host(&service.ipc) }
    }

    /// What any of the services of a pod asks for.
    pub fn of_all<'s>(stack: &Stack, services: impl Iterator<Item = &'s Service>) -> Self {
        services.map(|service| Self::of(stack, service)).fold(Self::default(), |all, one| Self {
            network: all.network || one.network,
            pid: all.pid || one.pid,
            ipc: all.ipc || one.ipc,
        })
    }

    pub fn any(self) -> bool {
        self.network || self.pid || self.ipc
    }
}

/// Refuses what can't be shared, or not yet, and what the administrator's policy doesn't let be.
pub fn check(stack: &Stack, service: &Service, path: &Path, report: &mut Report) {
    let policy = &stack.settings.policy;
    let written = [
        ("network_mode", &service.network_mode, policy.host_network, "hostNetwork"),
        ("ipc", &service.ipc, policy.host_ipc, "hostIPC"),
        ("pid", &service.pid, policy.host_pid, "hostPID"),
    ];
    for (attribute, mode, allowed, field) in written {
        let Some(mode) = mode.as_deref().filter(|mode| !mode.is_empty()) else { continue };
        let path = path.key(attribute.to_owned());
        match (attribute, mode) {
            ("network_mode", "bridge" | "default" | "none") | ("ipc", "shareable" | "private") | ("pid", "private") => {}
            (_, "host") if allowed => {}
            (_, "host") => report.forbidden("host-namespace", &path, "shares the node's own", field),
            ("ipc", "none") => report.warn("ipc-none", &path, "containers of a pod always have shared memory of their own"),
            // One pod for several services: see `sharing`.
            _ if mode.starts_with("service:") || mode.starts_with("container:") => {}
            _ => report.refuse("namespace", &path, not_allowed(mode, modes(attribute))),
        }
    }
    let shared = Shared::of(stack, service);
    if service.uts.as_deref().is_some_and(|uts| !uts.is_empty()) && !shared.network {
        report.warn("no-effect", &path.key("uts"), "a pod shares its node's host name only on the node's network");
    }
    if shared.network && policy.host_network {
        let path = if service.network_mode.is_some() { path.key("network_mode") } else { path.key("networks") };
        report.warn("host-network", &path, "no network policy holds for pods on their node's network");
    }
    if shared.network && !service.ports.is_empty() {
        report.refuse("port", &path.key("ports"), "a service on its node's network has all of its ports there: leave `ports` out");
    }
    let swap = service.memswap_limit.unwrap_or_default();
    let memory = service.deploy.as_ref().and_then(|deploy| deploy.limits.memory).or(service.mem_limit);
    if swap != 0 && memory != Some(swap) {
        report.warn("no-effect", &path.key("memswap_limit"), "pods have no swap of their own");
    }
}

/// Puts a pod into namespaces of its node.
pub fn share(shared: Shared, pod: &mut PodSpec, path: &Path, report: &mut Report) {
    if shared.network {
        pod.host_network = Some(true);
        pod.dns_policy = Some("ClusterFirstWithHostNet".to_owned());
        if pod.hostname.take().or(pod.hostname_override.take()).is_some() {
            report.warn("hostname", &path.key("hostname"), "a pod on its node's network has the node's host name; the name resolves");
        }
    }
    if shared.pid {
        pod.host_pid = Some(true);
        // Whoever sees all processes of the node needs no reaper of his own.
        pod.share_process_namespace = None;
    }
    pod.host_ipc = shared.ipc.then_some(true);
}

//! `sysctls`: kernel parameters of the pod.

use k8s_openapi::api::core::v1::{SecurityContext, Sysctl};

use crate::compose::model::Service;
use crate::compose::path::Path;
use crate::translate::images;
use crate::translate::namespaces::Shared;
use crate::translate::policy::Policy;
use crate::translate::port::{FIRST_FREE, PORT_START, declared};
use crate::translate::report::Report;

/// Kernel parameters that the kubelet takes without being told to.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
/// The pod's kernel parameters, by name.
pub fn sysctls(
    service: &Service,
    policy: &Policy,
    shared: Shared,
    container: &SecurityContext,
    path: &Path,
    report: &mut Report,
) -> Vec<Sysctl> {
    let mut made: Vec<Sysctl> = Vec::new();
    for (name, value) in &service.sysctls {
        let path = path.key("sysctls").key(name.to_owned());
        let Some(namespace) = Namespace::of(name) else {
            report.refuse("sysctl", &path, "is a parameter of the whole node, which no pod has of its own");
            continue;
        };
        if namespace == Namespace::Network && shared.network || namespace == Namespace::Ipc && shared.ipc {
            report.refuse("sysctl", &path, "would change the node that the service shares this with");
        } else if SAFE_SYSCTLS.contains(&name.as_str()) || policy.allows_sysctl(name) {
            made.push(Sysctl { name: name.clone(), value: value.clone() });
        } else {
            report.forbidden("sysctl", &path, "not one of the parameters that every node takes", "unsafeSysctls");
        }
    }
    // Docker lets every user listen on every port.
    if listens_low(service) && container.run_as_non_root == Some(true) && !shared.network && !service.sysctls.contains_key(PORT_START) {
        made.push(Sysctl { name: PORT_START.to_owned(), value: "0".to_owned() });
    }
    made.sort_by(|a, b| a.name.cmp(&b.name));
    made
}

/// Whether a service listens where elsewhere only root may: by its own words, or as its image is known to.
pub fn listens_low(service: &Service) -> bool {
    let known = service.image.as_deref().map(images::known_ports).unwrap_or_default();
    declared(service).map(|listen| listen.port).chain(known.iter().copied()).any(|port| port < FIRST_FREE)
}

/// The namespace that a parameter belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Network,
    Ipc,
}

impl Namespace {
    fn of(name: &str) -> Option<Self> {
        let ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."];
        if name.starts_with("net.") {
            Some(Self::Network)
        } else if name == "kernel.sem" || ipc.iter().any(|prefix| name.starts_with(prefix)) {
            Some(Self::Ipc)
        } else {
            None
        }
    }
}

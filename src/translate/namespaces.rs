//! `network_mode`, `ipc`, `pid` and swap: what containers share with each other or with their node.

use crate::compose::diagnostic::not_allowed;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::report::Report;

/// The modes of an attribute, whether or not they can be had here.
fn modes(attribute: &str) -> &'static [&'static str] {
    match attribute {
        "network_mode" => &["bridge", "default", "none", "host", "service:<name>", "container:<name>"],
        "ipc" => &["shareable", "private", "none", "host", "service:<name>", "container:<name>"],
        _ => &["private", "host", "service:<name>", "container:<name>"],
    }
}

/// Refuses what can't be shared, or not yet.
pub fn check(service: &Service, path: &Path, report: &mut Report) {
    let written = [("network_mode", &service.network_mode), ("ipc", &service.ipc), ("pid", &service.pid)];
    for (attribute, mode) in written {
        let Some(mode) = mode.as_deref().filter(|mode| !mode.is_empty()) else { continue };
        let path = path.key(attribute);
        match (attribute, mode) {
            ("network_mode", "bridge" | "default" | "none") | ("ipc", "shareable" | "private") | ("pid", "private") => {}
            (_, "host") => {
                let message = "sharing the node's needs the administrator's permission, which can't be given yet";
                report.refuse("host-namespace", &path, message);
            }
            ("ipc", "none") => report.warn("ipc-none", &path, "containers of a pod always have shared memory of their own"),
            _ if mode.starts_with("service:") || mode.starts_with("container:") => {
                report.unsupported(&path, "one pod for several services");
            }
            _ => report.refuse("namespace", &path, not_allowed(mode, modes(attribute))),
        }
    }
    let swap = service.memswap_limit.unwrap_or_default();
    let memory = service.deploy.as_ref().and_then(|deploy| deploy.limits.memory).or(service.mem_limit);
    if swap != 0 && memory != Some(swap) {
        report.warn("no-effect", &path.key("memswap_limit"), "pods have no swap of their own");
    }
}

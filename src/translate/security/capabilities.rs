//! `cap_add` and `cap_drop`.

use k8s_openapi::api::core::v1::Capabilities;

use crate::compose::diagnostic::closest;
use crate::compose::model::Service;
use crate::compose::path::Path;
use crate::translate::policy::Policy;
use crate::translate::report::Report;

/// Capabilities that `baseline` lets a container add: those that it has by default.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// The other capabilities of Linux, and all of them at once.
const BEYOND: [&str; 29] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

/// What a container's capabilities are besides those of every container.
pub fn capabilities(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Option<Capabilities> {
    let mut add = Vec::new();
    for (index, written) in service.cap_add.iter().enumerate() {
        let path = path.key("cap_add").index(index);
        let name = capability(written);
        if BASELINE.contains(&name.as_str()) || (is_capability(&name) && policy.allows_capability(&name)) {
            add.push(name);
        } else if is_capability(&name) {
            let why = if name == "NET_RAW" { ", though `ping` may need it" } else { "" };
            report.forbidden("capability", &path, &format!("{written} is more than pods get by default{why}"), "capabilities");
        } else {
            report.refuse("capability", &path, no_capability(written, &name));
        }
    }
    let mut drop = Vec::new();
    for (index, written) in service.cap_drop.iter().enumerate() {
        let name = capability(written);
        if is_capability(&name) {
            drop.push(name);
        } else {
            report.refuse("capability", &path.key("cap_drop").index(index), no_capability(written, &name));
        }
    }
    for list in [&mut add, &mut drop] {
        list.sort();
        list.dedup();
    }
    let made = Capabilities { add: Some(add).filter(|list| !list.is_empty()), drop: Some(drop).filter(|list| !list.is_empty()) };
    (made != Capabilities::default()).then_some(made)
}

fn no_capability(written: &str, name: &str) -> String {
    let close = closest(name, BASELINE.into_iter().chain(BEYOND)).map(|close| format!(", did you mean \"{close}\"?"));
    format!("{written:?} is no capability of Linux{}", close.unwrap_or_default())
}

/// Whether Linux has a capability of this name, given without `CAP_`; or `ALL`.
pub fn is_capability(name: &str) -> bool {
    BASELINE.contains(&name) || BEYOND.contains(&name)
}

/// Without `CAP_`, which container runtimes put before it.
pub fn capability(written: &str) -> String {
    let upper = written.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

//! The names of Linux capabilities.

use crate::compose::diagnostic::closest;

/// Capabilities that `baseline` lets a container add: those that it has by default.
pub const BASELINE: [&str; 13] = [
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

pub fn no_capability(written: &str, name: &str) -> String {
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

//! Users, capabilities and kernel settings. What loosens more than the pod security level `baseline` allows is the administrator's to permit.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, PodSecurityContext, SELinuxOptions, SeccompProfile, SecurityContext, Sysctl,
};

use crate::compose::diagnostic::closest;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::policy::Policy;
use super::report::Report;

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
const PORT_START: &str = "net.ipv4.ip_unprivileged_port_start";

/// The security contexts of the container and of its pod.
pub fn contexts(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> (SecurityContext, PodSecurityContext) {
    let mut container = SecurityContext { read_only_root_filesystem: service.read_only.then_some(true), ..SecurityContext::default() };
    let mut pod = PodSecurityContext { seccomp_profile: Some(runtime_default()), ..PodSecurityContext::default() };
    if let Some(user) = service.user.as_deref().filter(|user| !user.is_empty()) {
        run_as(user, &mut container, &path.key("user"), report);
    }
    let groups = service.group_add.iter().enumerate().filter_map(|(index, group)| {
        let id = id(group);
        if id.is_none() {
            report.refuse("group", &path.key("group_add").index(index), format!("{group:?}: Kubernetes needs a number"));
        }
        id
    });
    pod.supplemental_groups = Some(groups.collect::<Vec<_>>()).filter(|groups| !groups.is_empty());
    container.capabilities = capabilities(service, policy, path, report);
    for (index, option) in service.security_opt.iter().enumerate() {
        security_option(option, &mut container, &path.key("security_opt").index(index), report);
    }
    pod.sysctls = Some(sysctls(service, &container, path, report)).filter(|sysctls| !sysctls.is_empty());
    (container, pod)
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
}

fn run_as(user: &str, container: &mut SecurityContext, path: &Path, report: &mut Report) {
    let (user, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    match id(user) {
        Some(id) => {
            container.run_as_user = Some(id);
            container.run_as_non_root = (id != 0).then_some(true);
        }
        None => report.refuse("user", path, format!("{user:?}: Kubernetes needs a number")),
    }
    match group.map(|group| (group, id(group))) {
        Some((_, Some(id))) => container.run_as_group = Some(id),
        Some((group, None)) => report.refuse("user", path, format!("{group:?}: Kubernetes needs a number")),
        None => {}
    }
}

/// A user's or group's number; `root` is 0 in every image.
fn id(name: &str) -> Option<i64> {
    if name == "root" { Some(0) } else { name.parse::<u32>().ok().map(i64::from) }
}

fn no_capability(written: &str, name: &str) -> String {
    let close = closest(name, BASELINE.into_iter().chain(BEYOND)).map(|close| format!(", did you mean \"{close}\"?"));
    format!("{written:?} is no capability of Linux{}", close.unwrap_or_default())
}

fn capabilities(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Option<Capabilities> {
    let mut add = Vec::new();
    for (index, written) in service.cap_add.iter().enumerate() {
        let path = path.key("cap_add").index(index);
        let name = capability(written);
        if BASELINE.contains(&name.as_str()) || policy.allows_capability(&name) {
            add.push(name);
        } else if BEYOND.contains(&name.as_str()) {
            report.forbidden("capability", &path, &format!("{written} is more than pods get by default"), "capabilities");
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

/// Whether Linux has a capability of this name, given without `CAP_`; or `ALL`.
pub fn is_capability(name: &str) -> bool {
    BASELINE.contains(&name) || BEYOND.contains(&name)
}

/// Without `CAP_`, which container runtimes put before it.
pub fn capability(written: &str) -> String {
    let upper = written.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

fn security_option(option: &str, container: &mut SecurityContext, path: &Path, report: &mut Report) {
    let (key, value) = option.split_once('=').or_else(|| option.split_once(':')).unwrap_or((option, ""));
    let selinux =
        |container: &mut SecurityContext, set: &dyn Fn(&mut SELinuxOptions)| set(container.se_linux_options.get_or_insert_default());
    match (key, value) {
        ("no-new-privileges", "" | "true") => container.allow_privilege_escalation = Some(false),
        ("no-new-privileges", "false") => {}
        ("seccomp", "builtin") => container.seccomp_profile = Some(runtime_default()),
        ("apparmor", "docker-default" | "runtime/default") => {
            container.app_armor_profile = Some(AppArmorProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None });
        }
        ("seccomp" | "apparmor" | "systempaths", "unconfined") => {
            report.refuse(
                "security-option",
                path,
                format!("{option}: loosening a pod's confinement needs the administrator's permission, which can't be given yet"),
            );
        }
        ("label", label) => match label.split_once(':') {
            Some(("type", kind)) if ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"].contains(&kind) => {
                selinux(container, &|options| options.type_ = Some(kind.to_owned()));
            }
            Some(("level", level)) => selinux(container, &|options| options.level = Some(level.to_owned())),
            _ => {
                report.refuse("security-option", path, format!("{option}: needs the administrator's permission, which can't be given yet"));
            }
        },
        ("seccomp" | "apparmor", _) => {
            report.refuse("security-option", path, format!("{option}: a profile of your machine isn't on the nodes of the cluster"));
        }
        _ => report.refuse("security-option", path, format!("{option:?} is not known")),
    }
}

fn sysctls(service: &Service, container: &SecurityContext, path: &Path, report: &mut Report) -> Vec<Sysctl> {
    let mut made: Vec<Sysctl> = Vec::new();
    for (name, value) in &service.sysctls {
        if SAFE_SYSCTLS.contains(&name.as_str()) {
            made.push(Sysctl { name: name.clone(), value: value.clone() });
        } else {
            let message =
                "not one of the parameters that every node takes; it needs the administrator's permission, which can't be given yet";
            report.refuse("sysctl", &path.key("sysctls").key(name), message);
        }
    }
    // Docker lets every user listen on every port.
    let low = service.ports.iter().any(|port| port.target < 1024);
    if low && container.run_as_non_root == Some(true) && !service.sysctls.contains_key(PORT_START) {
        made.push(Sysctl { name: PORT_START.to_owned(), value: "0".to_owned() });
    }
    made.sort_by(|a, b| a.name.cmp(&b.name));
    made
}

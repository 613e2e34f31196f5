//! `security_opt`: what tightens a container's confinement is applied, what loosens it is the administrator's to allow.

use k8s_openapi::api::core::v1::{AppArmorProfile, PodSpec, SELinuxOptions, SeccompProfile, SecurityContext};

use crate::compose::model::Service;
use crate::compose::path::Path;
use crate::translate::namespaces::Shared;
use crate::translate::policy::Policy;
use crate::translate::report::Report;

const CODE: &str = "security-option";
/// Types of SELinux that every pod may have.
const TYPES: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// The pod's own profile of system calls.
pub fn runtime_default() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
}

/// Writes the options into the container, and into its pod what a container alone can't have.
pub fn apply(
    service: &Service,
    policy: &Policy,
    shared: Shared,
    container: &mut SecurityContext,
    pod: &mut PodSpec,
    path: &Path,
    report: &mut Report,
) {
    for (index, written) in service.security_opt.iter().enumerate() {
        let path = path.key("security_opt").index(index);
        let (key, value) = written.split_once('=').or_else(|| written.split_once(':')).unwrap_or((written, ""));
        let option = format!("{key}={value}");
        if is_loosening(key, value) && !policy.security_opts.contains(&option) {
            let why = match key {
                "apparmor" if value != "unconfined" => "a profile of your machine may not be on the nodes",
                _ => "loosens what confines the container",
            };
            report.forbidden(CODE, &path, &format!("{written}: {why}"), "securityOpts");
            continue;
        }
        match (key, value) {
            ("no-new-privileges", "" | "true") => container.allow_privilege_escalation = Some(false),
            ("no-new-privileges", "false") => {}
            ("seccomp", "builtin") => container.seccomp_profile = Some(runtime_default()),
            ("seccomp", "unconfined") => {
                container.seccomp_profile = Some(SeccompProfile { type_: "Unconfined".to_owned(), localhost_profile: None });
            }
            ("seccomp", _) => report.refuse(CODE, &path, format!("{written}: a profile of your machine isn't on the nodes of the cluster")),
            ("apparmor", profile) => container.app_armor_profile = Some(app_armor(profile)),
            ("systempaths", "unconfined") if shared.any() => {
                report.refuse(CODE, &path, "needs a user namespace, which a service on namespaces of its node can't have");
            }
            ("systempaths", "unconfined") => {
                container.proc_mount = Some("Unmasked".to_owned());
                pod.host_users = Some(false);
            }
            ("label", "disable") => report.refuse(CODE, &path, "a pod's label of SELinux can't be switched off"),
            ("label", label) => {
                let options = container.se_linux_options.get_or_insert_default();
                if !se_linux(label, options) {
                    report.refuse(CODE, &path, format!("{written:?} is not known; allowed are label=user:, role:, type:, level:"));
                }
            }
            _ => report.refuse(CODE, &path, format!("{written:?} is not known")),
        }
    }
    let gains = service.privileged || container.capabilities.iter().flat_map(|all| &all.add).flatten().any(|name| name == "SYS_ADMIN");
    if gains && container.allow_privilege_escalation == Some(false) {
        report.warn(CODE, &path.key("security_opt"), "no-new-privileges has no effect on a service that has all rights anyway");
        container.allow_privilege_escalation = None;
    }
}

fn is_loosening(key: &str, value: &str) -> bool {
    match key {
        "seccomp" | "systempaths" => value == "unconfined",
        "apparmor" => !matches!(value, "docker-default" | "runtime/default"),
        "label" => match value.split_once(':') {
            Some(("type", kind)) => !TYPES.contains(&kind),
            Some(("user" | "role", _)) => true,
            _ => false,
        },
        _ => false,
    }
}

fn app_armor(profile: &str) -> AppArmorProfile {
    let of =
        |kind: &str, localhost: Option<&str>| AppArmorProfile { type_: kind.to_owned(), localhost_profile: localhost.map(str::to_owned) };
    match profile {
        "docker-default" | "runtime/default" => of("RuntimeDefault", None),
        "unconfined" => of("Unconfined", None),
        profile => of("Localhost", Some(profile)),
    }
}

/// Whether the label was one.
fn se_linux(label: &str, options: &mut SELinuxOptions) -> bool {
    let Some((field, value)) = label.split_once(':') else { return false };
    let field = match field {
        "user" => &mut options.user,
        "role" => &mut options.role,
        "type" => &mut options.type_,
        "level" => &mut options.level,
        _ => return false,
    };
    *field = Some(value.to_owned());
    true
}

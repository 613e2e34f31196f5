//! Users, capabilities and kernel settings. What loosens more than the pod security level `baseline` allows is the administrator's to permit.

mod capabilities;
mod options;
pub mod sysctls;

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, PodSpec, SecurityContext};

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::namespaces::Shared;
use super::report::Report;
use super::settings::Settings;

/// The security context of the container, and in the pod what concerns the whole of it.
pub fn contexts(
    service: &Service,
    settings: &Settings,
    shared: Shared,
    pod: &mut PodSpec,
    path: &Path,
    report: &mut Report,
) -> SecurityContext {
    let policy = &settings.policy;
    let mut container = SecurityContext { read_only_root_filesystem: service.read_only.then_some(true), ..SecurityContext::default() };
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
    let groups = Some(groups.collect::<Vec<_>>()).filter(|groups| !groups.is_empty());
    if service.privileged {
        if policy.privileged {
            container.privileged = Some(true);
        } else {
            report.forbidden("privileged", &path.key("privileged"), "all rights on the node", "privileged");
        }
    }
    container.capabilities = capabilities::capabilities(service, policy, path, report);
    options::apply(service, policy, shared, &mut container, pod, path, report);
    if settings.least_privilege {
        drop_the_rest(service, &mut container);
    }
    let sysctls = sysctls::sysctls(service, policy, shared, &container, path, report);
    pod.security_context = Some(PodSecurityContext {
        seccomp_profile: Some(options::runtime_default()),
        supplemental_groups: groups,
        sysctls: Some(sysctls).filter(|sysctls| !sysctls.is_empty()),
        ..PodSecurityContext::default()
    });
    container
}

/// Takes every capability from a container that asks for none, and the way to more.
fn drop_the_rest(service: &Service, container: &mut SecurityContext) {
    if service.privileged || !service.cap_add.is_empty() {
        return;
    }
    container.capabilities = Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) });
    container.allow_privilege_escalation = Some(false);
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

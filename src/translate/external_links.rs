//! `external_links`: names for Services that aren't the stack's own.

use k8s_openapi::api::core::v1::{Service as KubeService, ServiceSpec};
use serde_json::json;

use crate::compose::path::Path;

use super::hash;
use super::names::ObjectName;
use super::object::Object;
use super::object::StringMap;
use super::objects::{Objects, metadata, stack_labels};
use super::project::service_path;
use super::report::Report;
use super::stack::Stack;

/// Makes a Service for each name that a service gives something outside the stack.
pub fn services(stack: &Stack, objects: &mut Objects, report: &mut Report) {
    for (key, service, _) in stack.services() {
        for (index, entry) in service.external_links.iter().enumerate() {
            link(stack, entry, &service_path(key).key("external_links").index(index), objects, report);
        }
    }
}

/// `name[:alias]`, where the name is that of a Service of the namespace, or `service.namespace`.
fn link(stack: &Stack, entry: &str, path: &Path, objects: &mut Objects, report: &mut Report) {
    let (target, alias) = entry.split_once(':').unwrap_or((entry, ""));
    let (service, namespace) = target.split_once('.').map_or((target, None), |(service, namespace)| (service, Some(namespace)));
    let alias = if alias.is_empty() { service } else { alias };
    let is_name = |name: &str| ObjectName::of_alias(name).is_some();
    if !is_name(service) || namespace.is_some_and(|namespace| !is_name(namespace)) {
        report.refuse("external-link", path, format!("{target:?} is no Service: write service[:alias] or service.namespace[:alias]"));
        return;
    }
    let Some(name) = ObjectName::of_alias(alias) else {
        report.refuse("external-link", path, format!("DNS can't carry the name {alias:?}: use letters, digits and -"));
        return;
    };
    let own = stack.facts.namespace.as_deref().unwrap_or("default");
    match namespace.filter(|namespace| *namespace != own) {
        Some(other) if !stack.settings.policy.external_links.contains(other) => {
            report.forbidden("external-link", path, &format!("leads into the namespace {other}"), "externalLinks");
            return;
        }
        // It resolves by that name already.
        None if name.as_str() == service.to_ascii_lowercase() => return,
        _ => {}
    }
    let host = format!(
        "{}.{}.svc.{}",
        service.to_ascii_lowercase(),
        namespace.unwrap_or(own).to_ascii_lowercase(),
        stack.settings.cluster_domain()
    );
    let inputs = hash::of_json(&json!({ "externalName": host }));
    let spec = ServiceSpec { type_: Some("ExternalName".to_owned()), external_name: Some(host), ..ServiceSpec::default() };
    let made = KubeService {
        metadata: metadata(&name, stack_labels(stack), StringMap::new(), inputs),
        spec: Some(spec),
        ..KubeService::default()
    };
    objects.add(Object::Service(Box::new(made)), path, report);
}

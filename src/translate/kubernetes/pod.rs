//! What the extension says of a service's pods, put into the template.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, LocalObjectReference, PodDNSConfigOption, PodTemplateSpec, ResourceRequirements, Sysctl, Toleration,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Serialize;
use serde_json::Value as Json;

use crate::compose::path::Path;
use crate::translate::images;
use crate::translate::object::Kind;
use crate::translate::object::StringMap;
use crate::translate::port::{FIRST_FREE, PORT_START};
use crate::translate::report::Report;

use super::check::Check;
use super::overlay;
use super::value::KEY;

/// What a service says of its pods: part of their inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PodExtension {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automount_token: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topology_spread: Vec<TopologySpreadConstraint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_users: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_group: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_group: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Check>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ndots: Option<i64>,
    /// `false`: the directories that the image declares as volumes are the container's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_volumes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<InitStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Json>,
}

/// A container that runs to its end before the service's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InitStep {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
}

impl PodExtension {
    pub const NOTHING: Self = Self {
        service_account: None,
        automount_token: None,
        pull_secrets: Vec::new(),
        pull_policy: None,
        priority_class: None,
        tolerations: Vec::new(),
        node_selector: BTreeMap::new(),
        topology_spread: Vec::new(),
        runtime_class: None,
        host_users: None,
        fs_group: None,
        run_as_user: None,
        run_as_group: None,
        liveness: None,
        readiness: None,
        resources: BTreeMap::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        ndots: None,
        image_volumes: None,
        init: None,
        overlay: None,
    };
}

/// Puts what a service says into its pod template; `main` is the name of its container, `whole` selects the pods where they are its own, and
/// not another service's that it shares. The overlay comes last.
pub fn extend(
    extension: &PodExtension,
    kind: Kind,
    main: &str,
    whole: Option<StringMap>,
    template: &mut PodTemplateSpec,
    path: &Path,
    report: &mut Report,
) {
    let at = path.key(KEY);
    if let Some(spec) = &mut template.spec
        && let Some(container) = spec.containers.iter_mut().find(|container| container.name == main)
    {
        extend_container(extension, kind, container, &at, report);
    }
    // What the pod's own service says stands where a guest says something else.
    let metadata = template.metadata.get_or_insert_default();
    let (labels, annotations) = (metadata.labels.get_or_insert_default(), metadata.annotations.get_or_insert_default());
    for (all, own) in [(labels, &extension.labels), (annotations, &extension.annotations)] {
        for (key, value) in own {
            if whole.is_some() || !all.contains_key(key) {
                all.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(spec) = &mut template.spec {
        pull_secrets(extension, spec);
        low_ports(extension, main, spec);
        init(extension, main, spec);
    }
    let Some(selector) = whole else { return };
    if let Some(spec) = &mut template.spec {
        scheduling(extension, &selector, spec);
        security(extension, spec);
        if let Some(ndots) = extension.ndots {
            let options = spec.dns_config.get_or_insert_default().options.get_or_insert_default();
            options.retain(|option| option.name.as_deref() != Some("ndots"));
            options.push(PodDNSConfigOption { name: Some("ndots".to_owned()), value: Some(ndots.to_string()) });
        }
    }
    if let Some(overlay) = &extension.overlay {
        overlay::merge(template, overlay, &at.key("podOverlay"), report);
    }
}

fn pull_secrets(extension: &PodExtension, spec: &mut k8s_openapi::api::core::v1::PodSpec) {
    for name in &extension.pull_secrets {
        let all = spec.image_pull_secrets.get_or_insert_default();
        if !all.iter().any(|other| other.name == *name) {
            all.push(LocalObjectReference { name: name.clone() });
        }
    }
}

fn init(extension: &PodExtension, main: &str, spec: &mut k8s_openapi::api::core::v1::PodSpec) {
    let Some(step) = &extension.init else { return };
    let main = spec.containers.iter().find(|container| container.name == main);
    let requests = main.and_then(|container| container.resources.as_ref()?.requests.clone());
    let container = Container {
        resources: requests.map(|requests| ResourceRequirements { requests: Some(requests), ..ResourceRequirements::default() }),
        name: step.name.clone(),
        image: Some(step.image.clone()),
        command: (!step.command.is_empty()).then(|| step.command.clone()),
        ..Container::default()
    };
    spec.init_containers.get_or_insert_default().push(container);
}

fn scheduling(extension: &PodExtension, selector: &StringMap, spec: &mut k8s_openapi::api::core::v1::PodSpec) {
    if !extension.tolerations.is_empty() {
        spec.tolerations.get_or_insert_default().extend(extension.tolerations.clone());
    }
    if !extension.node_selector.is_empty() {
        spec.node_selector.get_or_insert_default().extend(extension.node_selector.clone());
    }
    for constraint in &extension.topology_spread {
        let label_selector = Some(LabelSelector { match_labels: Some(selector.clone()), match_expressions: None });
        let all = spec.topology_spread_constraints.get_or_insert_default();
        // One constraint for each pair of these is all that the API takes.
        let same = |c: &TopologySpreadConstraint| {
            c.topology_key == constraint.topology_key && c.when_unsatisfiable == constraint.when_unsatisfiable
        };
        all.retain(|other| !same(other));
        all.push(TopologySpreadConstraint { label_selector, ..constraint.clone() });
    }
    spec.priority_class_name = extension.priority_class.clone().or(spec.priority_class_name.take());
    spec.runtime_class_name = extension.runtime_class.clone().or(spec.runtime_class_name.take());
    spec.service_account_name = extension.service_account.clone().or(spec.service_account_name.take());
    spec.automount_service_account_token = extension.automount_token.or(spec.automount_service_account_token);
}

fn security(extension: &PodExtension, spec: &mut k8s_openapi::api::core::v1::PodSpec) {
    spec.host_users = extension.host_users.or(spec.host_users);
    if let Some(group) = extension.fs_group {
        let context = spec.security_context.get_or_insert_default();
        context.fs_group = Some(group);
        context.fs_group_change_policy = Some("OnRootMismatch".to_owned());
    }
}

/// Docker lets every user listen on every port.
fn low_ports(extension: &PodExtension, main: &str, spec: &mut k8s_openapi::api::core::v1::PodSpec) {
    let container = spec.containers.iter().find(|container| container.name == main);
    let known =
        |container: &Container| container.image.as_deref().map(images::known_ports).unwrap_or_default().iter().any(|p| *p < FIRST_FREE);
    let says = |container: &Container| container.ports.iter().flatten().any(|port| port.container_port < i32::from(FIRST_FREE));
    let low = container.is_some_and(|container| says(container) || known(container));
    if extension.run_as_user.is_none_or(|user| user == 0) || !low {
        return;
    }
    let all = spec.security_context.get_or_insert_default().sysctls.get_or_insert_default();
    if !all.iter().any(|sysctl| sysctl.name == PORT_START) {
        all.push(Sysctl { name: PORT_START.to_owned(), value: "0".to_owned() });
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn extend_container(extension: &PodExtension, kind: Kind, container: &mut Container, at: &Path, report: &mut Report) {
    if extension.run_as_user.is_some() || extension.run_as_group.is_some() {
        let context = container.security_context.get_or_insert_default();
        if let Some(user) = extension.run_as_user {
            context.run_as_user = Some(user);
            context.run_as_non_root = (user != 0).then_some(true);
        }
        context.run_as_group = extension.run_as_group.or(context.run_as_group);
    }
    for (name, value) in &extension.resources {
        let resources = container.resources.get_or_insert_default();
        for list in [&mut resources.limits, &mut resources.requests] {
            list.get_or_insert_default().insert(name.clone(), Quantity(value.clone()));
        }
    }
    if let Some(policy) = &extension.pull_policy {
        container.image_pull_policy = Some(policy.clone());
    }
    let healthcheck = container.readiness_probe.clone();
    if let Some(readiness) = &extension.readiness {
        match readiness.probe(healthcheck.as_ref()) {
            Some(probe) => container.readiness_probe = Some(probe),
            None => report.refuse("no-healthcheck", &at.key("readiness"), NOTHING_TO_ASK),
        }
    }
    if let Some(liveness) = &extension.liveness {
        if matches!(kind, Kind::Job | Kind::CronJob) {
            report.warn("no-effect", &at.key("liveness"), format!("a {kind} ends by itself: it gets no liveness probe"));
            return;
        }
        match liveness.probe(healthcheck.as_ref()) {
            // A container that lives needs to say so once: more than one success is for readiness.
            Some(probe) => container.liveness_probe = Some(k8s_openapi::api::core::v1::Probe { success_threshold: None, ..probe }),
            None => report.refuse("no-healthcheck", &at.key("liveness"), NOTHING_TO_ASK),
        }
    }
}

const NOTHING_TO_ASK: &str = "the service has no healthcheck to take it from; write test, httpGet or tcpPort";

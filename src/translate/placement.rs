//! `deploy.placement`, `platform` and shared claims → where pods may run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm, PodAntiAffinity, PodOS,
    PodSpec, PreferredSchedulingTerm, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::api::keys;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::names::{self, LabelValue, ObjectName};
use super::objects::{selector, stack_selector};
use super::report::Report;
use super::stack::Stack;

const HOSTNAME: &str = "kubernetes.io/hostname";
const OS: &str = "kubernetes.io/os";
const ARCH: &str = "kubernetes.io/arch";
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// Writes into the pod where it may run. `neighbours`: the services that must run on one node with this one, itself included.
pub fn place(
    stack: &Stack,
    service: &Service,
    name: &ObjectName,
    neighbours: &[&ObjectName],
    pod: &mut PodSpec,
    path: &Path,
    report: &mut Report,
) {
    let at = path.key("deploy").key("placement");
    let mut node = NodeAffinity::default();
    let mut tolerations = Vec::new();
    let mut spread = Vec::new();
    let mut required = Vec::new();
    let mut anti_affinity = None;
    if let Some(deploy) = &service.deploy {
        for (index, text) in deploy.placement_constraints.iter().enumerate() {
            match constraint(text) {
                Ok(Constraint::Required(requirement)) => required.push(requirement),
                Ok(Constraint::Role { manager }) => {
                    let message =
                        "nodes of a cluster have no such role: control-plane nodes are preferred or avoided, as far as that is possible";
                    report.warn("node-role", &at.key("constraints").index(index), message);
                    node.preferred_during_scheduling_ignored_during_execution.get_or_insert_default().push(role(manager));
                    if manager {
                        tolerations.push(tolerate_control_plane());
                    }
                }
                Err(message) => report.refuse("placement", &at.key("constraints").index(index), message),
            }
        }
        for (index, preference) in deploy.placement_preferences.iter().enumerate() {
            match preference.spread.strip_prefix("node.labels.").filter(|label| names::is_label_key(label)) {
                Some(label) => spread.push(spread_over(stack, name, label, 1, "ScheduleAnyway")),
                None => report.refuse(
                    "placement",
                    &at.key("preferences").index(index),
                    format!("{:?}: only node.labels.<label> can be spread over", preference.spread),
                ),
            }
        }
        match deploy.max_replicas_per_node {
            None | Some(0) => {}
            Some(1) => anti_affinity = Some(one_per_node(stack, name)),
            Some(most) => {
                let message = format!("nodes differ by at most {most} replicas; that is no cap of {most} on each");
                report.warn("max-replicas-per-node", &at.key("max_replicas_per_node"), message);
                spread.push(spread_over(stack, name, HOSTNAME, i32::try_from(most).unwrap_or(i32::MAX), "DoNotSchedule"));
            }
        }
    }
    if !required.is_empty() {
        let term = NodeSelectorTerm { match_expressions: Some(required), match_fields: None };
        node.required_during_scheduling_ignored_during_execution = Some(NodeSelector { node_selector_terms: vec![term] });
    }
    let affinity = Affinity {
        node_affinity: (node != NodeAffinity::default()).then_some(node),
        pod_affinity: (!neighbours.is_empty()).then(|| same_node(stack, neighbours)),
        pod_anti_affinity: anti_affinity,
    };
    pod.affinity = (affinity != Affinity::default()).then_some(affinity);
    pod.tolerations = (!tolerations.is_empty()).then_some(tolerations);
    pod.topology_spread_constraints = (!spread.is_empty()).then_some(spread);
    platform(service, pod, path, report);
}

enum Constraint {
    Required(NodeSelectorRequirement),
    Role { manager: bool },
}

/// `key==value`, `key!=value`, `key=value`.
fn constraint(text: &str) -> Result<Constraint, String> {
    let malformed = || format!("{text:?} is no constraint; write key==value or key!=value");
    let (key, equal, value) = match (text.split_once("!="), text.split_once("==").or_else(|| text.split_once('='))) {
        (Some((key, value)), _) => (key, false, value),
        (None, Some((key, value))) => (key, true, value),
        (None, None) => return Err(malformed()),
    };
    let (key, value) = (key.trim(), value.trim());
    let label = match key {
        "" => return Err(malformed()),
        "node.hostname" => HOSTNAME,
        "node.platform.os" => OS,
        "node.platform.arch" => ARCH,
        "node.role" => return Ok(Constraint::Role { manager: (value == "manager") == equal }),
        _ => match key.strip_prefix("node.labels.") {
            Some(label) => label,
            None if key.starts_with("node.") || key.starts_with("engine.") => {
                return Err(format!("{key} is Swarm's; use node.labels.<label>, node.hostname or node.platform"));
            }
            None => key,
        },
    };
    let value = if label == ARCH { architecture(value) } else { value };
    if !names::is_label_key(label) || LabelValue::new(value).is_err() {
        return Err(malformed());
    }
    let operator = if equal { "In" } else { "NotIn" };
    Ok(Constraint::Required(NodeSelectorRequirement {
        key: label.to_owned(),
        operator: operator.to_owned(),
        values: Some(vec![value.to_owned()]),
    }))
}

fn role(manager: bool) -> PreferredSchedulingTerm {
    let operator = if manager { "Exists" } else { "DoesNotExist" };
    let requirement = NodeSelectorRequirement { key: CONTROL_PLANE.to_owned(), operator: operator.to_owned(), values: None };
    PreferredSchedulingTerm { weight: 100, preference: NodeSelectorTerm { match_expressions: Some(vec![requirement]), match_fields: None } }
}

fn tolerate_control_plane() -> Toleration {
    Toleration {
        key: Some(CONTROL_PLANE.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }
}

fn spread_over(stack: &Stack, name: &ObjectName, label: &str, skew: i32, unsatisfiable: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: skew,
        topology_key: label.to_owned(),
        when_unsatisfiable: unsatisfiable.to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(selector(stack, name)), match_expressions: None }),
        ..TopologySpreadConstraint::default()
    }
}

fn one_per_node(stack: &Stack, name: &ObjectName) -> PodAntiAffinity {
    let selector = LabelSelector { match_labels: Some(selector(stack, name)), match_expressions: None };
    let term = PodAffinityTerm { topology_key: HOSTNAME.to_owned(), label_selector: Some(selector), ..PodAffinityTerm::default() };
    PodAntiAffinity { required_during_scheduling_ignored_during_execution: Some(vec![term]), ..PodAntiAffinity::default() }
}

/// A claim that one node at a time can use: its users go where the first of them is.
fn same_node(stack: &Stack, neighbours: &[&ObjectName]) -> PodAffinity {
    let users = LabelSelectorRequirement {
        key: keys::SERVICE.to_owned(),
        operator: "In".to_owned(),
        values: Some(neighbours.iter().map(ToString::to_string).collect()),
    };
    let selector = LabelSelector { match_labels: Some(stack_selector(stack)), match_expressions: Some(vec![users]) };
    let term = PodAffinityTerm { topology_key: HOSTNAME.to_owned(), label_selector: Some(selector), ..PodAffinityTerm::default() };
    PodAffinity { required_during_scheduling_ignored_during_execution: Some(vec![term]), ..PodAffinity::default() }
}

/// `os[/arch[/variant]]`.
fn platform(service: &Service, pod: &mut PodSpec, path: &Path, report: &mut Report) {
    let Some(platform) = service.platform.as_deref().filter(|platform| !platform.is_empty()) else { return };
    let path = path.key("platform");
    let mut parts = platform.split('/');
    let (os, arch, variant) = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        // An architecture alone is one of the usual system.
        (arch, None, None) if ARCHITECTURES.contains(&architecture(arch)) => ("linux", Some(arch), None),
        all => all,
    };
    if os != "linux" {
        report.refuse("platform", &path, format!("{platform:?}: stacks run on Linux nodes"));
        return;
    }
    let mut labels = BTreeMap::from([(OS.to_owned(), os.to_owned())]);
    labels.extend(arch.map(|arch| (ARCH.to_owned(), architecture(arch).to_owned())));
    if let Some(variant) = variant.filter(|variant| !(arch == Some("arm64") && *variant == "v8")) {
        report.warn("platform-variant", &path, format!("nodes don't tell their variant: {variant:?} has no effect"));
    }
    if labels.values().any(|value| LabelValue::new(value).is_err()) {
        report.refuse("platform", &path, format!("{platform:?} is no platform; write os/arch"));
        return;
    }
    pod.node_selector = Some(labels);
    pod.os = Some(PodOS { name: os.to_owned() });
}

/// What nodes call their architectures.
const ARCHITECTURES: [&str; 7] = ["386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"];

fn architecture(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" | "armel" => "arm",
        "i386" => "386",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str, &str)>) {
        let found = match constraint(text) {
            Ok(Constraint::Required(requirement)) => {
                Some((requirement.key, requirement.operator, requirement.values.unwrap_or_default().concat()))
            }
            _ => None,
        };
        assert_eq!(found.as_ref().map(|(key, operator, value)| (key.as_str(), operator.as_str(), value.as_str())), expected, "{text}");
    }

    #[test]
    fn constraints_become_node_labels_with_or_without_spaces() {
        check("node.labels.disk==ssd", Some(("disk", "In", "ssd")));
        check("node.labels.disk != ssd", Some(("disk", "NotIn", "ssd")));
        check("node.hostname == worker-1", Some(("kubernetes.io/hostname", "In", "worker-1")));
        check("node.platform.arch==x86_64", Some(("kubernetes.io/arch", "In", "amd64")));
        check("disk=ssd", Some(("disk", "In", "ssd")));
        for refused in ["node.id==x", "engine.labels.a==b", "node.role==manager", "nonsense", "==x", "node.labels.a b==c"] {
            check(refused, None);
        }
    }
}

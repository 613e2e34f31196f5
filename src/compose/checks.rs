//! Checks of values against each other within one resource.

use core::net::IpAddr;

use crate::yaml::{Mapping, Node};

use super::path::Place;
use super::problems::Problems;
use super::sources::Variables;
use super::tree::{has, made, put, text};

/// The key under which the value of a config's or secret's variable is kept.
pub const RESOLVED: &str = "x-#value";

/// Checks the resources of a canonical tree.
pub fn check(root: &Node, problems: &mut Problems) {
    for (name, entry) in entries(root, "volumes") {
        external(&entry.value, &Place::Entry("volumes", name), problems);
    }
    for (name, entry) in entries(root, "configs") {
        one_source(&entry.value, &["file", "environment", "content"], &Place::Entry("configs", name), problems);
    }
    for (name, entry) in entries(root, "secrets") {
        one_source(&entry.value, &["file", "environment"], &Place::Entry("secrets", name), problems);
    }
    for (name, entry) in entries(root, "services") {
        service(&entry.value, &Place::Entry("services", name), problems);
    }
}

fn entries<'a>(root: &'a Node, section: &str) -> impl Iterator<Item = (&'a String, &'a crate::yaml::Entry)> + use<'a> {
    root.get(section).and_then(Node::as_mapping).into_iter().flat_map(Mapping::iter)
}

fn external(node: &Node, path: &Place<'_>, problems: &mut Problems) {
    if node.get("external").and_then(Node::as_bool) != Some(true) {
        return;
    }
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
            problems.error("conflict", &path.key(key), entry.key_span, "has no meaning where external is true; only name may be given");
        }
    }
}

fn one_source(node: &Node, keys: &[&str], path: &Place<'_>, problems: &mut Problems) {
    if node.as_mapping().is_none() {
        return;
    }
    let given = keys.iter().filter(|key| has(node, key)).count();
    if given > 1 {
        problems.error("conflict", path, node.span, format!("only one of {} may be given", keys.join(", ")));
    }
    if given == 0 && !has(node, "driver") && !has(node, "external") {
        problems.error("missing-attribute", path, node.span, format!("one of {} must be given", keys.join(", ")));
    }
}

fn service(node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (index, port) in items(node.get("ports")) {
        if let Some(address) = text(port, "host_ip")
            && address.parse::<IpAddr>().is_err()
        {
            problems.hidden_error(
                "invalid-value",
                &path.item("ports", index).key("host_ip"),
                port,
                &format!("\"{address}\" is not an IP address"),
            );
        }
    }
    for (index, trigger) in items(node.get("develop").and_then(|develop| develop.get("watch"))) {
        if text(trigger, "path") == Some("") {
            problems.error("invalid-value", &path.key("develop").item("watch", index).key("path"), trigger.span, "must not be empty");
        }
    }
    let reservations = node.get("deploy").and_then(|deploy| deploy.get("resources")?.get("reservations"));
    let (deploy, gpus) = (path.key("deploy"), path.key("gpus"));
    let resources = deploy.key("resources");
    let reserved = resources.key("reservations");
    let devices = reserved.key("devices");
    for (list, path) in [(node.get("gpus"), gpus), (reservations.and_then(|reservations| reservations.get("devices")), devices)] {
        for (index, device) in items(list) {
            if has(device, "count") && has(device, "device_ids") {
                problems.error("conflict", &path.index(index), device.span, "only one of count and device_ids may be given");
            }
        }
    }
}

fn items(node: Option<&Node>) -> impl Iterator<Item = (usize, &Node)> {
    node.and_then(Node::as_sequence).into_iter().flatten().enumerate()
}

/// Takes the values of variables that configs, secrets and `environment` lists name, from the variables of their own file.
pub fn resolve_sources(root: &mut Node, variables: &Variables) {
    for section in ["configs", "secrets"] {
        super::tree::each(root, section, |node, _| {
            if let Some(variable) = text(node, "environment").and_then(|name| variables.get(name)) {
                let value = Node { tainted: variable.tainted, ..made(variable.value.clone(), node) };
                put(node, RESOLVED, value);
            }
        });
    }
    for section in ["services", "jobs"] {
        super::tree::each(root, section, |node, _| {
            if let Some(environment) = node.get_mut("environment").filter(|environment| environment.as_sequence().is_some()) {
                super::normalize::resolve_names(environment, variables, true);
            }
        });
    }
}

//! What the files imply: the default network, dependencies of links and shared namespaces, names of resources.

use crate::yaml::{Entry, Mapping, Node, Value};

use super::limits::MAX_VALUES;
use super::merge;
use super::path::Place;
use super::paths;
use super::problems::Problems;
use super::schema;
use super::sources::Variables;
use super::tree::each;
use super::tree::{count, derived, has, made, made_mapping, put, put_default, remove, text};

/// Writes what the files imply into the tree.
pub fn normalize(root: &mut Node, project: &str, variables: &Variables, problems: &mut Problems) {
    networks(root);
    for section in ["services", "jobs"] {
        each(root, section, |node, path| workload(node, path, variables, problems));
    }
    names(root, project);
}

fn networks(root: &mut Node) {
    let mut uses_default = None;
    for section in ["services", "jobs"] {
        each(root, section, |node, _| {
            if has(node, "provider") || has(node, "network_mode") {
                return;
            }
            if node.get("networks").and_then(Node::as_mapping).is_none_or(Mapping::is_empty) {
                let none = made(Value::Null, node);
                put(node, "networks", made_mapping([("default", none)], node));
            }
            if node.get("networks").is_some_and(|networks| has(networks, "default")) {
                uses_default.get_or_insert_with(|| made(Value::Null, node));
            }
        });
    }
    let Some(default) = uses_default else { return };
    put_default(root, "networks", Value::from(Mapping::default()));
    if let Some(networks) = root.get_mut("networks")
        && !has(networks, "default")
    {
        put(networks, "default", default);
    }
}

fn workload(node: &mut Node, path: &Place<'_>, variables: &Variables, problems: &mut Problems) {
    if node.as_mapping().is_none() {
        return;
    }
    if text(node, "pull_policy") == Some("if_not_present")
        && let Some(policy) = node.get_mut("pull_policy")
    {
        *policy = derived("missing", policy);
    }
    if let Some(build) = node.get_mut("build") {
        put_default(build, "context", ".");
        if !has(build, "dockerfile") && !has(build, "dockerfile_inline") {
            put_default(build, "dockerfile", "Dockerfile");
        }
        if let Some(arguments) = build.get_mut("args") {
            resolve_names(arguments, variables, false);
        }
    }
    if let Some(environment) = node.get_mut("environment") {
        resolve_names(environment, variables, true);
    }
    imply_dependencies(node);
    for mount in node.get_mut("volumes").and_then(Node::as_sequence_mut).into_iter().flatten() {
        if let Some(target) = mount.get_mut("target")
            && let Some(cleaned) = target.as_str().map(paths::clean)
        {
            *target = derived(cleaned, target);
        }
    }
    inherit_hooks(node, path, problems);
}

/// Gives keys without value the value of the variable of their name. Without such a variable they stay, or go.
pub fn resolve_names(node: &mut Node, variables: &Variables, keep: bool) {
    match &mut node.value {
        Value::Mapping(mapping) => mapping.retain(|key, entry| {
            if !entry.value.is_null() {
                return true;
            }
            match variables.get(key) {
                Some(variable) => {
                    entry.value = Node { tainted: variable.tainted, ..made(variable.value.clone(), &entry.value) };
                    true
                }
                None => keep,
            }
        }),
        Value::Sequence(items) => items.retain_mut(|item| {
            let Some(name) = item.as_str().filter(|text| !text.contains('=')) else { return true };
            match variables.get(name) {
                Some(variable) => {
                    *item = Node { tainted: variable.tainted, ..made(format!("{name}={}", variable.value), item) };
                    true
                }
                None => keep,
            }
        }),
        _ => {}
    }
}

fn imply_dependencies(node: &mut Node) {
    let mut implied: Vec<(String, bool, Node)> = Vec::new();
    for link in node.get("links").and_then(Node::as_sequence).into_iter().flatten() {
        if let Some(text) = link.as_str() {
            let service = match text.split(':').collect::<Vec<_>>()[..] {
                [service, _] => service,
                _ => text,
            };
            implied.push((service.to_owned(), true, link.clone()));
        }
    }
    for namespace in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(shared) = node.get(namespace)
            && let Some(service) = shared.as_str().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((service.to_owned(), true, shared.clone()));
        }
    }
    for from in node.get("volumes_from").and_then(Node::as_sequence).into_iter().flatten() {
        if let Some(text) = from.as_str().filter(|text| !text.starts_with("container:")) {
            implied.push((text.split(':').next().unwrap_or_default().to_owned(), false, from.clone()));
        }
    }
    for (service, restart, from) in implied {
        put_default(node, "depends_on", Value::from(Mapping::default()));
        let Some(depends_on) = node.get_mut("depends_on") else { return };
        if !has(depends_on, &service) {
            let dependency = made_mapping(
                [("condition", made("service_started", &from)), ("restart", made(restart, &from)), ("required", made(true, &from))],
                &from,
            );
            put(depends_on, &service, dependency);
        }
    }
}

/// A `pre_start` hook is a container of its own that takes what it doesn't write from the service; volumes come at run time.
fn inherit_hooks(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    if node.get("pre_start").and_then(Node::as_sequence).is_none_or(<[Node]>::is_empty) {
        return;
    }
    let inherited: Mapping = node
        .as_mapping()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "volumes" && schema::CONTAINER.iter().any(|attribute| attribute.name == key.as_str()))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    // Paths below a service, so that the merge rules of services apply.
    let rules = Place::Entry("services", "hook");
    let mut found = Problems::default();
    let inherited = made(Value::from(inherited), node);
    let hooks = node.get("pre_start").and_then(Node::as_sequence).map_or(0, <[Node]>::len);
    if hooks.saturating_mul(count(&inherited)) > MAX_VALUES {
        problems.error("too-large", &path.key("pre_start"), node.span, format!("the hooks inherit more than {MAX_VALUES} values together"));
        return;
    }
    for (index, hook) in node.get_mut("pre_start").and_then(Node::as_sequence_mut).into_iter().flatten().enumerate() {
        if hook.as_mapping().is_some() {
            *hook = merge::merge(inherited.clone(), std::mem::take(hook), &rules, &mut found);
        }
        if found.has_errors() {
            problems.error("merge", &path.item("pre_start", index), hook.span, "cannot be merged with what it inherits from the service");
            found = Problems::default();
        }
    }
}

/// Resources without a name are called `<project>_<key>`; external ones by their key.
fn names(root: &mut Node, project: &str) {
    for section in ["networks", "volumes", "configs", "secrets"] {
        let Some(mapping) = root.get_mut(section).and_then(Node::as_mapping_mut) else { continue };
        for (key, Entry { key_span, value }) in mapping.iter_mut() {
            if value.is_null() {
                *value = Node::new(Value::from(Mapping::default()), *key_span);
            }
            if value.get("name").is_some_and(Node::is_null) {
                remove(value, "name");
            }
            let external = value
                .get("external")
                .is_some_and(|external| matches!(&external.value, Value::Bool(true)) || external.as_str() == Some("true"));
            put_default(value, "name", if external { key.clone() } else { format!("{project}_{key}") });
        }
    }
}

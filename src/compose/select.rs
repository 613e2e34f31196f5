//! Which services are active: by profile (Compose specification, "Profiles"), and by the names that were asked for.

use std::collections::BTreeSet;

use crate::yaml::{Mapping, Node};

use super::diagnostic::{Diagnostic, closest};
use super::problems::Problems;
use super::tree::text;

/// The profiles that services name.
pub fn profiles(root: &Node) -> BTreeSet<String> {
    let services = root.get("services").and_then(Node::as_mapping).into_iter().flat_map(Mapping::values);
    let declared = services.filter_map(|entry| entry.value.get("profiles")?.as_sequence()).flatten();
    declared.filter_map(Node::as_str).map(str::to_owned).collect()
}

/// Takes services out that no active profile selects, and returns them.
pub fn by_profile(root: &mut Node, profiles: &[String]) -> Mapping {
    let inactive = set_aside(root, "services", |node| active(node, profiles));
    set_aside(root, "jobs", |node| active(node, profiles));
    inactive
}

fn active(node: &Node, profiles: &[String]) -> bool {
    let declared = node.get("profiles").and_then(Node::as_sequence).unwrap_or_default();
    // As in the reference, an empty profile is active where none is asked for.
    let nameless = || profiles.is_empty() && declared.iter().any(|own| own.as_str() == Some(""));
    declared.is_empty()
        || nameless()
        || profiles.iter().any(|profile| profile == "*" || declared.iter().any(|own| own.as_str() == Some(profile)))
}

fn set_aside(root: &mut Node, section: &str, keep: impl Fn(&Node) -> bool) -> Mapping {
    let Some(mapping) = root.get_mut(section).and_then(Node::as_mapping_mut) else { return Mapping::default() };
    let (kept, aside) = std::mem::take(mapping).into_iter().partition(|(_, entry)| keep(&entry.value));
    *mapping = kept;
    aside
}

/// Narrows the project to some services and what they depend on. A service that is asked for activates its own profiles.
pub fn by_name(root: &mut Node, inactive: &mut Mapping, names: &[String], profiles: &[String], problems: &mut Problems) {
    if names.is_empty() {
        return;
    }
    let mut profiles = profiles.to_vec();
    for name in names {
        let own = inactive.get(name).and_then(|entry| entry.value.get("profiles")?.as_sequence());
        profiles.extend(own.into_iter().flatten().filter_map(Node::as_str).map(str::to_owned));
    }
    let Some(services) = root.get_mut("services").and_then(Node::as_mapping_mut) else { return };
    let (activated, rest) = std::mem::take(inactive).into_iter().partition::<Mapping, _>(|(_, entry)| active(&entry.value, &profiles));
    services.extend(activated);
    *inactive = rest;

    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<(String, bool)> = names.iter().map(|name| (name.clone(), true)).collect();
    while let Some((name, required)) = open.pop() {
        let Some(entry) = services.get(&name) else {
            if required {
                let close = closest(&name, services.keys().map(String::as_str))
                    .map(|close| format!(", did you mean \"{close}\"?"))
                    .unwrap_or_default();
                problems.add(Diagnostic::error("undefined-service", "", format!("there is no service \"{name}\"{close}")));
            }
            continue;
        };
        if wanted.insert(name) {
            let depends_on = entry.value.get("depends_on").and_then(Node::as_mapping);
            open.extend(
                depends_on
                    .into_iter()
                    .flatten()
                    .map(|(name, entry)| (name.clone(), entry.value.get("required").and_then(Node::as_bool) != Some(false))),
            );
        }
    }
    let (kept, aside): (Mapping, Mapping) = std::mem::take(services).into_iter().partition(|(name, _)| wanted.contains(name));
    *services = kept;
    inactive.extend(aside);
    for entry in services.values_mut() {
        if let Some(depends_on) = entry.value.get_mut("depends_on").and_then(Node::as_mapping_mut) {
            depends_on.retain(|name, _| wanted.contains(name));
        }
    }
}

/// Takes resources out that no service uses.
pub fn used_alone(root: &mut Node) {
    for (section, uses) in [
        ("networks", networks as fn(&Node, &mut BTreeSet<String>)),
        ("volumes", volumes),
        ("secrets", secrets),
        ("configs", configs),
        ("models", models),
    ] {
        let mut used = BTreeSet::new();
        for entry in root.get("services").and_then(Node::as_mapping).into_iter().flat_map(Mapping::values) {
            uses(&entry.value, &mut used);
        }
        if let Some(mapping) = root.get_mut(section).and_then(Node::as_mapping_mut) {
            mapping.retain(|name, _| used.contains(name));
        }
    }
}

fn keys(node: &Node, key: &str, used: &mut BTreeSet<String>) {
    used.extend(node.get(key).and_then(Node::as_mapping).into_iter().flat_map(Mapping::keys).cloned());
}

fn sources(node: &Node, key: &str, used: &mut BTreeSet<String>) {
    for item in node.get(key).and_then(Node::as_sequence).into_iter().flatten() {
        used.extend(text(item, "source").map(str::to_owned));
    }
}

fn networks(node: &Node, used: &mut BTreeSet<String>) {
    keys(node, "networks", used);
}

fn models(node: &Node, used: &mut BTreeSet<String>) {
    keys(node, "models", used);
}

fn volumes(node: &Node, used: &mut BTreeSet<String>) {
    for mount in node.get("volumes").and_then(Node::as_sequence).into_iter().flatten().filter(|mount| text(mount, "type") == Some("volume"))
    {
        used.extend(text(mount, "source").map(str::to_owned));
    }
}

fn configs(node: &Node, used: &mut BTreeSet<String>) {
    sources(node, "configs", used);
}

fn secrets(node: &Node, used: &mut BTreeSet<String>) {
    sources(node, "secrets", used);
    if let Some(build) = node.get("build") {
        sources(build, "secrets", used);
    }
}

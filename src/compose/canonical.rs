//! Short forms → the long forms of the Compose specification.
//!
//! Values of a wrong type stay as they are: the schema has refused them already.

use crate::yaml::{Entry, Mapping, Node, Value};

use super::merge;
use super::path::Place;
use super::problems::Problems;
use super::short;
use super::tree::{derived, each, has, made, made_mapping, put, put_default, remove, text};

/// Expands every short form below the root. `lenient`: texts that hold uninterpolated variables stay as they are.
/// `ports` is how many ports ranges may still stand for.
pub fn expand(root: &mut Node, lenient: bool, ports: &mut usize, problems: &mut Problems) {
    let mut pass = Canonical { lenient, ports, problems };
    for section in ["services", "jobs"] {
        each(root, section, |node, path| pass.workload(node, path));
    }
    for section in ["volumes", "networks", "secrets", "configs"] {
        each(root, section, |node, path| pass.external(node, path));
    }
}

/// About how many values the short forms of all services stand for, port ranges aside.
pub fn expanded(root: &Node) -> usize {
    // The attributes whose items grow, and what one becomes.
    const GROWTH: [(&str, usize); 9] = [
        ("depends_on", 3),
        ("ports", 6),
        ("volumes", 7),
        ("secrets", 3),
        ("configs", 3),
        ("devices", 4),
        ("env_file", 3),
        ("links", 4),
        ("volumes_from", 4),
    ];
    let services = ["services", "jobs"].into_iter().filter_map(|section| root.get(section)?.as_mapping());
    let items = |node: &Node| match &node.value {
        Value::Sequence(items) => items.len(),
        Value::Mapping(mapping) => mapping.len(),
        _ => 0,
    };
    let of_service = |entry: &Entry| -> usize { GROWTH.iter().map(|(key, each)| entry.value.get(key).map_or(0, items) * each).sum() };
    services.flat_map(Mapping::values).map(of_service).sum()
}

struct Canonical<'a> {
    lenient: bool,
    ports: &'a mut usize,
    problems: &'a mut Problems,
}

impl Canonical<'_> {
    fn workload(&mut self, node: &mut Node, path: &Place<'_>) {
        self.container(node, path);
        change(node, "build", |value| self.build(value, &path.key("build")));
        change(node, "depends_on", dependencies);
        change(node, "extends", |value| {
            if value.as_str().is_some() {
                *value = made_mapping([("service", value.clone())], value);
            }
        });
        change(node, "ports", |value| self.ports(value, &path.key("ports")));
        items(node, "pre_start", path, |hook, path| self.container(hook, path));
        if let Some(develop) = node.get_mut("develop") {
            items(develop, "watch", &path.key("develop"), |trigger, _| {
                change(trigger, "ignore", listed);
                change(trigger, "include", listed);
            });
        }
        if let Some(triggers) = node.get_mut("triggers") {
            items(triggers, "schedule", path, |schedule, _| {
                if schedule.as_str().is_some() {
                    *schedule = made_mapping([("cron", schedule.clone())], schedule);
                }
            });
        }
    }

    fn container(&mut self, node: &mut Node, path: &Place<'_>) {
        change(node, "env_file", env_files);
        change(node, "label_file", listed);
        change(node, "dns", listed);
        change(node, "networks", named);
        change(node, "models", named);
        change(node, "gpus", |value| {
            if value.as_str().is_some() {
                *value = made(vec![made_mapping([("count", derived("all", value))], value)], value);
            }
        });
        items(node, "volumes", path, |item, path| self.volume(item, path));
        items(node, "devices", path, |item, path| self.device(item, path));
        items(node, "secrets", path, |item, _| file_mount(item));
        items(node, "configs", path, |item, _| file_mount(item));
    }

    fn build(&mut self, node: &mut Node, path: &Place<'_>) {
        if node.as_str().is_some() {
            *node = made_mapping([("context", node.clone())], node);
            return;
        }
        items(node, "secrets", path, |item, _| file_mount(item));
        for key in ["provenance", "sbom"] {
            change(node, key, |value| {
                if let Some(text) = value.scalar_text() {
                    *value = derived(text, value);
                }
            });
        }
        let contexts = path.key("additional_contexts");
        change(node, "additional_contexts", |value| self.key_values(value, &contexts, |_| false));
        change(node, "ssh", |value| self.key_values(value, &path.key("ssh"), |key| key == "default"));
    }

    /// A list of `key=value` as a mapping; `alone` says which keys need no value.
    fn key_values(&mut self, node: &mut Node, path: &Place<'_>, alone: fn(&str) -> bool) {
        let Some(list) = node.as_sequence() else { return };
        let mut mapping = Mapping::default();
        for (index, item) in list.iter().enumerate() {
            let Some(line) = item.as_str() else { return };
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, derived(value, item)),
                None if alone(line) => (line, made(Value::Null, item)),
                None if self.lenient => return,
                None => {
                    self.problems.error("value", &path.index(index), item.span, "expected key=value".to_owned());
                    continue;
                }
            };
            mapping.insert(key.to_owned(), Entry { key_span: item.span, value });
        }
        *node = made(Value::from(mapping), node);
    }

    fn ports(&mut self, node: &mut Node, path: &Place<'_>) {
        let Some(list) = node.as_sequence_mut() else { return };
        let mut ports = Vec::with_capacity(list.len());
        for (index, item) in std::mem::take(list).into_iter().enumerate() {
            let short = match &item.value {
                Value::Int(_) | Value::String(_) if !item.is_timestamp() => item.scalar_text(),
                _ => None,
            };
            match short.map(|short| short::ports(&short, &item, self.ports)) {
                None => ports.push(item),
                Some(Ok(expanded)) => ports.extend(expanded),
                Some(Err(_)) if self.lenient => ports.push(item),
                Some(Err(message)) => self.problems.hidden_error("invalid-port", &path.index(index), &item, &message),
            }
        }
        *list = ports;
    }

    fn volume(&mut self, node: &mut Node, path: &Place<'_>) {
        let Some(text) = node.as_str().filter(|_| !node.is_timestamp()) else { return };
        match short::volume(text, node) {
            Ok((long, unknown)) => {
                for option in unknown {
                    let option = if node.tainted { "an option".to_owned() } else { format!("\"{option}\"") };
                    self.problems.warn("unknown-option", path, node.span, format!("{option} means nothing here"));
                }
                *node = long;
            }
            Err(_) if self.lenient => {}
            Err(message) => self.problems.hidden_error("invalid-volume", path, node, &message),
        }
    }

    fn device(&mut self, node: &mut Node, path: &Place<'_>) {
        let Some(text) = node.as_str().filter(|_| !node.is_timestamp()) else { return };
        match short::device(text, node) {
            Ok(long) => *node = long,
            Err(_) if self.lenient => {}
            Err(message) => self.problems.hidden_error("invalid-device", path, node, &message),
        }
    }

    /// The old `external: {name: x}`.
    fn external(&mut self, node: &mut Node, path: &Place<'_>) {
        let Some(external) = node.get("external").filter(|external| external.as_mapping().is_some()).cloned() else { return };
        put(node, "external", made(true, &external));
        let Some(name) = external.get("name") else { return };
        self.problems.warn(
            "deprecated",
            &path.key("external"),
            external.span,
            "external.name is deprecated; write `name` and `external: true`".to_owned(),
        );
        match text(node, "name") {
            Some(written) if Some(written) != name.as_str() => {
                self.problems.error("conflict", path, name.span, "name and external.name differ; write only name".to_owned());
            }
            Some(_) => {}
            None => put(node, "name", name.clone()),
        }
    }
}

/// Changes the value of a key where it is there.
fn change(node: &mut Node, key: &str, with: impl FnOnce(&mut Node)) {
    if let Some(value) = node.get_mut(key) {
        with(value);
    }
}

/// Changes every item of the list under a key.
fn items(node: &mut Node, key: &str, path: &Place<'_>, mut with: impl FnMut(&mut Node, &Place<'_>)) {
    if let Some(list) = node.get_mut(key).and_then(Node::as_sequence_mut) {
        for (index, item) in list.iter_mut().enumerate() {
            with(item, &path.item(key, index));
        }
    }
}

fn listed(node: &mut Node) {
    if node.as_str().is_some() {
        *node = made(vec![node.clone()], node);
    }
}

fn named(node: &mut Node) {
    if node.as_sequence().is_some()
        && let Ok(names) = merge::names(node.clone(), |_| Value::Null)
    {
        *node = names;
    }
}

fn dependencies(node: &mut Node) {
    if node.as_sequence().is_some()
        && let Ok(names) = merge::names(node.clone(), |_| Value::from(Mapping::default()))
    {
        *node = names;
    }
    for entry in node.as_mapping_mut().into_iter().flat_map(Mapping::values_mut) {
        put_default(&mut entry.value, "condition", "service_started");
        put_default(&mut entry.value, "required", true);
    }
}

fn env_files(node: &mut Node) {
    listed(node);
    for item in node.as_sequence_mut().into_iter().flatten() {
        if item.as_str().is_some() {
            *item = made_mapping([("path", item.clone())], item);
        }
        put_default(item, "required", true);
    }
}

fn file_mount(node: &mut Node) {
    if node.as_str().is_some() {
        *node = made_mapping([("source", node.clone())], node);
    }
}

/// Drops what the reference drops as empty: blank DNS servers.
pub fn omit_empty(root: &mut Node) {
    for section in ["services", "jobs"] {
        each(root, section, |node, _| {
            if let Some(servers) = node.get_mut("dns").and_then(Node::as_sequence_mut) {
                servers.retain(|server| !server.is_null() && server.as_str() != Some(""));
            }
        });
    }
}

/// The defaults that the reference writes into the model.
pub fn defaults(root: &mut Node) {
    for section in ["services", "jobs"] {
        each(root, section, |node, path| {
            change(node, "build", |build| put_default(build, "context", "."));
            items(node, "secrets", path, |secret, _| {
                if let Some(source) = text(secret, "source").map(|source| format!("/run/secrets/{source}")) {
                    put_default(secret, "target", source);
                }
            });
            items(node, "ports", path, |port, _| {
                put_default(port, "protocol", "tcp");
                put_default(port, "mode", "ingress");
            });
            items(node, "gpus", path, |device, _| device_count(device));
            items(node, "volumes", path, |volume, _| change(volume, "bind", |bind| put_default(bind, "create_host_path", true)));
            let reservations = node.get_mut("deploy").and_then(|deploy| deploy.get_mut("resources")?.get_mut("reservations"));
            if let Some(reservations) = reservations {
                items(reservations, "devices", path, |device, _| device_count(device));
            }
        });
    }
}

fn device_count(device: &mut Node) {
    if !has(device, "device_ids") {
        put_default(device, "count", "all");
    }
}

/// Moves what once was an extension to the attribute that it became: `x-develop`, and `x-initialSync` of its triggers.
pub fn promote_aliases(root: &mut Node, problems: &mut Problems) {
    each(root, "services", |service, path| {
        promote(service, "x-develop", "develop", path, problems);
        if let Some(develop) = service.get_mut("develop") {
            items(develop, "watch", &path.key("develop"), |trigger, path| {
                promote(trigger, "x-initialSync", "initial_sync", path, problems);
            });
        }
    });
}

fn promote(node: &mut Node, from: &str, to: &str, path: &Place<'_>, problems: &mut Problems) {
    let Some(extension) = remove(node, from) else { return };
    let value = match remove(node, to) {
        Some(attribute) if !attribute.is_null() => merge::merge(extension, attribute, &path.key(to), problems),
        _ => extension,
    };
    put(node, to, value);
}

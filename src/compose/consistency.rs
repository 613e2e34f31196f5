//! Checks across resources: what is named must be there, twins must agree, nothing may depend on itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::yaml::{Entry, Mapping, Node, Span};

use super::diagnostic::Diagnostic;
use super::path::{Path, Place};
use super::problems::Problems;
use super::tree::{has, shown, text};

/// Cycles that are told of one project: where all services depend on each other there are more than anyone could list.
const MAX_CYCLES: usize = 50;

/// Checks a conformed tree in which inactive services have been set aside.
pub fn check(root: &Node, inactive: &Mapping, problems: &mut Problems) {
    let mut check = Check { root, inactive, problems };
    for (name, entry) in entries(root, "services") {
        check.service(name, entry);
    }
    check.jobs();
    check.secrets();
    check.cycles();
}

fn entries<'a>(root: &'a Node, section: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> + use<'a> {
    entries_of(root, section).into_iter().flat_map(Mapping::iter)
}

fn entries_of<'a>(root: &'a Node, section: &str) -> Option<&'a Mapping> {
    root.get(section).and_then(Node::as_mapping)
}

struct Check<'a> {
    root: &'a Node,
    inactive: &'a Mapping,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn service(&mut self, name: &str, entry: &Entry) {
        let (node, path) = (&entry.value, Place::Entry("services", name));
        if node.as_mapping().is_none() {
            return;
        }
        if !has(node, "build") && text(node, "image").is_none_or(str::is_empty) && !has(node, "provider") && !self.problems.concerns(&path)
        {
            self.problems.error("missing-image", &path, entry.key_span, "has neither image nor build");
        }
        if let Some(build) = node.get("build") {
            self.build(node, build, &path);
        }
        self.networks(node, &path);
        self.dependencies(node, &path, false);
        self.mounts(node, &path);
        for (key, section) in [("configs", "configs"), ("secrets", "secrets")] {
            self.mounted_files(node, key, section, &path);
        }
        for (model, entry) in node.get("models").and_then(Node::as_mapping).into_iter().flatten() {
            if !self.is_defined("models", model) {
                self.undefined("models", &key_node(model, entry), &path.key("models").key(model));
            }
        }
        self.twins(node, &path);
        self.container_name(node, &path);
        self.triggers(node, &path);
    }

    /// Whether a top-level section defines a name.
    fn is_defined(&self, section: &str, name: &str) -> bool {
        entries_of(self.root, section).is_some_and(|names| names.contains_key(name))
    }

    /// Refuses a name that a top-level section doesn't define.
    fn defined(&mut self, section: &str, name: &Node, path: &Place<'_>) {
        if !self.is_defined(section, name.as_str().unwrap_or_default()) {
            self.undefined(section, name, path);
        }
    }

    fn undefined(&mut self, section: &str, name: &Node, path: &Place<'_>) {
        let names = entries_of(self.root, section);
        let kind = section.trim_end_matches('s');
        let hint = self.hint(name, names);
        self.problems.error(undefined(section), path, name.span, format!("{kind} {} is not defined under {section}{hint}", shown(name)));
    }

    /// What a misspelt name most likely means.
    fn hint(&self, name: &Node, names: Option<&Mapping>) -> String {
        let text = name.as_str().filter(|_| !name.tainted).unwrap_or_default();
        let close = self.problems.closest(text, names.into_iter().flat_map(Mapping::keys).map(String::as_str));
        close.map(|close| format!(", did you mean \"{close}\"?")).unwrap_or_default()
    }

    fn build(&mut self, node: &Node, build: &Node, path: &Place<'_>) {
        let at = path.key("build");
        if build.get("dockerfile_inline").is_some_and(|inline| inline.as_str() != Some(""))
            && text(build, "dockerfile").is_some_and(|file| !file.is_empty())
        {
            self.problems.error("conflict", &at, build.span, "only one of dockerfile and dockerfile_inline may be given");
        }
        for (context, entry) in build.get("additional_contexts").and_then(Node::as_mapping).into_iter().flatten() {
            let Some(target) = entry.value.as_str().and_then(|text| text.strip_prefix("service:")) else { continue };
            let contexts = at.key("additional_contexts");
            let path = contexts.key(context);
            match self.service_of(target) {
                None => self.problems.error(
                    "undefined-service",
                    &path,
                    entry.value.span,
                    format!("there is no such service: {}", shown(&entry.value)),
                ),
                Some(service) if !has(service, "build") => {
                    self.problems.error("conflict", &path, entry.value.span, format!("the service is not built: {}", shown(&entry.value)));
                }
                Some(_) => {}
            }
        }
        if let (Some(platform), Some(platforms)) = (node.get("platform"), build.get("platforms").and_then(Node::as_sequence))
            && !platforms.is_empty()
            && !platforms.iter().any(|known| known.as_str() == platform.as_str())
        {
            self.problems.error(
                "conflict",
                &at.key("platforms"),
                build.span,
                format!("must have the service's platform {}", shown(platform)),
            );
        }
        self.mounted_files(build, "secrets", "secrets", &at);
    }

    fn service_of(&self, name: &str) -> Option<&Node> {
        let active = self.root.get("services").and_then(|services| services.get(name));
        active.or_else(|| self.inactive.get(name).map(|entry| &entry.value))
    }

    fn networks(&mut self, node: &Node, path: &Place<'_>) {
        let networks = node.get("networks").and_then(Node::as_mapping);
        if text(node, "network_mode").is_some_and(|mode| !mode.is_empty()) && networks.is_some_and(|networks| !networks.is_empty()) {
            let span = node.get("network_mode").map_or(node.span, |mode| mode.span);
            self.problems.error("conflict", &path.key("network_mode"), span, "only one of network_mode and networks may be given");
            return;
        }
        for (network, entry) in networks.into_iter().flatten() {
            if !self.is_defined("networks", network) {
                self.undefined("networks", &key_node(network, entry), &path.key("networks").key(network));
            }
        }
    }

    /// Refuses the name of a service that is not active.
    fn inactive_service(&mut self, name: &Node, path: &Path) {
        let names = entries_of(self.root, "services");
        let text = name.as_str().unwrap_or_default();
        let message = if self.inactive.contains_key(text) {
            format!("service {} is in no active profile", shown(name))
        } else {
            format!("there is no service {}{}", shown(name), self.hint(name, names))
        };
        self.problems.error("undefined-service", path, name.span, message);
    }

    fn dependencies(&mut self, node: &Node, path: &Place<'_>, jobs: bool) {
        for (service, entry) in node.get("depends_on").and_then(Node::as_mapping).into_iter().flatten() {
            let optional = entry.value.get("required").and_then(Node::as_bool) == Some(false) && self.inactive.contains_key(service);
            let job = jobs && self.root.get("jobs").is_some_and(|jobs| has(jobs, service));
            if !optional && !job && !entries_of(self.root, "services").is_some_and(|services| services.contains_key(service)) {
                self.inactive_service(&key_node(service, entry), &cause(node, path, service, entry.key_span));
            }
        }
    }

    fn mounts(&mut self, node: &Node, path: &Place<'_>) {
        let mut targets: BTreeMap<String, (String, Span)> = BTreeMap::new();
        let mut mount = |problems: &mut Problems, target: &str, path: &Place<'_>, span| {
            if let Some((earlier, place)) = targets.insert(target.to_owned(), (path.to_string(), span)) {
                let diagnostic =
                    Diagnostic::error("duplicate-target", path.to_string(), format!("the same target is mounted already by {earlier}"));
                problems.add(diagnostic.at(span).note("first here", Some(place)));
            }
        };
        for (index, tmpfs) in node.get("tmpfs").and_then(Node::as_sequence).into_iter().flatten().enumerate() {
            if let Some(line) = tmpfs.as_str() {
                mount(self.problems, line.split(':').next().unwrap_or_default(), &path.item("tmpfs", index), tmpfs.span);
            }
        }
        for (index, volume) in node.get("volumes").and_then(Node::as_sequence).into_iter().flatten().enumerate() {
            let path = path.item("volumes", index);
            if let Some(target) = text(volume, "target") {
                mount(self.problems, target, &path, volume.span);
            }
            if text(volume, "type") == Some("volume")
                && let Some(source) = volume.get("source")
                && source.as_str().is_some_and(|name| !name.is_empty())
            {
                self.defined("volumes", source, &path);
            }
        }
    }

    fn mounted_files(&mut self, node: &Node, key: &str, section: &str, path: &Place<'_>) {
        for (index, mount) in node.get(key).and_then(Node::as_sequence).into_iter().flatten().enumerate() {
            let path = path.item(key, index);
            match mount.get("source") {
                Some(source) if source.as_str().is_some() => self.defined(section, source, &path),
                None if mount.as_mapping().is_some() => {
                    self.problems.error("missing-attribute", &path, mount.span, format!("\"source\" is missing; name one of {section}"));
                }
                _ => {}
            }
        }
    }

    /// Attributes of the service that say the same as one of `deploy`.
    fn twins(&mut self, node: &Node, path: &Place<'_>) {
        let deploy = node.get("deploy");
        let scale = node.get("scale").and_then(Node::as_i64);
        let replicas = deploy.and_then(|deploy| deploy.get("replicas")?.as_i64());
        if let (Some(scale), Some(replicas)) = (scale, replicas)
            && scale != replicas
        {
            self.problems.error("conflict", &path.key("scale"), node.span, "must be the same as deploy.replicas");
        }
        for (count, at) in [(scale, path.key("scale")), (replicas, path.key("deploy").key("replicas"))] {
            if count.is_some_and(|count| count < 0) {
                self.problems.error("out-of-range", &at, node.span, "must be 0 or more");
            }
        }
        let resources = deploy.and_then(|deploy| deploy.get("resources"));
        for (key, part, twin) in [
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ] {
            let Some(value) = node.get(key).and_then(Node::as_f64).filter(|value| *value != 0.0) else { continue };
            let Some(part_node) = resources.and_then(|resources| resources.get(part)) else { continue };
            let other = part_node.get(twin).and_then(Node::as_f64).unwrap_or_default();
            if (value - other).abs() > f64::EPSILON {
                let span = node.get(key).map_or(node.span, |node| node.span);
                self.problems.error("conflict", &path.key(key), span, format!("must be the same as deploy.resources.{part}.{twin}"));
            }
        }
    }

    fn container_name(&mut self, node: &Node, path: &Place<'_>) {
        let replicas = node.get("deploy").and_then(|deploy| deploy.get("replicas")?.as_i64());
        let scale = node.get("scale").and_then(Node::as_i64).or(replicas).unwrap_or(1);
        if scale > 1
            && let Some(name) = node.get("container_name")
        {
            self.problems.error(
                "conflict",
                &path.key("container_name"),
                name.span,
                format!("is one name for {scale} containers; leave it out or scale to 1"),
            );
        }
    }

    fn triggers(&mut self, node: &Node, path: &Place<'_>) {
        let triggers = node.get("develop").and_then(|develop| develop.get("watch")?.as_sequence());
        for (index, trigger) in triggers.into_iter().flatten().enumerate() {
            if text(trigger, "target").is_none_or(str::is_empty) && !matches!(text(trigger, "action"), Some("rebuild" | "restart")) {
                let develop = path.key("develop");
                let path = develop.item("watch", index);
                self.problems.error("missing-attribute", &path, trigger.span, "\"target\" is missing");
            }
        }
    }

    fn jobs(&mut self) {
        for (name, entry) in entries(self.root, "jobs") {
            let path = Place::Entry("jobs", name);
            if self.service_of(name).is_some() {
                self.problems.error("conflict", &path, entry.key_span, "is the name of a service too");
            }
            self.dependencies(&entry.value, &path, true);
        }
    }

    fn secrets(&mut self) {
        for (name, entry) in entries(self.root, "secrets") {
            let secret = &entry.value;
            let external = secret.get("external").and_then(Node::as_bool) == Some(true);
            let given = |key| text(secret, key).is_some_and(|text| !text.is_empty());
            let path = Place::Entry("secrets", name);
            if !external && !given("file") && !given("environment") && !self.problems.concerns(&path) {
                self.problems.error("missing-attribute", &path, entry.key_span, "one of file, environment must be given");
            }
        }
    }

    /// Each cycle of `depends_on` once, by name.
    fn cycles(&mut self) {
        let services: BTreeMap<&str, (Vec<&str>, &Entry)> = entries(self.root, "services")
            .map(|(name, entry)| {
                let names = entry.value.get("depends_on").and_then(Node::as_mapping).into_iter().flat_map(Mapping::keys);
                (name.as_str(), (names.map(String::as_str).collect(), entry))
            })
            .collect();
        let (mut done, mut entered, mut found) = (BTreeSet::<&str>::new(), BTreeSet::<&str>::new(), 0);
        for &start in services.keys() {
            // Depth first without recursion: each level holds the dependencies that are still to be followed.
            let mut path = vec![start];
            entered.insert(start);
            let mut levels = vec![services.get(start).map(|(names, _)| names.clone()).unwrap_or_default()];
            if done.contains(start) {
                entered.remove(start);
                continue;
            }
            while let Some(level) = levels.last_mut() {
                let Some(next) = level.pop() else {
                    levels.pop();
                    if let Some(left) = path.pop() {
                        entered.remove(left);
                        done.insert(left);
                    }
                    continue;
                };
                if entered.contains(next) {
                    if found >= MAX_CYCLES {
                        return;
                    }
                    found += 1;
                    let at = path.iter().position(|name| *name == next).unwrap_or_default();
                    let mut cycle: Vec<&str> = path[at..].to_vec();
                    let first = (0..cycle.len()).min_by_key(|index| cycle[*index]).unwrap_or_default();
                    cycle.rotate_left(first);
                    let span = services
                        .get(cycle[0])
                        .and_then(|(_, entry)| entry.value.get("depends_on"))
                        .map_or_else(Default::default, |node| node.span);
                    let names = cycle.iter().chain([&cycle[0]]).copied().collect::<Vec<_>>().join(" -> ");
                    let service = Place::Entry("services", cycle[0]);
                    let path = service.key("depends_on");
                    self.problems.error("dependency-cycle", &path, span, format!("services depend on each other: {names}"));
                } else if !done.contains(next)
                    && let Some((names, _)) = services.get(next)
                {
                    path.push(next);
                    entered.insert(next);
                    levels.push(names.clone());
                }
            }
        }
    }
}

/// A key as a node, for messages.
fn key_node(key: &str, entry: &Entry) -> Node {
    Node::new(key.to_owned(), entry.key_span)
}

/// What names a dependency: `depends_on`, or a link, a shared namespace or volume that implies it and stands at the same place.
fn cause(node: &Node, path: &Place<'_>, service: &str, span: Span) -> Path {
    for key in ["links", "volumes_from"] {
        for (index, item) in node.get(key).and_then(Node::as_sequence).into_iter().flatten().enumerate() {
            if item.span == span && span != Span::default() {
                return path.item(key, index).to_path();
            }
        }
    }
    let shared =
        ["network_mode", "ipc", "pid", "uts", "cgroup"].into_iter().find(|key| node.get(key).is_some_and(|value| value.span == span));
    match shared.filter(|_| span != Span::default()) {
        Some(key) => path.key(key).to_path(),
        None => path.key("depends_on").key(service).to_path(),
    }
}

fn undefined(section: &str) -> &'static str {
    match section {
        "networks" => "undefined-network",
        "volumes" => "undefined-volume",
        "configs" => "undefined-config",
        "secrets" => "undefined-secret",
        _ => "undefined-model",
    }
}

/// Two services can't have containers of one name.
pub fn check_container_names(root: &Node, problems: &mut Problems) {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (service, entry) in entries(root, "services") {
        let Some(name) = entry.value.get("container_name") else { continue };
        if let Some(other) = name.as_str().and_then(|text| names.insert(text, service)) {
            let at = Place::Entry("services", service);
            let path = at.key("container_name");
            problems.error("conflict", &path, name.span, format!("is the container name of services.{other} too"));
        }
    }
}

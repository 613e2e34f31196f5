//! Makes the paths of a model relative to the project directory.

use crate::yaml::{Mapping, Node};

use super::path::Place;
use super::paths::{clean, is_windows_absolute, join};
use super::problems::Problems;
use super::tree::{derived, each, has, text};

/// Whether a build context is fetched from elsewhere.
fn is_remote(context: &str) -> bool {
    context.contains("://") || ["service:", "github.com/", "git@"].iter().any(|prefix| context.starts_with(prefix))
}

/// Makes paths of a model start from another directory.
pub struct Resolver<'a> {
    /// The directory that relative paths are now taken from, seen from the one that they shall be taken from.
    pub base: &'a str,
    /// What `~` is; without it, `~` stays.
    pub home: Option<&'a str>,
}

impl Resolver<'_> {
    /// Resolves every path of a canonical tree.
    pub fn resolve(&self, root: &mut Node, problems: &mut Problems) {
        for section in ["services", "jobs"] {
            each(root, section, |node, path| self.workload(node, path, problems));
        }
        for section in ["configs", "secrets"] {
            each(root, section, |node, _| self.value(node, "file", Self::mixed));
        }
        each(root, "volumes", |node, _| self.volume_device(node));
    }

    fn workload(&self, node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
        if let Some(build) = node.get_mut("build") {
            self.value(build, "context", Self::context);
            self.values(build, "additional_contexts", Self::context);
            self.values(build, "ssh", Self::mixed);
        }
        if let Some(extends) = node.get_mut("extends") {
            self.value(extends, "file", Self::plain);
        }
        for trigger in node.get_mut("develop").and_then(|develop| develop.get_mut("watch")?.as_sequence_mut()).into_iter().flatten() {
            self.value(trigger, "path", Self::plain);
        }
        self.container(node, path, problems);
        for (index, hook) in node.get_mut("pre_start").and_then(Node::as_sequence_mut).into_iter().flatten().enumerate() {
            self.container(hook, &path.item("pre_start", index), problems);
        }
    }

    fn container(&self, node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
        for file in node.get_mut("env_file").and_then(Node::as_sequence_mut).into_iter().flatten() {
            self.value(file, "path", Self::plain);
        }
        for file in node.get_mut("label_file").and_then(Node::as_sequence_mut).into_iter().flatten() {
            self.replace(file, Self::plain);
        }
        for (index, mount) in node.get_mut("volumes").and_then(Node::as_sequence_mut).into_iter().flatten().enumerate() {
            if text(mount, "type") != Some("bind") {
                continue;
            }
            if !has(mount, "source") {
                problems.error(
                    "missing-attribute",
                    &path.item("volumes", index),
                    mount.span,
                    "\"source\" is missing; a bind mount needs it",
                );
            }
            self.value(mount, "source", Self::mixed);
        }
    }

    /// A local volume that is a bind mount in disguise.
    fn volume_device(&self, node: &mut Node) {
        if text(node, "driver") == Some("local")
            && let Some(options) = node.get_mut("driver_opts")
            && text(options, "o") == Some("bind")
        {
            self.value(options, "device", Self::mixed);
        }
    }

    fn values(&self, node: &mut Node, key: &str, resolve: fn(&Self, &str) -> String) {
        for entry in node.get_mut(key).and_then(Node::as_mapping_mut).into_iter().flat_map(Mapping::values_mut) {
            self.replace(&mut entry.value, resolve);
        }
    }

    fn value(&self, node: &mut Node, key: &str, resolve: fn(&Self, &str) -> String) {
        if let Some(value) = node.get_mut(key) {
            self.replace(value, resolve);
        }
    }

    fn replace(&self, node: &mut Node, resolve: fn(&Self, &str) -> String) {
        if let Some(path) = node.as_str() {
            *node = derived(resolve(self, path), node);
        }
    }

    fn at_home(&self, path: &str) -> String {
        match (self.home, path.strip_prefix('~')) {
            (Some(home), Some(rest)) => clean(&format!("{home}/{rest}")),
            _ => path.to_owned(),
        }
    }

    /// A path that is relative unless it starts with `/`.
    fn plain(&self, path: &str) -> String {
        let path = self.at_home(path);
        if path.is_empty() || path.starts_with(['/', '~']) { path } else { join(self.base, &path) }
    }

    /// The same, for paths that may be those of another system.
    fn mixed(&self, path: &str) -> String {
        let path = self.at_home(path);
        if path.starts_with(['/', '~']) || is_windows_absolute(&path) { path } else { join(self.base, &path) }
    }

    fn context(&self, path: &str) -> String {
        if is_remote(path) { path.to_owned() } else { self.plain(path) }
    }
}

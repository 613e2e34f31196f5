//! `x-kubernetes.external`: a service that is somewhere else runs nothing here, so what the file says of its containers has no effect.

use crate::compose::path::Path;
use crate::yaml::{Node, Span};

use super::kubernetes::KEY;
use super::project::service_path;
use super::report::{self, Report};
use super::stack::Stack;

/// Attributes that are for its name, for reading the file, or that are judged by themselves.
const KEPT: [&str; 12] = [
    "attach",
    "build",
    "container_name",
    "develop",
    "extends",
    "external_links",
    "hostname",
    "image",
    "networks",
    "ports",
    "profiles",
    "provider",
];
/// Keys of the extension that are for its name.
const KEPT_OF_EXTENSION: [&str; 2] = ["external", "names"];

/// Tells every key that says something of pods that there are none of.
pub fn check(stack: &Stack, report: &mut Report) {
    for (key, ..) in stack.services().filter(|(key, ..)| !stack.runs_here(key)) {
        let path = service_path(key);
        tell(stack, &path, &KEPT, report);
        tell(stack, &path.key(KEY), &KEPT_OF_EXTENSION, report);
    }
}

fn tell(stack: &Stack, path: &Path, kept: &[&str], report: &mut Report) {
    let mapping = report::node(&stack.project.root, path).and_then(Node::as_mapping);
    for (key, entry) in mapping.into_iter().flatten() {
        let implied = entry.key_span == Span::default() || entry.value.is_null();
        let extension = key.starts_with("x-");
        if !implied && !extension && !kept.contains(&key.as_str()) {
            report.warn("no-effect", &path.key(key.to_owned()), "has no effect: the service is somewhere else (x-kubernetes.external)");
        }
    }
}

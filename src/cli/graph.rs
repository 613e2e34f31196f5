//! `kubectl compose graph`: which service waits for which (`depends_on`), in the order in which they start.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::compose::model::{Dependency, DependencyCondition, Project};

use super::args::GraphFormat;
use super::table;

/// Width of a column at least.
const COLUMN: usize = 10;

/// The graph as text.
pub fn text(project: &Project, format: GraphFormat) -> String {
    match format {
        GraphFormat::Text => table::lines(COLUMN, &["SERVICE", "AFTER"], &rows(project)),
        GraphFormat::Dot => dot(project),
        GraphFormat::Mermaid => mermaid(project),
    }
}

fn rows(project: &Project) -> Vec<Vec<String>> {
    let row = |name: &str| {
        let awaited = project.services[name].depends_on.iter().map(|(other, dependency)| format!("{other} ({})", condition(dependency)));
        vec![name.to_owned(), awaited.collect::<Vec<_>>().join(", ")]
    };
    in_order(project).into_iter().map(row).collect()
}

/// Services after all that they depend on; in the order of the file where that says nothing.
fn in_order(project: &Project) -> Vec<&str> {
    let (mut ordered, mut done) = (Vec::new(), BTreeSet::new());
    let mut left: Vec<&str> = project.services.keys().map(String::as_str).collect();
    while !left.is_empty() {
        let is_free = |name: &&str| {
            project.services[*name].depends_on.keys().all(|other| done.contains(other.as_str()) || !left.contains(&other.as_str()))
        };
        let (free, others): (Vec<&str>, Vec<&str>) = left.iter().copied().partition(is_free);
        // A cycle is refused before; here it only must not go round.
        let free = if free.is_empty() { others.clone() } else { free };
        left = others.into_iter().filter(|name| !free.contains(name)).collect();
        done.extend(free.iter().copied());
        ordered.extend(free);
    }
    ordered
}

fn condition(dependency: &Dependency) -> String {
    let condition = match dependency.condition {
        DependencyCondition::Started => "started",
        DependencyCondition::Healthy => "healthy",
        DependencyCondition::CompletedSuccessfully => "completed",
    };
    let notes = [("optional", !dependency.required), ("restarts with it", dependency.restart)];
    let notes = notes.iter().filter(|(_, is_so)| *is_so).map(|(note, _)| *note);
    [condition].into_iter().chain(notes).collect::<Vec<_>>().join(", ")
}

fn edges(project: &Project) -> impl Iterator<Item = (&str, &str, &Dependency)> {
    project
        .services
        .iter()
        .flat_map(|(name, service)| service.depends_on.iter().map(move |(other, dependency)| (name.as_str(), other.as_str(), dependency)))
}

fn dot(project: &Project) -> String {
    let mut text = format!("digraph {:?} {{\n", project.name);
    for name in project.services.keys() {
        let _ = writeln!(text, "  {name:?};");
    }
    for (name, other, dependency) in edges(project) {
        let _ = writeln!(text, "  {name:?} -> {other:?} [label={:?}];", condition(dependency));
    }
    text + "}\n"
}

/// Names may be words of Mermaid's own, so nodes have numbers.
fn mermaid(project: &Project) -> String {
    let number = |name: &str| project.services.get_index_of(name).map_or_else(|| "unknown".to_owned(), |index| format!("s{index}"));
    let mut text = "flowchart LR\n".to_owned();
    for name in project.services.keys() {
        let _ = writeln!(text, "  {}[{name:?}]", number(name));
    }
    for (name, other, dependency) in edges(project) {
        let _ = writeln!(text, "  {} -->|{}| {}", number(name), condition(dependency), number(other));
    }
    text
}

//! `depends_on`, and what links and `volumes_from` imply → gates. A cycle is refused by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{Dependency, DependencyCondition, Service};
use crate::compose::path::Path;

use super::desired::Gate;
use super::object::Kind;
use super::pod;
use super::report::Report;
use super::stack::{Stack, service_path};
use super::workload::{self, Restart};

/// The gates of every service, by its key.
pub fn gates<'a>(stack: &Stack<'a>, kinds: &BTreeMap<&'a str, (Kind, Restart)>, report: &mut Report) -> BTreeMap<&'a str, Vec<Gate>> {
    let mut all = BTreeMap::new();
    for (key, service, _) in stack.services() {
        let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
        for (name, dependency) in &service.depends_on {
            let path = service_path(key).key("depends_on").key(name);
            if let Some(gate) = written(stack, name, dependency, &path, kinds, report) {
                gates.insert(name.clone(), gate);
            }
        }
        for (name, restart) in implied(stack, key, service, report) {
            gates.entry(name.to_owned()).or_insert_with(|| Gate {
                service: name.to_owned(),
                condition: DependencyCondition::Started,
                required: true,
                restart,
            });
        }
        all.insert(key, gates.into_values().collect::<Vec<_>>());
    }
    refuse_cycles(&all, report);
    all
}

fn written(
    stack: &Stack,
    name: &str,
    dependency: &Dependency,
    path: &Path,
    kinds: &BTreeMap<&str, (Kind, Restart)>,
    report: &mut Report,
) -> Option<Gate> {
    let Some(target) = stack.project.services.get(name) else {
        let inactive = stack.project.inactive.iter().any(|other| other == name);
        if dependency.required {
            let why = if inactive { "is in none of the active profiles" } else { "is no service of this stack" };
            report.refuse("unknown-service", path, format!("{name:?} {why}"));
        }
        return None;
    };
    let (kind, restart) = kinds.get(name).copied().unwrap_or((Kind::Deployment, Restart::Absent));
    match dependency.condition {
        DependencyCondition::Healthy if target.healthcheck.as_ref().is_some_and(|check| check.disable) => {
            report.refuse("no-healthcheck", path, format!("{name} can't become healthy: its healthcheck is disabled"));
        }
        DependencyCondition::Healthy if !pod::has_check(target) => {
            report.warn(
                "no-healthcheck",
                path,
                format!("{name} has no healthcheck of its own: it counts as healthy when its pods are ready"),
            );
        }
        DependencyCondition::CompletedSuccessfully if restart == Restart::Always => {
            report.refuse("never-completes", path, format!("{name} never completes: its restart policy is always"));
        }
        DependencyCondition::CompletedSuccessfully if kind == Kind::DaemonSet => {
            report.refuse("never-completes", path, format!("{name} never completes: it runs on every node"));
        }
        _ => {}
    }
    Some(Gate { service: name.to_owned(), condition: dependency.condition, required: dependency.required, restart: dependency.restart })
}

/// The services that must have started before this one, and whether their restart restarts it.
fn implied<'a>(stack: &Stack<'a>, key: &str, service: &'a Service, report: &mut Report) -> Vec<(&'a str, bool)> {
    let mut found = Vec::new();
    for (index, link) in service.links.iter().enumerate() {
        let target = link.split_once(':').map_or(link.as_str(), |(target, _)| target);
        if stack.project.services.contains_key(target) {
            found.push((target, true));
        } else {
            report.refuse(
                "unknown-service",
                &service_path(key).key("links").index(index),
                format!("{target:?} is no service of this stack"),
            );
        }
    }
    for entry in service.volumes_from.iter().filter(|entry| !entry.starts_with("container:")) {
        let target = entry.split_once(':').map_or(entry.as_str(), |(target, _)| target);
        if stack.project.services.contains_key(target) {
            found.push((target, false));
        }
    }
    found
}

fn refuse_cycles(gates: &BTreeMap<&str, Vec<Gate>>, report: &mut Report) {
    let mut done = BTreeSet::new();
    for start in gates.keys() {
        let mut trail = Vec::new();
        visit(start, gates, &mut trail, &mut done, report);
    }
}

fn visit<'a>(
    key: &'a str,
    gates: &'a BTreeMap<&str, Vec<Gate>>,
    trail: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    report: &mut Report,
) {
    if let Some(at) = trail.iter().position(|other| *other == key) {
        let cycle: Vec<&str> = trail[at..].iter().copied().chain([key]).collect();
        report.refuse(
            "dependency-cycle",
            &service_path(key).key("depends_on"),
            format!("services wait for each other: {}", cycle.join(" -> ")),
        );
        return;
    }
    if done.contains(key) {
        return;
    }
    trail.push(key);
    for gate in gates.get(key).into_iter().flatten() {
        visit(&gate.service, gates, trail, done, report);
    }
    trail.pop();
    done.insert(key);
}

/// Kind and restart policy of every service.
pub fn kinds<'a>(stack: &Stack<'a>, report: &mut Report) -> BTreeMap<&'a str, (Kind, Restart)> {
    let awaited = workload::awaited(stack);
    let of = |(key, service, _): (&'a str, &Service, _)| {
        let restart = workload::restart(key, service, report);
        (key, (workload::kind(key, service, restart, awaited.contains(key), report), restart))
    };
    stack.services().map(of).collect()
}

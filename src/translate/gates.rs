//! `depends_on`, and what links and `volumes_from` imply → gates. A cycle is refused by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{Dependency, DependencyCondition, Service};
use crate::compose::path::Path;

use super::container;
use super::desired::Gate;
use super::object::Kind;
use super::project::service_path;
use super::report::Report;
use super::restart::{self, Restart};
use super::stack::Stack;

/// The gates of every service, by its key.
pub fn gates<'a>(stack: &Stack<'a>, kinds: &BTreeMap<&'a str, (Kind, Restart)>, report: &mut Report) -> BTreeMap<&'a str, Vec<Gate>> {
    let mut all = BTreeMap::new();
    for (key, service, _) in stack.services() {
        let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
        for (name, dependency) in &service.depends_on {
            let path = service_path(key).key("depends_on").key(name.to_owned());
            if stack.extension(name).external.is_some() {
                outside(name, dependency, &path, report);
            } else if let Some(gate) = written(stack, name, dependency, &path, kinds, report) {
                gates.insert(name.clone(), gate);
            }
        }
        let here = |(name, _): &(&str, bool)| stack.extension(name).external.is_none();
        for (name, restart) in implied(stack, key, service, report).into_iter().filter(here) {
            gates.entry(name.to_owned()).or_insert_with(|| Gate {
                service: name.to_owned(),
                condition: DependencyCondition::Started,
                required: true,
                restart,
            });
        }
        all.insert(key, gates.into_values().collect::<Vec<_>>());
    }
    let all = of_pods(stack, all);
    refuse_cycles(stack, &all, report);
    all
}

/// A pod waits for what any of its services waits for. Those that share it wait for nothing of each other: they start together.
fn of_pods<'a>(stack: &Stack<'a>, mut all: BTreeMap<&'a str, Vec<Gate>>) -> BTreeMap<&'a str, Vec<Gate>> {
    let guests: Vec<&str> = all.keys().copied().filter(|key| stack.host(key) != *key).collect();
    for guest in guests {
        let own = all.get_mut(guest).map(std::mem::take).unwrap_or_default();
        if let Some(gates) = all.get_mut(stack.host(guest)) {
            let new: Vec<Gate> = own.into_iter().filter(|gate| !gates.contains(gate)).collect();
            gates.extend(new);
        }
    }
    for (host, gates) in &mut all {
        gates.retain(|gate| stack.host(&gate.service) != *host);
        gates.sort_by(|a, b| a.service.cmp(&b.service));
    }
    all
}

/// What is somewhere else counts as started, always.
fn outside(name: &str, dependency: &Dependency, path: &Path, report: &mut Report) {
    match dependency.condition {
        DependencyCondition::CompletedSuccessfully => {
            report.refuse("never-completes", path, format!("{name} never completes: it is somewhere else (x-kubernetes.external)"));
        }
        DependencyCondition::Healthy => {
            report.warn("no-healthcheck", path, format!("{name} is somewhere else: it counts as healthy"));
        }
        DependencyCondition::Started => {}
    }
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
        DependencyCondition::Healthy if !container::has_check(target) => {
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
        DependencyCondition::CompletedSuccessfully if kind == Kind::CronJob => {
            report.refuse("never-completes", path, format!("{name} never completes: it runs again and again, by its schedule"));
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

fn refuse_cycles<'a>(stack: &Stack<'a>, gates: &'a BTreeMap<&'a str, Vec<Gate>>, report: &mut Report) {
    let mut done = BTreeSet::new();
    for start in gates.keys() {
        let mut trail = Vec::new();
        visit(stack, start, gates, &mut trail, &mut done, report);
    }
}

/// Follows the gates of a service's pod. `trail`: the services on the way here.
fn visit<'a>(
    stack: &Stack<'a>,
    key: &'a str,
    gates: &'a BTreeMap<&'a str, Vec<Gate>>,
    trail: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    report: &mut Report,
) {
    let host = stack.host(key);
    if let Some(at) = trail.iter().position(|other| stack.host(other) == host) {
        let spelled =
            |key: &str| if stack.host(key) == key { key.to_owned() } else { format!("{key} (in the pod of {})", stack.host(key)) };
        let cycle: Vec<String> = trail[at..].iter().copied().chain([key]).map(spelled).collect();
        report.refuse(
            "dependency-cycle",
            &service_path(host).key("depends_on"),
            format!("services wait for each other: {}", cycle.join(" -> ")),
        );
        return;
    }
    if done.contains(host) {
        return;
    }
    trail.push(key);
    for gate in gates.get(host).into_iter().flatten() {
        visit(stack, &gate.service, gates, trail, done, report);
    }
    trail.pop();
    done.insert(host);
}

/// Kind and restart policy of every service.
pub fn kinds<'a>(stack: &Stack<'a>, report: &mut Report) -> BTreeMap<&'a str, (Kind, Restart)> {
    let of = |(key, service, _): (&'a str, &Service, _)| {
        let restart = restart::restart(key, service, report);
        let by_file = restart::kind(key, service, restart, stack.is_awaited(key), report);
        (key, (stack.extension(key).kind.unwrap_or(by_file), restart))
    };
    let mut kinds: BTreeMap<&str, (Kind, Restart)> = stack.services().map(of).collect();
    let of_hosts: Vec<_> = kinds.keys().filter_map(|key| Some((*key, kinds.get(stack.host(key))?.0))).collect();
    for (key, kind) in of_hosts {
        if let Some(entry) = kinds.get_mut(key) {
            entry.0 = kind;
        }
    }
    kinds
}

//! Every valid file of the corpus: what refuses it, and that all names of its services resolve.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use compose_operator::compose::diagnostic::{Diagnostic, Severity};
use compose_operator::compose::model::{Project, Service};
use compose_operator::translate::{Desired, Object, Settings};
use serde_json::Value;

use crate::cases::{self, permissive};

/// What keeps a stack from running, each problem once.
fn refusals(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|problem| problem.severity == Severity::Error);
    let mut lines: Vec<String> = errors
        .map(|problem| {
            let field = problem.message.split_once("the administrator's policy.").and_then(|(_, rest)| rest.split(' ').next());
            let field = field.map(|field| format!(", but for policy.{field}")).unwrap_or_default();
            format!("{}: {}{field}", problem.path, problem.code)
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The checked-in table: each case that is refused, by what; first under the shipped policy, then what no policy changes.
fn table(permissive: &Settings) -> String {
    let mut text =
        "# Made by `make generate`; what refuses the valid files of the corpus under the shipped policy, and what still does under \
                    tests/corpus/policy.yaml.\n"
            .to_owned();
    let (mut taken, mut taken_by_permissive, mut closed) = (0, 0, Vec::new());
    for case in cases::valid().unwrap() {
        let (desired, shipped) = case.translate(&Settings::default());
        let (opened, rest) = case.translate(permissive);
        taken += usize::from(desired.is_some());
        taken_by_permissive += usize::from(opened.is_some());
        if desired.is_some() {
            assert!(opened.is_some(), "{}: refused by the permissive policy alone", case.name);
            continue;
        }
        let rest = refusals(&rest);
        writeln!(text, "{}", case.name).unwrap();
        for line in refusals(&shipped) {
            let stays = if rest.contains(&line) { " (no policy)" } else { "" };
            writeln!(text, "  {line}{stays}").unwrap();
        }
        closed.extend(rest.into_iter().filter(|line| line.contains("policy.")).map(|line| format!("{}: {line}", case.name)));
    }
    assert!(closed.is_empty(), "the permissive policy doesn't allow:\n{}", closed.join("\n"));
    writeln!(text, "# {taken} are taken under the shipped policy, {taken_by_permissive} under the permissive one.").unwrap();
    text
}

#[test]
fn every_valid_file_is_translated_or_refused_by_what_the_table_says() {
    if cases::valid().is_none() {
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/refused.txt");
    let found = table(&permissive());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &found).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let changed: Vec<_> = found.lines().filter(|line| !written.lines().any(|other| other == *line)).collect();
    assert!(found == written, "tests/corpus/refused.txt is stale; `make generate` writes it anew:\n{}", changed.join("\n"));
}

/// A service and a name that it may use for another one, or itself.
struct Use<'a> {
    user: &'a str,
    name: &'a str,
    target: &'a str,
}

fn networks(service: &Service) -> Vec<&str> {
    if service.networks.is_empty() && service.network_mode.is_none() {
        vec!["default"]
    } else {
        service.networks.keys().map(String::as_str).collect()
    }
}

fn uses(project: &Project) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    for (user, service) in &project.services {
        let mine = networks(service);
        for (target, other) in &project.services {
            let shared: Vec<_> = networks(other).into_iter().filter(|network| mine.contains(network)).collect();
            let own =
                [Some(target), other.container_name.as_ref(), other.hostname.as_ref()].into_iter().flatten().filter(|_| !shared.is_empty());
            let aliases = shared.iter().filter_map(|network| other.networks.get(*network)).flat_map(|attachment| &attachment.aliases);
            found.extend(own.chain(aliases).map(|name| Use { user, name, target }));
        }
        for link in service.links.iter().filter(|_| !mine.is_empty()) {
            let (target, name) = link.split_once(':').unwrap_or((link, link));
            if let Some((target, other)) = project.services.get_key_value(target)
                && !networks(other).is_empty()
            {
                found.push(Use { user, name, target });
            }
        }
    }
    found
}

/// Pod templates by service, and the selectors of Services by name.
struct Names {
    pods: BTreeMap<String, Value>,
    services: BTreeMap<String, Value>,
}

impl Names {
    fn of(desired: &Desired) -> Self {
        let json = |object: &Object| serde_json::to_value(object).unwrap();
        let template = |object: &Object| {
            let object = json(object);
            object.pointer("/spec/jobTemplate/spec/template").unwrap_or(&object["spec"]["template"]).clone()
        };
        let pods = desired.services.iter().map(|plan| (plan.name.clone(), template(&desired.objects[&plan.workload]))).collect();
        let services = desired.objects.values().filter(|object| matches!(object, Object::Service(_)));
        Self { pods, services: services.map(|object| (object.key().name, json(object)["spec"]["selector"].clone())).collect() }
    }

    /// Whether a Service of this name has the target's pods.
    fn leads(&self, service: &str, target: &str) -> bool {
        let labels = &self.pods[target]["metadata"]["labels"];
        let selector = self.services.get(service).and_then(Value::as_object);
        selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
    }

    fn resolves(&self, Use { user, name, target }: &Use) -> bool {
        if self.leads(&name.to_lowercase(), target) {
            return true;
        }
        let init = self.pods[*user]["spec"]["initContainers"].as_array().into_iter().flatten();
        let mut lines = init.flat_map(|container| container["args"].as_array().into_iter().flatten()).filter_map(Value::as_str);
        lines.any(|line| {
            let is_name = |found: &str| found.eq_ignore_ascii_case(name);
            match line.strip_prefix("--name=").and_then(|line| line.rsplit_once('=')) {
                Some((found, service)) => is_name(found) && self.leads(service, target),
                None => line.strip_prefix("--own-name=").is_some_and(|found| self.pods[*user] == self.pods[*target] && is_name(found)),
            }
        })
    }
}

#[test]
fn every_name_of_every_file_resolves_where_compose_lets_it() {
    let Some(cases) = cases::valid() else { return };
    let settings = permissive();
    let (mut count, mut dead) = (0, Vec::new());
    for case in cases {
        let (Some(desired), _) = case.translate(&settings) else { continue };
        let names = Names::of(&desired);
        for wanted in uses(&case.project) {
            count += 1;
            if !names.resolves(&wanted) {
                dead.push(format!("{}: {} for {} in {}", case.name, wanted.name, wanted.target, wanted.user));
            }
        }
    }
    assert!(count > 1000, "only {count} names were looked up");
    assert!(dead.is_empty(), "{} of {count} names don't resolve:\n{}", dead.len(), dead.join("\n"));
}

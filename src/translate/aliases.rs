//! Further names of services: network aliases, link aliases, `container_name`, `hostname`.
//!
//! A name that every service of the stack may use becomes a further Service. One that only some may use, or that DNS can't carry, needs a
//! line in the hosts file of those; nothing writes it yet, so there is a warning, and a Service where that opens nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::names::{self, ObjectName};
use super::report::Report;
use super::stack::{Stack, networks_of, service_path};

/// Code of the warning about names that need a line in a hosts file.
const NEEDS_HOSTS: &str = "name-needs-hosts-file";

/// A Service under a further name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasService<'a> {
    pub name: ObjectName,
    /// The services that it leads to, sorted. Several: their pods carry the alias' label.
    pub targets: Vec<&'a str>,
    /// Where the file says so first.
    pub path: Path,
}

/// The further names of a stack.
#[derive(Debug, Default)]
pub struct Aliases<'a> {
    pub services: Vec<AliasService<'a>>,
    /// Every name by which a service may be dialled, in lower case, with its services.
    pub dialled: BTreeMap<String, BTreeSet<&'a str>>,
    /// The labels that a service's pods carry for aliases that they share with other services, by its key.
    pub labels: BTreeMap<&'a str, BTreeSet<String>>,
}

/// Where a further name comes from, and so who may use it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    /// Every service that shares a network with it.
    Own,
    /// The members of a network.
    Network(&'a str),
    /// The service that links.
    Link(&'a str),
}

struct Entry<'a> {
    alias: String,
    target: &'a str,
    source: Source<'a>,
    path: Path,
}

/// Finds all further names, and makes of them what is possible.
pub fn aliases<'a>(stack: &Stack<'a>, report: &mut Report) -> Aliases<'a> {
    let mut found = Aliases::default();
    for (key, _, name) in stack.services() {
        found.dialled.entry(key.to_ascii_lowercase()).or_default().insert(key);
        if ObjectName::of_alias(key).is_none() {
            let message = format!(
                "DNS can't carry the name {key:?}: its Service is \"{name}\"; the name itself needs a line in the hosts file of its peers, which is not written yet"
            );
            report.warn(NEEDS_HOSTS, &service_path(key), message);
        }
    }
    let mut groups: BTreeMap<String, Vec<Entry<'a>>> = BTreeMap::new();
    for (key, service, _) in stack.services() {
        for entry in entries(stack, key, service) {
            let folded = entry.alias.to_ascii_lowercase();
            if folded == entry.target.to_ascii_lowercase() {
                continue;
            }
            found.dialled.entry(folded.clone()).or_default().insert(entry.target);
            groups.entry(folded).or_default().push(entry);
        }
    }
    for group in groups.values() {
        let Some(alias) = resolve(stack, group, report) else { continue };
        for target in alias.targets.iter().filter(|_| alias.targets.len() > 1) {
            found.labels.entry(target).or_default().insert(names::alias_label(alias.name.as_str()));
        }
        found.services.push(alias);
    }
    found
}

fn entries<'a>(stack: &Stack<'a>, key: &'a str, service: &'a Service) -> Vec<Entry<'a>> {
    let path = service_path(key);
    let own = |alias: &Option<String>, attribute: &str| {
        alias.as_ref().map(|alias| Entry { alias: alias.clone(), target: key, source: Source::Own, path: path.key(attribute) })
    };
    let mut entries: Vec<Entry> =
        own(&service.container_name, "container_name").into_iter().chain(own(&service.hostname, "hostname")).collect();
    for (network, attachment) in &service.networks {
        for (index, alias) in attachment.aliases.iter().enumerate() {
            let path = path.key("networks").key(network).key("aliases").index(index);
            entries.push(Entry { alias: alias.clone(), target: key, source: Source::Network(network), path });
        }
    }
    for (index, link) in service.links.iter().enumerate() {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        // An unknown service is refused where the links are read as dependencies.
        if let Some((target, _)) = stack.project.services.get_key_value(target) {
            entries.push(Entry { alias: alias.to_owned(), target, source: Source::Link(key), path: path.key("links").index(index) });
        }
    }
    entries
}

/// What becomes of one name, whoever gives it.
fn resolve<'a>(stack: &Stack<'a>, group: &[Entry<'a>], report: &mut Report) -> Option<AliasService<'a>> {
    let first = group.first()?;
    let targets: BTreeSet<&str> = group.iter().map(|entry| entry.target).collect();
    let Some(name) = ObjectName::of_alias(&first.alias) else {
        warn_each(group, report, |alias| {
            format!("DNS can't carry the name {alias:?}; it needs a line in the hosts file of its peers, which is not written yet")
        });
        return None;
    };
    if let Some(holder) = stack.named(&name) {
        if targets.iter().any(|target| *target != holder) {
            warn_each(group, report, |alias| {
                format!(
                    "the service {holder} answers to the name {alias:?} already; for others it needs a line in the hosts file, which is not written yet"
                )
            });
        }
        return None;
    }
    let links = group.iter().any(|entry| matches!(entry.source, Source::Link(_)));
    if links && targets.len() > 1 {
        warn_each(group, report, |alias| {
            format!(
                "{alias:?} means different services to different services; it needs lines in their hosts files, which are not written yet"
            )
        });
        return None;
    }
    if group.iter().any(|entry| leaks(stack, entry)) {
        warn_each(group, report, |alias| {
            format!("only some services may use the name {alias:?}; it needs a line in their hosts files, which is not written yet")
        });
        return None;
    }
    for entry in group {
        if let Source::Link(user) = entry.source
            && !every_peer_links(stack, group, entry.target)
        {
            let message = format!(
                "the name {:?} is meant for {user} alone, but resolves for every service until lines in hosts files are written",
                entry.alias
            );
            report.warn(NEEDS_HOSTS, &entry.path, message);
        }
    }
    Some(AliasService { name, targets: targets.into_iter().collect(), path: first.path.clone() })
}

/// Whether a Service would let a service use the name that may not, and reach the target under it.
fn leaks(stack: &Stack, entry: &Entry) -> bool {
    let Source::Network(network) = entry.source else { return false };
    let Some(target) = stack.project.services.get(entry.target) else { return false };
    let elsewhere = networks_of(target).into_iter().filter(|other| *other != network);
    elsewhere.flat_map(|other| stack.members(other)).any(|peer| peer != entry.target && !stack.is_member(network, peer))
}

fn every_peer_links(stack: &Stack, group: &[Entry], target: &str) -> bool {
    stack.services().all(|(key, _, _)| key == target || group.iter().any(|entry| entry.source == Source::Link(key)))
}

fn warn_each(group: &[Entry], report: &mut Report, message: impl Fn(&str) -> String) {
    for entry in group {
        report.warn(NEEDS_HOSTS, &entry.path, message(&entry.alias));
    }
}

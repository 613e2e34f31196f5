//! Further names of services: network aliases, link aliases, `container_name`, `hostname`.
//!
//! A name that every service of the stack may use becomes a further Service. One that only some may use, or that DNS can't carry, is a line
//! in the hosts file of those; so is every name that means something else to a service than DNS would tell it.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::names::{self, ObjectName};
use super::project::service_path;
use super::replica_names;
use super::report::Report;
use super::stack::Stack;

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
    /// The names that a service has only from its hosts file, by its key: each with the services that it leads to.
    pub hosts: BTreeMap<&'a str, BTreeMap<String, BTreeSet<&'a str>>>,
    /// The services that lines of others' hosts files lead to.
    pub addressed: BTreeSet<&'a str>,
}

/// Where a name comes from, and so who may use it.
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

/// Finds all names, and how each service gets each of them.
pub fn aliases<'a>(stack: &Stack<'a>, report: &mut Report) -> Aliases<'a> {
    let mut found = Aliases::default();
    let mut groups: BTreeMap<String, Vec<Entry<'a>>> = BTreeMap::new();
    let replicas = replica_names::mentioned(stack);
    for (key, service, _) in stack.services() {
        found.dialled.entry(key.to_ascii_lowercase()).or_default().insert(key);
        let named = &stack.extension(key).names;
        let named = named.iter().map(|(alias, path)| Entry { alias: alias.clone(), target: key, source: Source::Own, path: path.clone() });
        let replicas = replicas.get(key).into_iter().flatten();
        let replicas = replicas.map(|name| Entry { alias: name.clone(), target: key, source: Source::Own, path: service_path(key) });
        for entry in entries(stack, key, service).into_iter().chain(named).chain(replicas) {
            let folded = entry.alias.to_ascii_lowercase();
            found.dialled.entry(folded.clone()).or_default().insert(entry.target);
            groups.entry(folded).or_default().push(entry);
        }
    }
    for group in groups.values() {
        let Some(first) = group.first() else { continue };
        if first.alias.is_empty() {
            report.refuse("alias", &first.path, "an alias can't be empty");
            continue;
        }
        if !names::is_host_name(&first.alias) {
            report.warn("host-name", &first.path, format!("{:?} is nothing that a resolver would look up; it has no effect", first.alias));
            continue;
        }
        let service = service_of(stack, group);
        let of_service: Vec<&str> = match &service {
            Answer::Service(name) => vec![name],
            Answer::Alias(alias) => alias.targets.clone(),
            Answer::Nothing => Vec::new(),
        };
        in_hosts_files(stack, group, &of_service.iter().copied().collect(), &mut found);
        let Answer::Alias(alias) = service else { continue };
        for target in alias.targets.iter().filter(|_| alias.targets.len() > 1) {
            found.labels.entry(target).or_default().insert(names::alias_label(alias.name.as_str()));
        }
        found.services.push(alias);
    }
    found
}

/// The names of a service, its key among them, and those that it gives others by links.
fn entries<'a>(stack: &Stack<'a>, key: &'a str, service: &'a Service) -> Vec<Entry<'a>> {
    let path = service_path(key);
    let own = |alias: &str, path: Path| Entry { alias: alias.to_owned(), target: key, source: Source::Own, path };
    let mut entries = Vec::new();
    if stack.has_network(key) {
        entries.push(own(key, path.clone()));
        entries.extend(service.container_name.as_ref().map(|alias| own(alias, path.key("container_name"))));
        entries.extend(service.hostname.as_ref().map(|alias| own(alias, path.key("hostname"))));
    }
    for (network, attachment) in &service.networks {
        for (index, alias) in attachment.aliases.iter().enumerate() {
            let path = path.key("networks").key(network.to_owned()).key("aliases").index(index);
            entries.push(Entry { alias: alias.clone(), target: key, source: Source::Network(network), path });
        }
    }
    for (index, link) in service.links.iter().enumerate() {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        // An unknown service is refused where the links are read as dependencies.
        if let Some((target, ..)) = stack.service(target).filter(|(target, ..)| stack.has_network(target)) {
            entries.push(Entry { alias: alias.to_owned(), target, source: Source::Link(key), path: path.key("links").index(index) });
        }
    }
    entries
}

/// What DNS answers to a name.
enum Answer<'a> {
    /// The service of this name.
    Service(&'a str),
    Alias(AliasService<'a>),
    Nothing,
}

/// The Service that a name gets, whoever gives it.
fn service_of<'a>(stack: &Stack<'a>, group: &[Entry<'a>]) -> Answer<'a> {
    let Some(first) = group.first() else { return Answer::Nothing };
    let Some(name) = ObjectName::of_alias(&first.alias) else { return Answer::Nothing };
    if let Some(holder) = stack.named(&name) {
        return if stack.has_network(holder) { Answer::Service(holder) } else { Answer::Nothing };
    }
    let targets: BTreeSet<&str> = group.iter().map(|entry| entry.target).collect();
    let links = group.iter().any(|entry| matches!(entry.source, Source::Link(_)));
    let all_links = group.iter().all(|entry| matches!(entry.source, Source::Link(_)));
    let for_some = (links && targets.len() > 1)
        || group.iter().any(|entry| leaks(stack, entry))
        || (all_links && !targets.iter().all(|target| every_peer_links(stack, group, target)));
    if for_some {
        return Answer::Nothing;
    }
    Answer::Alias(AliasService { name, targets: targets.into_iter().collect(), path: first.path.clone() })
}

/// Gives each service that may use a name the lines for it, where DNS alone would not lead it to the same services.
fn in_hosts_files<'a>(stack: &Stack<'a>, group: &[Entry<'a>], of_dns: &BTreeSet<&'a str>, found: &mut Aliases<'a>) {
    let all: BTreeSet<&str> = group.iter().map(|entry| entry.target).collect();
    // Whoever may use the name means the one service that has it, and DNS says so.
    if all.len() == 1 && all == *of_dns {
        return;
    }
    let mut users: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for entry in group {
        let mut give = |user: &'a str| {
            let (targets, spellings) = users.entry(user).or_default();
            targets.insert(entry.target);
            spellings.insert(&entry.alias);
        };
        match entry.source {
            Source::Link(user) => give(user),
            Source::Network(network) => stack.members(network).for_each(&mut give),
            Source::Own => {
                stack.networks(entry.target).into_iter().flat_map(|network| stack.members(network)).for_each(&mut give);
            }
        }
    }
    for (user, (targets, spellings)) in users {
        if targets == *of_dns {
            continue;
        }
        found.addressed.extend(targets.iter().copied().filter(|target| *target != user));
        let names = found.hosts.entry(user).or_default();
        for spelling in spellings {
            names.entry(spelling.to_owned()).or_default().extend(targets.iter().copied());
        }
    }
}

/// Whether a Service would let a service use the name that may not, and reach the target under it.
fn leaks(stack: &Stack, entry: &Entry) -> bool {
    let Source::Network(network) = entry.source else { return false };
    let elsewhere = stack.networks(entry.target).into_iter().filter(|other| *other != network);
    elsewhere.flat_map(|other| stack.members(other)).any(|peer| peer != entry.target && !stack.is_member(network, peer))
}

fn every_peer_links(stack: &Stack, group: &[Entry], target: &str) -> bool {
    stack.services().all(|(key, _, _)| key == target || group.iter().any(|entry| entry.source == Source::Link(key)))
}

//! Dropping what a list says twice: of entries with the same identity the last stands, at the place of the first.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::yaml::{Node, Value};

use super::path::Place;
use super::problems::Problems;
use super::tree::text;

/// What makes two entries of a list the same one.
#[derive(Clone, Copy)]
pub enum Identity {
    /// What stands before `=`.
    Key,
    /// The target of a volume.
    Volume,
    /// The target of a device.
    Device,
    /// The target of a config or secret, by default its name below a directory.
    Mount(&'static str),
    /// A port's address, published port, target and protocol.
    Port,
    /// The path of an env_file.
    EnvFile,
    /// The text itself.
    Text,
}

fn identity(path: &[&str]) -> Option<Identity> {
    Some(match path {
        ["networks", _, "labels"] | ["networks", _, "ipam", "options"] => Identity::Key,
        ["services", _, rest @ ..] => match rest {
            ["devices"] => Identity::Device,
            ["volumes"] => Identity::Volume,
            ["configs"] => Identity::Mount(""),
            ["secrets"] => Identity::Mount("/run/secrets"),
            ["ports"] => Identity::Port,
            ["env_file"] => Identity::EnvFile,
            ["expose"] => Identity::Text,
            [
                "annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "environment" | "labels" | "links" | "profiles"
                | "sysctls" | "tmpfs",
            ]
            | ["build", "args" | "additional_contexts" | "platform" | "tags" | "labels"]
            | ["deploy", "labels"]
            | ["networks", _, "aliases" | "link_local_ips"] => Identity::Key,
            _ => return None,
        },
        _ => return None,
    })
}

/// Drops repeated entries of every list that has an identity.
pub fn enforce(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    match &mut node.value {
        Value::Mapping(mapping) => {
            for (key, entry) in mapping.iter_mut() {
                enforce(&mut entry.value, &path.key(key), problems);
            }
        }
        Value::Sequence(items) => {
            if let Some(identity) = identity(path.parts().as_slice()) {
                *items = keep_last(std::mem::take(items), identity, path, problems);
            }
        }
        _ => {}
    }
}

/// Drops repeated entries of one list.
pub fn keep_last(items: Vec<Node>, identity: Identity, path: &Place<'_>, problems: &mut Problems) -> Vec<Node> {
    if !has_work(&items, identity) {
        return items;
    }
    let mut kept: Vec<Node> = Vec::new();
    let mut places = BTreeMap::new();
    for (index, item) in items.into_iter().enumerate() {
        if let Some(key) = identify(&item, identity) {
            if let Some(&place) = places.get(key.as_ref()) {
                problems.origins.replace_all(&item, &kept[place]);
                kept[place] = item;
                continue;
            }
            places.insert(key.into_owned(), kept.len());
        } else if matches!(identity, Identity::Volume | Identity::Device | Identity::Port) && item.as_mapping().is_some() {
            problems.error("missing-attribute", &path.index(index), item.span, "\"target\" is missing");
        }
        kept.push(item);
    }
    kept
}

/// Whether entries repeat each other, or one lacks what tells it from others; most lists hold neither.
fn has_work(items: &[Node], identity: Identity) -> bool {
    let needs_target = matches!(identity, Identity::Volume | Identity::Device | Identity::Port);
    let mut known: HashSet<Cow<'_, str>, foldhash::fast::RandomState> = HashSet::default();
    items.iter().any(|item| match identify(item, identity) {
        Some(key) => !known.insert(key),
        None => needs_target && item.as_mapping().is_some(),
    })
}

fn identify(item: &Node, identity: Identity) -> Option<Cow<'_, str>> {
    match identity {
        Identity::Key => item.as_str().map(|text| text.split_once('=').map_or(text, |(key, _)| key).into()),
        Identity::Text => scalar(item),
        Identity::Volume => match item.as_str() {
            Some(short) => super::short::volume_target(short).map(Cow::Owned),
            None => text(item, "target").map(Cow::Borrowed),
        },
        Identity::Device => match item.as_str() {
            Some(short) => Some(short.split(':').nth(1).unwrap_or(short).into()),
            None => text(item, "target").map(Cow::Borrowed),
        },
        Identity::Mount(directory) => match item.as_str() {
            Some(source) => Some(format!("{directory}/{source}").into()),
            None => text(item, "target").map(Cow::Borrowed).or_else(|| Some(format!("{directory}/{}", text(item, "source")?).into())),
        },
        Identity::EnvFile => item.as_str().or_else(|| text(item, "path")).map(Cow::Borrowed),
        Identity::Port => {
            if item.as_mapping().is_none() {
                return scalar(item);
            }
            let part = |key: &str| item.get(key).and_then(Node::scalar_text);
            let target = part("target")?;
            Some(
                format!(
                    "{}:{}:{target}/{}",
                    part("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned()),
                    part("published").unwrap_or_default(),
                    part("protocol").unwrap_or_else(|| "tcp".to_owned())
                )
                .into(),
            )
        }
    }
}

fn scalar(item: &Node) -> Option<Cow<'_, str>> {
    item.as_str().map(Cow::Borrowed).or_else(|| item.scalar_text().map(Cow::Owned))
}

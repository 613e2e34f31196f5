//! The extension on volumes, networks, configs and secrets.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compose::path::Path;
use crate::translate::names;
use crate::translate::report::Report;
use crate::yaml::Node;

use super::keys::Keys;
use super::value::{KEY, cidrs, object_name};

const MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeExtension {
    pub storage_class: Option<String>,
    /// As it is written.
    pub size: Option<(String, Path)>,
    pub access_modes: Vec<String>,
    /// Labels of the volume that is to be bound.
    pub selector: BTreeMap<String, String>,
    pub data_source: Option<ClaimSource>,
    /// Each replica of a StatefulSet has a claim of its own.
    pub apart: bool,
}

/// What a claim is filled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimSource {
    pub group: Option<String>,
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkExtension {
    /// No policy keeps others out.
    pub open: bool,
    /// Addresses that members may reach besides their networks: nothing else then.
    pub egress: Vec<String>,
    /// Namespaces from which members may be reached.
    pub allow_from: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileExtension {
    /// Which key of an object that exists already.
    pub key: Option<String>,
    /// The object may be changed by hand.
    pub mutable: bool,
}

pub fn volume(node: Option<&Node>, path: &Path, report: &mut Report) -> VolumeExtension {
    let keys = Keys::open(node, &path.key(KEY), &["storageClass", "size", "accessModes", "selector", "dataSource", "shared"], report);
    let mut access_modes = Vec::new();
    for (mode, path) in keys.texts("accessModes", report) {
        if MODES.contains(&mode.as_str()) {
            access_modes.push(mode);
        } else {
            report.refuse("invalid-value", &path, crate::compose::diagnostic::not_allowed(&mode, &MODES));
        }
    }
    VolumeExtension {
        storage_class: object_name(&keys, "storageClass", report),
        size: keys.node("size").and_then(|(_, path)| Some((keys.text("size", report)?, path))),
        access_modes,
        selector: labels(&keys, "selector", report),
        data_source: keys.node("dataSource").and_then(|(node, path)| claim_source(node, &path, report)),
        apart: keys.flag("shared", report) == Some(false),
    }
}

fn claim_source(node: &Node, path: &Path, report: &mut Report) -> Option<ClaimSource> {
    let keys = Keys::open(Some(node), path, &["apiGroup", "kind", "name"], report);
    let kinds = [("PersistentVolumeClaim", None), ("VolumeSnapshot", Some("snapshot.storage.k8s.io"))];
    let kind = keys.text("kind", report).unwrap_or_else(|| "PersistentVolumeClaim".to_owned());
    let group = keys.text("apiGroup", report);
    let known = kinds.iter().find(|(known, _)| *known == kind);
    if known.is_none() && group.is_none() {
        report.refuse("missing", path, format!("the apiGroup of {kind} is missing"));
    }
    if keys.node("name").is_none() {
        report.refuse("missing", path, "name is missing");
    }
    let group = group.or_else(|| known.and_then(|(_, group)| group.map(str::to_owned)));
    Some(ClaimSource { group, kind, name: object_name(&keys, "name", report)? })
}

pub fn network(node: Option<&Node>, path: &Path, report: &mut Report) -> NetworkExtension {
    let keys = Keys::open(node, &path.key(KEY), &["isolate", "egress", "allowFrom"], report);
    let mut allow_from = Vec::new();
    for (namespace, path) in keys.texts("allowFrom", report) {
        if names::ObjectName::new(&namespace).is_ok() {
            allow_from.push(namespace);
        } else {
            report.refuse("invalid-value", &path, format!("{namespace:?} is no name of a namespace"));
        }
    }
    let found = NetworkExtension { open: keys.flag("isolate", report) == Some(false), egress: cidrs(&keys, "egress", report), allow_from };
    if found.open && (!found.egress.is_empty() || !found.allow_from.is_empty()) {
        report.refuse("conflict", &path.key(KEY).key("isolate"), "a network that isn't isolated has no use for egress and allowFrom");
    }
    found
}

pub fn file(node: Option<&Node>, path: &Path, report: &mut Report) -> FileExtension {
    let keys = Keys::open(node, &path.key(KEY), &["key", "immutable"], report);
    let key = keys.text("key", report).filter(|key| {
        let legal = names::is_content_key(key);
        if !legal {
            report.refuse("invalid-value", &path.key(KEY).key("key"), format!("{key:?} can't be a key of a ConfigMap or Secret"));
        }
        legal
    });
    FileExtension { key, mutable: keys.flag("immutable", report) == Some(false) }
}

/// Labels that must be legal.
pub fn labels(keys: &Keys, key: &str, report: &mut Report) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, (value, path)) in keys.strings(key, report) {
        if !names::is_label_key(&name) {
            report.refuse("invalid-value", &path, format!("{name:?} is no legal key of a label"));
        } else if names::LabelValue::new(&value).is_err() {
            report.refuse("invalid-value", &path, format!("{value:?} is no legal value of a label"));
        } else {
            found.insert(name, value);
        }
    }
    found
}

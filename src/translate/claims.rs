//! Named volumes: one PersistentVolumeClaim each, shared by all their users. Claims have no owner: data outlives every mistake.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;

use crate::api::keys;
use crate::compose::model::{DeployMode, Volume};
use crate::compose::path::Path;

use super::devices::known;
use super::hash;
use super::kubernetes::VolumeExtension;
use super::labels;
use super::memory;
use super::mounts::DATA;
use super::names::ObjectName;
use super::object::Object;
use super::objects::{Objects, claim_labels, metadata};
use super::report::Report;
use super::stack::Stack;
use super::volume_users;

const COMPOSE_VOLUME: &str = "com.docker.compose.volume";
const DEFAULT_SIZE: &str = "1Gi";
const READ_WRITE_ONCE: &str = "ReadWriteOnce";
const READ_WRITE_MANY: &str = "ReadWriteMany";

/// What a named volume is on the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    Claim {
        name: ObjectName,
        /// Directory of the claim that holds the content; `None`: its root.
        directory: Option<String>,
        /// Exists already, or the services that use it wait.
        external: bool,
        /// Whether only pods of one node can use it at a time.
        one_node: bool,
    },
    /// Each replica of a StatefulSet has its own.
    Apart { claim: Box<PersistentVolumeClaim> },
    /// Each pod has its own, in memory: `driver_opts.type: tmpfs`.
    Memory { options: memory::Options },
    /// A path of the project directory: `driver_opts` with `o: bind`.
    Bind { device: String },
    /// A directory of a server that the administrator's policy names: `driver_opts.type: nfs`.
    Nfs { server: String, directory: String, read_only: bool },
}

/// Makes the claims; what each volume is, by key.
pub fn claims<'a>(stack: &Stack<'a>, objects: &mut Objects, report: &mut Report) -> BTreeMap<&'a str, Storage> {
    let mut storages = BTreeMap::new();
    for (key, volume) in &stack.project.volumes {
        let path = Path::of(&["volumes", key]);
        if let Some(storage) = storage(stack, key, volume, &path, objects, report) {
            storages.insert(key.as_str(), storage);
        }
    }
    storages
}

fn storage(stack: &Stack, key: &str, volume: &Volume, path: &Path, objects: &mut Objects, report: &mut Report) -> Option<Storage> {
    let option = |name: &str| volume.driver_opts.get(name).map(String::as_str);
    let policy = &stack.settings.policy;
    let driver = volume.driver.as_deref().filter(|driver| !matches!(*driver, "" | "local" | "default"));
    if let Some(driver) = driver.filter(|driver| !policy.volume_drivers.contains_key(*driver)) {
        let what = format!("no storage class is known for the driver {driver:?}{}", known(&policy.volume_drivers));
        report.forbidden("volume-driver", &path.key("driver"), &what, "volumeDrivers");
        return None;
    }
    let bind = option("o").is_some_and(|options| options.split(',').any(|option| matches!(option.trim(), "bind" | "rbind")));
    let is_claim = matches!(option("type"), Some("none" | "") | None) && !bind;
    if !is_claim {
        in_disguise(stack, key, volume, path, report);
    }
    match option("type") {
        Some("tmpfs") => {
            let at = path.key("driver_opts").key("o");
            return Some(Storage::Memory { options: memory::options(option("o").unwrap_or_default(), &at, report) });
        }
        Some("none" | "") | None if bind => return Some(Storage::Bind { device: option("device").unwrap_or_default().to_owned() }),
        Some("none" | "") | None => {}
        Some("nfs" | "nfs4") => return nfs(stack, volume, &path.key("driver_opts"), report),
        Some(other) => {
            report.refuse(
                "volume-type",
                &path.key("driver_opts").key("type"),
                format!("volumes of type {other:?} can't be had; allowed are none, tmpfs, nfs"),
            );
            return None;
        }
    }
    for (name, _) in
        volume.driver_opts.iter().filter(|(name, value)| !matches!(name.as_str(), "size" | "class" | "type") && !value.is_empty())
    {
        report.warn("driver-option", &path.key("driver_opts").key(name.to_owned()), "has no effect on a claim; `size` and `class` have");
    }
    let written = if volume.name.is_empty() { key } else { &volume.name };
    let Some(name) = ObjectName::of_claim(written) else {
        report.refuse(
            "illegal-name",
            path,
            format!("{:?} holds no letter or digit that the name of a claim could be made of", volume.name),
        );
        return None;
    };
    let known = stack.facts.claim_layouts.get(name.as_str());
    let extension = stack.extensions.volume(key);
    let class = class(stack, key, volume, &extension);
    let mode = match &class {
        Class::OfAllNodes(_) => READ_WRITE_MANY.to_owned(),
        Class::Given(_) => access_mode(stack),
    };
    let modes = if extension.access_modes.is_empty() { vec![mode] } else { extension.access_modes.clone() };
    let many = |mode: &String| matches!(mode.as_str(), READ_WRITE_MANY | "ReadOnlyMany");
    let one_node = !volume.external && !modes.iter().any(many);
    if volume.external && extension != VolumeExtension::default() {
        let message = "has no effect on a volume that exists already";
        report.warn("no-effect", &path.key(super::kubernetes::KEY), message);
    }
    if volume.external {
        let directory = known.cloned().flatten().filter(|layout| layout == DATA);
        return Some(Storage::Claim { name, directory, external: true, one_node });
    }
    // A claim that was there before says itself how it is laid out; one that is to be made gets our layout.
    let directory = known.map_or_else(|| Some(DATA.to_owned()), |layout| layout.clone().filter(|layout| layout == DATA));
    let laid_out = directory.is_some() || extension.apart;
    let claim = made(stack, key, volume, &name, (&modes, class.name(), &extension), laid_out, path, report)?;
    if extension.apart {
        return Some(Storage::Apart { claim: Box::new(claim) });
    }
    objects.add(Object::PersistentVolumeClaim(Box::new(claim)), path, report);
    Some(Storage::Claim { name, directory, external: false, one_node })
}

/// What is said of a claim where there is none.
fn in_disguise(stack: &Stack, key: &str, volume: &Volume, path: &Path, report: &mut Report) {
    let options = path.key("driver_opts");
    let others = volume.driver_opts.keys().filter(|name| !matches!(name.as_str(), "type" | "o" | "device"));
    let mut lost: Vec<Path> = others.map(|name| options.key(name.to_owned())).collect();
    lost.extend((!volume.labels.is_empty()).then(|| path.key("labels")));
    lost.extend((stack.extensions.volume(key) != VolumeExtension::default()).then(|| path.key(super::kubernetes::KEY)));
    for path in lost {
        report.warn("no-effect", &path, "has no effect: the volume is no claim");
    }
}

fn nfs(stack: &Stack, volume: &Volume, path: &Path, report: &mut Report) -> Option<Storage> {
    let option = |name: &str| volume.driver_opts.get(name).map_or("", String::as_str);
    let options = || option("o").split(',').map(str::trim).filter(|option| !option.is_empty());
    let Some(server) = options().find_map(|option| option.strip_prefix("addr=")) else {
        report.refuse("nfs", &path.key("o"), "names no server: addr=<name or address>");
        return None;
    };
    let directory = option("device").trim_start_matches(':');
    if !directory.starts_with('/') {
        report.refuse("nfs", &path.key("device"), format!("{:?} is not a directory of the server, such as :/srv/data", option("device")));
        return None;
    }
    if !stack.settings.policy.nfs.contains(server) {
        report.forbidden("nfs", path, &format!("a volume of the NFS server {server}"), "nfs");
        return None;
    }
    let known = |option: &&str| option.starts_with("addr=") || matches!(*option, "rw" | "ro");
    let others: Vec<&str> = options().filter(|option| !known(option)).collect();
    if !others.is_empty() {
        report.warn("nfs-option", &path.key("o"), format!("{}: the nodes mount with options of their own", others.join(",")));
    }
    let read_only = options().any(|option| option == "ro");
    Some(Storage::Nfs { server: server.to_owned(), directory: directory.to_owned(), read_only })
}

/// The claim that stands for an anonymous volume which other services take with `volumes_from`.
pub fn of_anonymous(
    stack: &Stack,
    service: (&str, &ObjectName),
    target: &str,
    path: &Path,
    objects: &mut Objects,
    report: &mut Report,
) -> Option<(ObjectName, bool)> {
    of_service(
        stack,
        ObjectName::of_anonymous(&stack.project.name, service.1.as_str(), target)?,
        (service.0, target),
        path,
        objects,
        report,
    )
}

/// The claim that stands for a directory of the project which a service may write to, and whether only one node can use it at a time.
pub fn of_bind(
    stack: &Stack,
    service: (&str, &ObjectName),
    target: &str,
    path: &Path,
    objects: &mut Objects,
    report: &mut Report,
) -> Option<(ObjectName, bool)> {
    of_service(stack, ObjectName::of_bind(&stack.project.name, service.1.as_str(), target)?, (service.0, target), path, objects, report)
}

fn of_service(
    stack: &Stack,
    name: ObjectName,
    (key, target): (&str, &str),
    path: &Path,
    objects: &mut Objects,
    report: &mut Report,
) -> Option<(ObjectName, bool)> {
    let mode = access_mode(stack);
    // No volume of a file has a key with such characters.
    let volume = format!("{key}:{target}");
    let class = stack.settings.volumes.storage_class_name.clone();
    let of_all_nodes = mode == READ_WRITE_MANY;
    let claim = made(stack, &volume, &Volume::default(), &name, (&[mode], class, &VolumeExtension::default()), true, path, report)?;
    objects.add(Object::PersistentVolumeClaim(Box::new(claim)), path, report);
    Some((name, !of_all_nodes))
}

fn access_mode(stack: &Stack) -> String {
    stack.settings.volumes.access_mode.clone().unwrap_or_else(|| READ_WRITE_ONCE.to_owned())
}

/// The storage class of a claim.
enum Class {
    /// Written at the volume, or the stack's or the administrator's for all claims.
    Given(Option<String>),
    /// The administrator's for what several pods mount.
    OfAllNodes(String),
}

impl Class {
    fn name(self) -> Option<String> {
        match self {
            Self::Given(name) => name,
            Self::OfAllNodes(name) => Some(name),
        }
    }
}

fn class(stack: &Stack, key: &str, volume: &Volume, extension: &VolumeExtension) -> Class {
    let policy = &stack.settings.policy;
    let by_driver = || volume.driver.as_ref().and_then(|driver| policy.volume_drivers.get(driver));
    if let Some(written) = extension.storage_class.as_ref().or(volume.driver_opts.get("class")).or_else(by_driver) {
        return Class::Given(Some(written.clone()));
    }
    match &policy.rwx_storage_class {
        Some(class) if stack.settings.volumes.access_mode.is_none() && !extension.apart && is_shared(stack, key) => {
            Class::OfAllNodes(class.clone())
        }
        _ => Class::Given(stack.settings.volumes.storage_class_name.clone()),
    }
}

/// Whether pods on several nodes may mount a volume.
fn is_shared(stack: &Stack, volume: &str) -> bool {
    let users = volume_users::users(stack).remove(volume).unwrap_or_default();
    let runs_often = |key: &&str| {
        stack.service(key).and_then(|(_, service, _)| service.deploy.as_ref()).is_some_and(|deploy| {
            matches!(deploy.mode, DeployMode::Global | DeployMode::GlobalJob) || deploy.replicas.is_some_and(|replicas| replicas > 1)
        })
    };
    users.len() > 1 || users.iter().any(runs_often)
}

#[expect(clippy::too_many_arguments, reason = "each is a part of one claim, and there are two callers")]
fn made(
    stack: &Stack,
    key: &str,
    volume: &Volume,
    name: &ObjectName,
    (modes, class, extension): (&[String], Option<String>, &VolumeExtension),
    data: bool,
    path: &Path,
    report: &mut Report,
) -> Option<PersistentVolumeClaim> {
    let defaults = &stack.settings.volumes;
    let of_options = volume.driver_opts.get("size").map(|text| (text.clone(), path.key("driver_opts").key("size")));
    let size = match extension.size.clone().or(of_options) {
        None => defaults.size.clone().unwrap_or_else(|| DEFAULT_SIZE.to_owned()),
        Some((text, path)) => {
            let size = quantity(&text);
            if size.is_none() {
                report.refuse("size", &path, format!("{text:?} is not a size, such as 10g or 512m"));
            }
            size?
        }
    };
    let user = labels::of_object(&volume.labels, &stack.settings.policy, &path.key("labels"), report);
    let mut all_labels = user.labels;
    all_labels.extend(claim_labels(stack));
    all_labels.insert(COMPOSE_VOLUME.to_owned(), super::names::LabelValue::of(key).into_string());
    let mut annotations = user.annotations;
    annotations.insert(keys::STACK.to_owned(), stack.project.name.clone());
    annotations.insert(keys::VOLUME.to_owned(), key.to_owned());
    annotations.insert(keys::ARGO_SYNC_OPTIONS.to_owned(), "Prune=false,Delete=false".to_owned());
    if data {
        annotations.insert(keys::LAYOUT.to_owned(), DATA.to_owned());
    }
    let mut intent = json!({ "labels": volume.labels, "size": size, "class": class, "mode": modes.join(",") });
    if !extension.selector.is_empty() {
        intent["selector"] = json!(extension.selector);
    }
    if let Some(source) = &extension.data_source {
        intent["dataSource"] = json!(source);
    }
    let inputs = hash::of_json(&intent);
    let selector = LabelSelector { match_labels: Some(extension.selector.clone()), match_expressions: None };
    let data_source = extension.data_source.as_ref().map(|source| TypedLocalObjectReference {
        api_group: source.group.clone(),
        kind: source.kind.clone(),
        name: source.name.clone(),
    });
    let spec = PersistentVolumeClaimSpec {
        access_modes: Some(modes.to_vec()),
        selector: (!extension.selector.is_empty()).then_some(selector),
        data_source,
        resources: Some(VolumeResourceRequirements {
            requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(size))])),
            limits: None,
        }),
        storage_class_name: class,
        volume_mode: Some("Filesystem".to_owned()),
        ..PersistentVolumeClaimSpec::default()
    };
    Some(PersistentVolumeClaim {
        metadata: metadata(name, all_labels, annotations, inputs),
        spec: Some(spec),
        ..PersistentVolumeClaim::default()
    })
}

/// A size in Compose's units (powers of 1024, whatever the case) or as a Kubernetes quantity of bytes (`10Gi`), as a quantity.
fn quantity(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let unit = unit.trim().to_ascii_lowercase();
    let prefix = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" if matches!(unit.as_str(), "" | "b") => return Some(number.to_string()),
        "k" => "Ki",
        "m" => "Mi",
        "g" => "Gi",
        "t" => "Ti",
        "p" => "Pi",
        _ => return None,
    };
    Some(format!("{number}{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(quantity(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        check("10g", Some("10Gi"));
        check("10GB", Some("10Gi"));
        check("10GiB", Some("10Gi"));
        check("512m", Some("512Mi"));
        check("10Gi", Some("10Gi"));
        check("1048576", Some("1048576"));
        check("5b", Some("5"));
        for wrong in ["", "g", "0g", "10x", "-1g", "ib"] {
            check(wrong, None);
        }
    }
}

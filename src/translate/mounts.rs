//! What is mounted into a service's container, and the pod's volumes behind it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::compose::path::Path;

use super::desired::External;
use super::names;
use super::report::Report;
use super::tasks::{HostsFile, OF_THE_POD, Task};

/// Directory of a volume that holds the content. In claims it lies beside `lost+found`; it is also what their layout is called.
pub const DATA: &str = "data";

/// The mounts of one container.
#[derive(Default)]
pub struct Mounts {
    volumes: BTreeMap<String, Volume>,
    targets: BTreeMap<String, (VolumeMount, Path)>,
    /// Hashes of what is mounted from files, by target: part of the service's inputs.
    pub digests: BTreeMap<String, String>,
    /// Claims that are mounted, by name; the value says whether any mount of it is writable.
    pub claims: BTreeMap<String, bool>,
    /// Whether a claim is the service's own, and only one node can use it at a time.
    pub has_own_claim: bool,
    /// The services with which it shares a volume that has no name and that only one node can use at a time, itself included.
    pub sharers: BTreeSet<String>,
    pub externals: Vec<External>,
    /// Claims of which each replica of a StatefulSet gets its own, by the name that one for all would have.
    pub apart: BTreeMap<String, PersistentVolumeClaim>,
    /// What is to be prepared in the volumes before the container starts.
    pub tasks: Vec<Task>,
    /// What its hosts file holds beside the kubelet's lines.
    pub hosts: Option<HostsFile>,
}

impl Mounts {
    /// Mounts a volume of the pod; one volume may be mounted more than once. A target twice is refused.
    pub fn add(&mut self, volume: Volume, mount: VolumeMount, path: &Path, report: &mut Report) {
        let target = mount.mount_path.clone();
        if let Some((_, other)) = self.targets.get(&target) {
            report.refuse("duplicate-mount", path, format!("{target:?} is mounted already by {other}"));
            return;
        }
        let name = self.volume(volume);
        self.targets.insert(target, (VolumeMount { name, ..mount }, path.clone()));
    }

    /// Adds a volume of the pod under its name or, where another one has that, a name beside it.
    pub fn volume(&mut self, mut volume: Volume) -> String {
        let base = volume.name.clone();
        for number in 2.. {
            match self.volumes.get(&volume.name) {
                Some(other) if *other != volume => volume.name = format!("{base}-{number}"),
                _ => break,
            }
        }
        let name = volume.name.clone();
        self.volumes.insert(name.clone(), volume);
        name
    }

    /// Whether something is mounted at a path.
    pub fn has_target(&self, target: &str) -> bool {
        self.targets.contains_key(target)
    }

    /// Whether some claim is mounted writable.
    pub fn writes_claims(&self) -> bool {
        self.claims.values().any(|writes| *writes)
    }

    /// The container's mounts, by target.
    pub fn volume_mounts(&self) -> Vec<VolumeMount> {
        self.targets.values().map(|(mount, _)| mount.clone()).collect()
    }

    /// Names of volumes that are others in the pod.
    fn rename(&mut self, renamed: &BTreeMap<String, String>) {
        let new = |name: &mut String| {
            if let Some(new) = renamed.get(name) {
                new.clone_into(name);
            }
        };
        self.targets.values_mut().for_each(|(mount, _)| new(&mut mount.name));
        for task in &mut self.tasks {
            match task {
                Task::Seed { volume, .. } | Task::Directory { volume, .. } => new(volume),
                Task::File { from, to, .. } => {
                    new(&mut from.0);
                    new(&mut to.0);
                }
                Task::Sync { from, to } => {
                    new(from);
                    new(to);
                }
            }
        }
    }

    /// Notes the claims and external objects that another container needs.
    pub fn note(&mut self, other: &Mounts) {
        for (claim, writes) in &other.claims {
            *self.claims.entry(claim.clone()).or_default() |= *writes;
        }
        self.has_own_claim |= other.has_own_claim;
        self.apart.extend(other.apart.iter().map(|(name, claim)| (name.clone(), claim.clone())));
        self.sharers.extend(other.sharers.iter().cloned());
        self.externals.extend(other.externals.iter().cloned());
        self.externals.sort();
        self.externals.dedup();
    }
}

/// The volumes of a pod.
#[derive(Default)]
pub struct PodVolumes(BTreeMap<String, (Volume, usize)>);

impl PodVolumes {
    /// Adds the volumes of a container, which go by their names in the pod from then on. Equal volumes are one, but what lives as long as the
    /// pod is one container's alone, unless it is the helper's own.
    pub fn take(&mut self, mounts: &mut Mounts, container: usize) {
        let mut renamed = BTreeMap::new();
        for (name, volume) in &mounts.volumes {
            let shared = volume.empty_dir.is_none() || OF_THE_POD.contains(&name.as_str());
            let mut free = name.clone();
            for number in 2.. {
                let fits = |(other, owner): &(Volume, usize)| {
                    (shared || *owner == container) && Volume { name: name.clone(), ..other.clone() } == *volume
                };
                match self.0.get(&free) {
                    Some(taken) if !fits(taken) => free = format!("{name}-{number}"),
                    _ => break,
                }
            }
            self.0.entry(free.clone()).or_insert_with(|| (Volume { name: free.clone(), ..volume.clone() }, container));
            if free != *name {
                renamed.insert(name.clone(), free);
            }
        }
        mounts.rename(&renamed);
    }

    /// All of them, by name.
    pub fn into_vec(self) -> Vec<Volume> {
        // Volumes are large, and most pods have one or two: room for more would be most of what a pod takes.
        let mut all = Vec::with_capacity(self.0.len());
        all.extend(self.0.into_values().map(|(volume, _)| volume));
        all
    }
}

/// Name of a pod's volume.
pub fn volume_name(kind: &str, name: &str) -> String {
    // Room for the number that keeps equal names apart.
    names::label_form(&format!("{kind}-{}", name.trim_start_matches('/')), 58).unwrap_or_else(|| kind.to_owned())
}

/// A directory that lives as long as the pod.
pub fn scratch(name: &str, memory: bool, limit: Option<i64>) -> Volume {
    let source = EmptyDirVolumeSource {
        medium: memory.then(|| "Memory".to_owned()),
        size_limit: limit.filter(|bytes| *bytes > 0).map(|bytes| Quantity(bytes.to_string())),
    };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

/// A claim of the namespace.
pub fn claim(name: &str, claim: &str) -> Volume {
    let source = PersistentVolumeClaimVolumeSource { claim_name: claim.to_owned(), read_only: None };
    Volume { name: name.to_owned(), persistent_volume_claim: Some(source), ..Volume::default() }
}

/// A mount at a target.
pub fn at(target: &str, read_only: bool, sub_path: Option<String>) -> VolumeMount {
    VolumeMount { mount_path: target.to_owned(), read_only: read_only.then_some(true), sub_path, ..VolumeMount::default() }
}

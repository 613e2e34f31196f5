//! What the helper is to prepare for a container before its program starts.

use std::collections::{BTreeMap, BTreeSet};

/// The pod's volume that holds its hosts file, and the file's name in it.
pub const HOSTS_VOLUME: &str = "helper--hosts";
pub const HOSTS_FILE: &str = "hosts";
/// The pod's volume that holds the helper's binary.
pub const INSTALLED: &str = "helper--binary";
/// Volumes that the init containers of all containers of a pod share.
pub const OF_THE_POD: [&str; 2] = [HOSTS_VOLUME, INSTALLED];

/// Something to be prepared in a volume of the pod before the program starts. Volumes go by their names in the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Fills a fresh volume from the image's directory.
    Seed { volume: String, path: String },
    /// Copies one file, `volume/path`, with a mode and an owner.
    File { from: (String, String), to: (String, String), mode: u32, owner: Owner },
    /// Makes a directory with a mode and an owner.
    Directory { volume: String, path: String, mode: u32, owner: Owner },
    /// Keeps the stack's files in a volume that programs may write to.
    Sync { from: String, to: String },
}

/// Whom something is to belong to; what is absent is the program's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub user: Option<u32>,
    pub group: Option<u32>,
}

/// What the helper adds to the kubelet's hosts file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsFile {
    /// Names with the Services that they lead to.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// Names of the pod itself: there a program may listen on them.
    pub own: BTreeSet<String>,
    /// Addresses that are known already, with their names.
    pub lines: BTreeSet<(String, String)>,
}

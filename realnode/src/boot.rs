//! What the first process of a node does before it starts the others.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::init::VOLUMES;
use crate::layout::Layout;

/// Read by `init` in the node's namespaces. A node boots from the same file as often as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Arguments of `mount`, in this order.
    pub mounts: Vec<Vec<String>>,
    /// Made after the mounts.
    pub directories: Vec<PathBuf>,
    /// Files below /proc/sys of the network namespace, and their content.
    pub kernel: Vec<(PathBuf, String)>,
    pub supervisor: PathBuf,
    pub plan: PathBuf,
}

/// Directories of the machine over which a node mounts its own.
pub const MOUNT_POINTS: [&str; 3] = [VOLUMES, "/var/lib/cni", "/var/log"];

impl Boot {
    /// `base` is the directory with the snapshots that all nodes share, and their names.
    pub fn new(layout: &Layout, supervisor: &Path, base: &Path, snapshots: &[String]) -> Self {
        let on_disk = |name: &str| layout.directory().join(name).display().to_string();
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut mounts = vec![
            // sysfs shows the network of whoever mounts it; the cgroups below it move along.
            words(&["--rbind", "/sys/fs/cgroup", &on_disk("cgroup")]),
            words(&["-t", "sysfs", "sysfs", "/sys"]),
            words(&["--move", &on_disk("cgroup"), "/sys/fs/cgroup"]),
            words(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]),
            words(&["--bind", &on_disk("volumes"), VOLUMES]),
            words(&["--bind", &on_disk("cni"), "/var/lib/cni"]),
            words(&["--bind", &on_disk("log"), "/var/log"]),
        ];
        mounts.extend(snapshots.iter().map(|name| {
            let below = |root: &Path| root.join(SNAPSHOTS).join(name).join("fs").display().to_string();
            words(&["-o", "bind,ro", &below(base), &below(&layout.containerd())])
        }));
        Self {
            mounts,
            directories: ["/run/lock", "/run/netns"].map(PathBuf::from).to_vec(),
            kernel: [("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")]
                .map(|(name, value)| (Path::new("/proc/sys/net/ipv4").join(name), value.to_owned()))
                .to_vec(),
            supervisor: supervisor.to_owned(),
            plan: layout.plane().join("plan.json"),
        }
    }
}

/// Where containerd unpacks images to.
pub const SNAPSHOTS: &str = "io.containerd.snapshotter.v1.overlayfs/snapshots";

//! What nodes change of the whole machine: remembered before the first one comes, put back when the last one is gone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::cgroups;
use crate::error::Error;
use crate::layout::Layout;
use crate::shell;

/// Settings that a kubelet changes.
const SETTINGS: [&str; 3] = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"];
/// Where `ip netns` has its namespaces: it makes a mount of it.
const NETWORKS: &str = "/run/netns";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Notes {
    settings: BTreeMap<String, String>,
    had_networks: bool,
    controllers: Vec<String>,
}

/// While this lives, no other node comes as the first or goes as the last.
pub fn lock(layout: &Layout) -> Result<File, Error> {
    let nodes = layout.nodes();
    // The first node of a machine may be one that only unpacks images.
    fs::create_dir_all(nodes).map_err(Error::file("create", nodes))?;
    let file = File::open(nodes).map_err(Error::file("open", nodes))?;
    file.lock().map_err(Error::file("lock", nodes))?;
    Ok(file)
}

/// Writes down how it is now, unless another node has done so.
pub fn remember(layout: &Layout) -> Result<(), Error> {
    let file = notes(layout);
    if file.is_file() {
        return Ok(());
    }
    let read = |name: &&str| Some((name.to_string(), fs::read_to_string(setting(name)).ok()?.trim().to_owned()));
    let notes = Notes {
        settings: SETTINGS.iter().filter_map(read).collect(),
        had_networks: Path::new(NETWORKS).exists(),
        controllers: cgroups::given_by_machine(),
    };
    let text = serde_json::to_string(&notes).unwrap_or_default();
    fs::write(&file, text).map_err(Error::file("write", file))
}

/// Puts back what was before.
pub fn restore(layout: &Layout) {
    let file = notes(layout);
    let text = fs::read_to_string(&file).unwrap_or_default();
    let Ok(notes) = serde_json::from_str::<Notes>(&text) else { return };
    for (name, value) in notes.settings.iter().filter(|(name, _)| SETTINGS.contains(&name.as_str())) {
        drop(fs::write(setting(name), value));
    }
    let is_empty = || fs::read_dir(NETWORKS).is_ok_and(|mut entries| entries.next().is_none());
    if !notes.had_networks && is_empty() {
        drop(shell::run(Command::new("umount").arg(NETWORKS)));
        drop(fs::remove_dir(NETWORKS));
    }
    cgroups::take_back(&notes.controllers);
    drop(fs::remove_file(file));
}

fn setting(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn notes(layout: &Layout) -> PathBuf {
    layout.nodes().join("machine.json")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_node_of_a_machine_finds_no_directory_of_nodes() {
        let nodes = std::env::temp_dir().join(format!("realnode-first-{}", std::process::id())).join("nodes");
        let layout = Layout::within(&nodes, "first");
        let lock = lock(&layout);
        fs::remove_dir_all(nodes.parent().unwrap()).unwrap();
        lock.unwrap();
    }
}

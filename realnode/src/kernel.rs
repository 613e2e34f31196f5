//! Settings of the whole machine that a kubelet changes: remembered before the first node comes, put back when the last one is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::layout::Layout;

const SETTINGS: [&str; 3] = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"];

/// Writes down what is set now, unless another node has done so.
pub fn remember(layout: &Layout) -> Result<(), Error> {
    let notes = notes(layout);
    if notes.is_file() {
        return Ok(());
    }
    let read = |name: &&str| Some((name.to_string(), fs::read_to_string(file(name)).ok()?.trim().to_owned()));
    let settings: BTreeMap<String, String> = SETTINGS.iter().filter_map(read).collect();
    let text = serde_json::to_string(&settings).unwrap_or_default();
    fs::write(&notes, text).map_err(Error::file("write", notes))
}

/// Sets again what was set before.
pub fn restore(layout: &Layout) {
    let notes = notes(layout);
    let text = fs::read_to_string(&notes).unwrap_or_default();
    let settings: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
    for (name, value) in settings.iter().filter(|(name, _)| SETTINGS.contains(&name.as_str())) {
        drop(fs::write(file(name), value));
    }
    drop(fs::remove_file(notes));
}

fn file(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn notes(layout: &Layout) -> PathBuf {
    layout.nodes().join("kernel.json")
}

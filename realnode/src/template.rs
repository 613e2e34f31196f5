//! containerd's store with the root file system unpacked: made once, and then the beginning of every node's own store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use devcluster::Progress;

use crate::boot::{Boot, SNAPSHOTS};
use crate::error::Error;
use crate::layout::Layout;
use crate::node;
use crate::parts::Parts;
use crate::plan;
use crate::shell;

/// The unpacked images that nodes share.
#[derive(Debug, Clone)]
pub struct Template {
    directory: PathBuf,
}

impl Template {
    /// Takes it from the cache, or lets a node without Kubernetes make it.
    pub fn build(parts: &Parts) -> Result<Self, Error> {
        let directory = devcluster::cache_directory()?.join(format!("containerd-{}", parts.rootfs.key));
        let lock_file = directory.with_extension("lock");
        let lock = fs::File::create(&lock_file).map_err(Error::file("create", &lock_file))?;
        lock.lock().map_err(Error::file("lock", &lock_file))?;
        if !directory.is_dir() {
            let mut progress = Progress::new();
            progress.step("unpacking the root file system for all nodes, once: some 10 s");
            make(parts, &directory)?;
            progress.done("unpacked the root file system for all nodes");
        }
        Ok(Self { directory })
    }

    /// Gives the node a store of its own: what never changes is shared, the rest is copied.
    pub fn copy_to(&self, layout: &Layout) -> Result<Vec<String>, Error> {
        let (from, to) = (&self.directory, layout.containerd());
        let snapshots = names(&from.join(SNAPSHOTS))?;
        fs::create_dir_all(&to).map_err(Error::file("create", &to))?;
        for plugin in names(from)? {
            if from.join(&plugin).join("snapshots").is_dir() {
                for file in names(&from.join(&plugin))?.iter().filter(|file| *file != "snapshots") {
                    copy(&["--archive"], &from.join(&plugin).join(file), &to.join(&plugin))?;
                }
                continue;
            }
            // Blobs are written once, and removed or not: a second name is as good as a copy.
            let blobs = plugin.ends_with("content.v1.content");
            copy(if blobs { &["--archive", "--link"] } else { &["--archive"] }, &from.join(&plugin), &to)?;
        }
        for snapshot in &snapshots {
            let mount_point = to.join(SNAPSHOTS).join(snapshot).join("fs");
            fs::create_dir_all(&mount_point).map_err(Error::file("create", mount_point))?;
        }
        Ok(snapshots)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn make(parts: &Parts, directory: &Path) -> Result<(), Error> {
    let layout = Layout::new(&format!("template-{}", std::process::id()))?;
    let result = node::start_template(&layout, parts);
    if let Some(process) = crate::processes::first(&layout) {
        crate::processes::cut_power(process)?;
    }
    let result = result.and_then(|()| fs::rename(layout.containerd(), directory).map_err(Error::file("rename", layout.containerd())));
    node::take_down(&layout)?;
    result
}

/// Prepares the directory of a node that only pulls images.
pub fn prepare(layout: &Layout, parts: &Parts) -> Result<(), Error> {
    devcluster::prepare_steps(&layout.plane(), plan::template_steps(layout, parts))?;
    node::write_boot(layout, &Boot::new(layout, &parts.binaries.controlplane, Path::new(""), &[]))
}

fn copy(how: &[&str], from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    shell::run(Command::new("cp").args(how).arg(from).arg("--target-directory").arg(to))?;
    Ok(())
}

fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(directory).map_err(Error::file("list", directory))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

//! The cgroup in which a node's pods are, in every hierarchy that the machine has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::layout::Layout;

const ROOT: &str = "/sys/fs/cgroup";

/// Makes it. Under version 1 each controller has a hierarchy of its own, under version 2 they share one.
pub fn create(layout: &Layout) -> Result<(), Error> {
    let unified = Path::new(ROOT).join("cgroup.controllers").is_file();
    // That of version 2 beside those of version 1 has no controllers.
    for hierarchy in hierarchies().into_iter().filter(|hierarchy| !hierarchy.ends_with("unified")) {
        let group = hierarchy.join(layout.namespace());
        fs::create_dir_all(&group).map_err(Error::file("create", &group))?;
        if unified {
            delegate(&hierarchy)?;
            delegate(&group)?;
        } else if hierarchy.join("cpuset.cpus").is_file() {
            // A cpuset begins empty, and nothing can run in it then.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let inherited = fs::read_to_string(hierarchy.join(file)).map_err(Error::file("read", hierarchy.join(file)))?;
                fs::write(group.join(file), inherited).map_err(Error::file("write", group.join(file)))?;
            }
        }
    }
    Ok(())
}

/// Removes it with all that is below, once the processes in it are gone.
pub fn remove(layout: &Layout) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(10);
    for group in hierarchies().into_iter().map(|hierarchy| hierarchy.join(layout.namespace())) {
        while let Err(source) = remove_tree(&group) {
            // The kernel takes a moment to count a dead process out.
            if Instant::now() > deadline {
                return Err(Error::file("remove", group)(source));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Lets groups below this one have its controllers.
fn delegate(group: &Path) -> Result<(), Error> {
    let (available, wanted) = (group.join("cgroup.controllers"), group.join("cgroup.subtree_control"));
    let controllers = fs::read_to_string(&available).map_err(Error::file("read", available))?;
    let request: Vec<_> = controllers.split_whitespace().map(|controller| format!("+{controller}")).collect();
    fs::write(&wanted, request.join(" ")).map_err(Error::file("write", wanted))
}

/// Directories of the machine's hierarchies.
fn hierarchies() -> Vec<PathBuf> {
    let root = PathBuf::from(ROOT);
    if root.join("cgroup.controllers").is_file() {
        return vec![root];
    }
    let entries = fs::read_dir(&root).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

fn remove_tree(group: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

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
    let deadline = Instant::now() + Duration::from_mins(1);
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

/// What a kubelet wants of version 2.
const CONTROLLERS: [&str; 6] = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"];

/// Lets groups below this one have its controllers.
fn delegate(group: &Path) -> Result<(), Error> {
    let given = given(group)?;
    let there = words(&group.join("cgroup.controllers"))?;
    let missing = CONTROLLERS.iter().filter(|name| there.iter().any(|it| it == *name) && !given.iter().any(|it| it == *name));
    let request: Vec<_> = missing.map(|controller| format!("+{controller}")).collect();
    if request.is_empty() {
        return Ok(());
    }
    fs::write(control(group), request.join(" ")).map_err(|source| match source.kind() {
        io::ErrorKind::ResourceBusy => Error::BusyGroup(group.to_owned()),
        _ => Error::file("write", control(group))(source),
    })
}

/// The controllers that groups below the machine's own have under version 2; none under version 1.
pub fn given_by_machine() -> Vec<String> {
    given(Path::new(ROOT)).unwrap_or_default()
}

/// Takes back the controllers that groups below the machine's own didn't have before.
pub fn take_back(before: &[String]) {
    for further in given_by_machine().iter().filter(|controller| !before.contains(controller)) {
        // One that somebody else has come to use meanwhile stays.
        drop(fs::write(control(Path::new(ROOT)), format!("-{further}")));
    }
}

fn given(group: &Path) -> Result<Vec<String>, Error> {
    words(&control(group))
}

fn control(group: &Path) -> PathBuf {
    group.join("cgroup.subtree_control")
}

fn words(file: &Path) -> Result<Vec<String>, Error> {
    let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_controllers_that_are_there_and_not_given_yet_are_given() {
        let group = std::env::temp_dir().join(format!("realnode-group-{}", std::process::id()));
        fs::create_dir_all(&group).unwrap();
        let file = |name: &str, text: &str| fs::write(group.join(name), text).unwrap();
        file("cgroup.controllers", "cpuset cpu memory rdma pids\n");
        file("cgroup.subtree_control", "memory pids\n");
        delegate(&group).unwrap();
        assert_eq!(fs::read_to_string(control(&group)).unwrap(), "+cpuset +cpu");
        file("cgroup.subtree_control", "pids cpu memory cpuset\n");
        delegate(&group).unwrap();
        assert_eq!(fs::read_to_string(control(&group)).unwrap(), "pids cpu memory cpuset\n", "nothing is written without need");
        fs::remove_dir_all(group).unwrap();
    }
}

//! Directories in memory: `tmpfs`, and `shm_size`.

use crate::compose::decode::units;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::mounts::{self, DATA, Mounts, at, volume_name};
use super::report::Report;
use super::tasks::{Owner, Task};

/// Mode of a file system in memory, as Docker mounts it.
pub const MODE: u32 = 0o1777;

const SHM: &str = "/dev/shm";

/// `shm_size`: on the node's own shared memory it has no effect.
pub fn shm(service: &Service, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if let Some(size) = service.shm_size.filter(|size| *size > 0 && service.ipc.as_deref() != Some("host")) {
        let options = Options { limit: Some(size), mode: MODE, owner: Owner::default() };
        named("shm", SHM, &options, false, &path.key("shm_size"), mounts, report);
    }
}

/// A directory in memory with a mode and an owner, which the volume itself can't have.
pub fn directory(target: &str, options: &Options, read_only: bool, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    named(&volume_name("tmpfs", target), target, options, read_only, path, mounts, report);
}

/// The same, under a name of its own.
pub fn named(name: &str, target: &str, options: &Options, read_only: bool, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let Options { limit, mode, owner } = *options;
    let volume = mounts::scratch(name, true, limit);
    if mounts.has_target(target) {
        mounts.add(volume, at(target, read_only, None), path, report);
        return;
    }
    let name = mounts.volume(volume.clone());
    mounts.tasks.push(Task::Directory { volume: name, path: DATA.to_owned(), mode, owner });
    mounts.add(volume, at(target, read_only, Some(DATA.to_owned())), path, report);
}

/// What a file system in memory is mounted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes.
    pub limit: Option<i64>,
    pub mode: u32,
    pub owner: Owner,
}

/// `path[:option,option]`.
pub fn tmpfs(entry: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let (target, written) = entry.split_once(':').unwrap_or((entry, ""));
    let options = options(written, path, report);
    if target.starts_with('/') {
        directory(target, &options, false, path, mounts, report);
    } else {
        report.refuse("mount-target", path, format!("{target:?} is not an absolute path"));
    }
}

/// `option,option`.
pub fn options(written: &str, path: &Path, report: &mut Report) -> Options {
    let mut options = Options { limit: None, mode: MODE, owner: Owner::default() };
    for option in written.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        let mut id = |id: &str, kind: &str| {
            let number = id.parse().ok();
            if number.is_none() {
                report.refuse("tmpfs-owner", path, format!("{kind}: {id:?} is not a number"));
            }
            number
        };
        match option.split_once('=') {
            Some(("size", size)) => match units::bytes(size) {
                Some(bytes) => options.limit = Some(bytes),
                None => report.refuse("size", path, format!("{size:?} is not a size, such as 64m")),
            },
            Some(("mode", bits)) => match u32::from_str_radix(bits, 8).ok().filter(|mode| *mode <= 0o7777) {
                Some(bits) => options.mode = bits,
                None => report.refuse("tmpfs-mode", path, format!("{bits:?} is not a mode in octal, such as 1777")),
            },
            Some(("uid", user)) => options.owner.user = id(user, "uid"),
            Some(("gid", group)) => options.owner.group = id(group, "gid"),
            None if matches!(option, "rw" | "noexec" | "nosuid" | "nodev" | "exec" | "suid" | "dev") => {}
            _ => report.warn("tmpfs-option", path, format!("{option:?} has no effect")),
        }
    }
    options
}

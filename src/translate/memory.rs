//! Directories in memory: `tmpfs`, and `shm_size`.

use crate::compose::decode::units;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::claims;
use super::helper::{Owner, Task};
use super::mounts::{self, Mounts, at, volume_name};
use super::report::Report;

/// Mode of a file system in memory, as Docker mounts it.
pub const MODE: u32 = 0o1777;

const SHM: &str = "/dev/shm";

/// `shm_size`: on the node's own shared memory it has no effect.
pub fn shm(service: &Service, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if let Some(size) = service.shm_size.filter(|size| *size > 0 && service.ipc.as_deref() != Some("host")) {
        named("shm", SHM, Some(size), (MODE, Owner::default()), false, &path.key("shm_size"), mounts, report);
    }
}

/// A directory in memory with a mode and an owner, which the volume itself can't have.
pub fn directory(
    target: &str,
    limit: Option<i64>,
    (mode, owner): (u32, Owner),
    read_only: bool,
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    named(&volume_name("tmpfs", target), target, limit, (mode, owner), read_only, path, mounts, report);
}

#[expect(clippy::too_many_arguments, reason = "each is a part of one mount, and there are two callers")]
fn named(
    name: &str,
    target: &str,
    limit: Option<i64>,
    (mode, owner): (u32, Owner),
    read_only: bool,
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    let volume = mounts::scratch(name, true, limit);
    if mounts.has_target(target) {
        mounts.add(volume, at(target, read_only, None), path, report);
        return;
    }
    let name = mounts.volume(volume.clone());
    mounts.tasks.push(Task::Directory { volume: name, path: claims::DATA.to_owned(), mode, owner });
    mounts.add(volume, at(target, read_only, Some(claims::DATA.to_owned())), path, report);
}

/// `path[:option,option]`.
pub fn tmpfs(entry: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let (target, options) = entry.split_once(':').unwrap_or((entry, ""));
    let (mut limit, mut mode, mut owner) = (None, MODE, Owner::default());
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let mut id = |id: &str, kind: &str| {
            let number = id.parse().ok();
            if number.is_none() {
                report.refuse("tmpfs-owner", path, format!("{kind}: {id:?} is not a number"));
            }
            number
        };
        match option.split_once('=') {
            Some(("size", size)) => match units::bytes(size) {
                Some(bytes) => limit = Some(bytes),
                None => report.refuse("size", path, format!("{size:?} is not a size, such as 64m")),
            },
            Some(("mode", bits)) => match u32::from_str_radix(bits, 8).ok().filter(|mode| *mode <= 0o7777) {
                Some(bits) => mode = bits,
                None => report.refuse("tmpfs-mode", path, format!("{bits:?} is not a mode in octal, such as 1777")),
            },
            Some(("uid", user)) => owner.user = id(user, "uid"),
            Some(("gid", group)) => owner.group = id(group, "gid"),
            None if matches!(option, "rw" | "noexec" | "nosuid" | "nodev" | "exec" | "suid" | "dev") => {}
            _ => report.warn("tmpfs-option", path, format!("{option:?} has no effect")),
        }
    }
    if target.starts_with('/') {
        directory(target, limit, (mode, owner), false, path, mounts, report);
    } else {
        report.refuse("mount-target", path, format!("{target:?} is not an absolute path"));
    }
}

//! Copying a directory as it is: owners, modes, times, extended attributes, symbolic and hard links.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use super::{Error, say};

/// Bytes that the kernel lets one attribute have.
const MOST_OF_ATTRIBUTE: usize = 64 << 10;

/// A copy in the making.
struct Copy {
    /// File system of the source: what is mounted inside it isn't part of it.
    device: u64,
    /// Where the files that have several names have been copied to.
    linked: BTreeMap<u64, PathBuf>,
}

/// Copies what is in a directory, and what the directory itself is like, into a new one.
pub fn directory(from: &Path, to: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(from).map_err(Error::file("look at", from))?;
    Copy { device: metadata.dev(), linked: BTreeMap::new() }.directory(from, &metadata, to)
}

/// Gives a file or directory the owner, the mode and the times of another.
pub fn attributes(metadata: &Metadata, to: &Path) -> Result<(), Error> {
    allowed(chown(to, Some(metadata.uid()), Some(metadata.gid()))).map_err(Error::file("give away", to))?;
    // After the owner, whose change takes the set-user-id bits away.
    let mode = fs::Permissions::from_mode(metadata.permissions().mode() & 0o7777);
    allowed(fs::set_permissions(to, mode)).map_err(Error::file("set the mode of", to))?;
    let times = metadata.modified().map(|time| FileTimes::new().set_modified(time).set_accessed(time));
    allowed(times.and_then(|times| File::open(to)?.set_times(times))).map_err(Error::file("set the times of", to))
}

impl Copy {
    fn directory(&mut self, from: &Path, metadata: &Metadata, to: &Path) -> Result<(), Error> {
        fs::create_dir(to).map_err(Error::file("make", to))?;
        match fs::read_dir(from) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(Error::file("read", from))?.file_name();
                    self.entry(&from.join(&name), &to.join(&name))?;
                }
            }
            Err(error) => skip(from, error)?,
        }
        attributes(metadata, to)?;
        extended_attributes(from, to)
    }

    fn entry(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let metadata = fs::symlink_metadata(from).map_err(Error::file("look at", from))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return if metadata.dev() == self.device { self.directory(from, &metadata, to) } else { Ok(()) };
        }
        if kind.is_symlink() {
            let target = fs::read_link(from).map_err(Error::file("read", from))?;
            symlink(target, to).map_err(Error::file("make", to))?;
            return allowed(lchown(to, Some(metadata.uid()), Some(metadata.gid()))).map_err(Error::file("give away", to));
        }
        if !kind.is_file() {
            say(&format!("{} is neither file, directory nor link; it is left out", from.display()));
            return Ok(());
        }
        if metadata.nlink() > 1 {
            if let Some(first) = self.linked.get(&metadata.ino()) {
                return fs::hard_link(first, to).map_err(Error::file("link", to));
            }
            self.linked.insert(metadata.ino(), to.to_owned());
        }
        if let Err(error) = fs::copy(from, to) {
            self.linked.remove(&metadata.ino());
            return skip(from, error);
        }
        attributes(&metadata, to)?;
        // After the owner, whose change takes a program's capabilities away.
        extended_attributes(from, to)
    }
}

/// Gives a file or directory the extended attributes of another that mean the same on every file system.
fn extended_attributes(from: &Path, to: &Path) -> Result<(), Error> {
    let mut names = Vec::new();
    let Some(length) = available(rustix::fs::llistxattr_query(from)).map_err(Error::file("look at", from))? else { return Ok(()) };
    names.resize(length, 0);
    let read = available(rustix::fs::llistxattr(from, &mut names)).map_err(Error::file("look at", from))?.unwrap_or_default();
    for name in names[..read].split(|byte| *byte == 0).filter(|name| travels(name)) {
        let mut value = vec![0; MOST_OF_ATTRIBUTE];
        let Some(size) = available(rustix::fs::lgetxattr(from, name, &mut value)).map_err(Error::file("look at", from))? else { continue };
        let set = rustix::fs::lsetxattr(to, name, &value[..size], rustix::fs::XattrFlags::empty());
        if available(set).map_err(Error::file("set an attribute of", to))?.is_none() {
            say(&format!("{} can't have the attribute {} here", to.display(), String::from_utf8_lossy(name)));
        }
    }
    Ok(())
}

/// Whether an attribute is the file's own, and not what its node makes of it.
fn travels(name: &[u8]) -> bool {
    name == b"security.capability" || [b"user.".as_slice(), b"system.posix_acl_"].iter().any(|prefix| name.starts_with(prefix))
}

/// `None`: not every file system has such attributes, and not every user may set them.
fn available<T>(done: rustix::io::Result<T>) -> io::Result<Option<T>> {
    use rustix::io::Errno;
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS | Errno::NODATA) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What another user's rights keep from being read is left out; all else is an error.
fn skip(path: &Path, error: io::Error) -> Result<(), Error> {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Err(Error::file("copy", path)(error));
    }
    say(&format!("{} may not be read by this user; it is left out", path.display()));
    Ok(())
}

/// Only root may give files away: for others all belongs to them.
fn allowed(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, SystemTime};

    use super::super::{Place, is_root};
    use super::*;

    #[test]
    fn content_modes_links_and_times_survive() {
        let place = Place::new("copy");
        place.file("from/a", "one", 0o640);
        place.file("from/deep/run", "two", 0o4755);
        fs::set_permissions(place.path("from/deep"), fs::Permissions::from_mode(0o2750)).unwrap();
        symlink("deep/run", place.path("from/link")).unwrap();
        symlink("nowhere", place.path("from/dangling")).unwrap();
        fs::hard_link(place.path("from/a"), place.path("from/deep/same")).unwrap();
        let _socket = UnixListener::bind(place.path("from/socket")).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::open(place.path("from/a")).unwrap().set_modified(then).unwrap();
        fs::set_permissions(place.path("from"), fs::Permissions::from_mode(0o1777)).unwrap();

        directory(&place.path("from"), &place.path("to")).unwrap();
        assert_eq!(place.names("to"), ["a", "dangling", "deep", "link"]);
        assert_eq!((place.read("to/a").unwrap(), place.mode("to/a")), ("one".to_owned(), 0o640));
        assert_eq!((place.mode("to"), place.mode("to/deep"), place.mode("to/deep/run")), (0o1777, 0o2750, 0o4755));
        assert_eq!(fs::read_link(place.path("to/link")).unwrap(), Path::new("deep/run"));
        assert_eq!(fs::read_link(place.path("to/dangling")).unwrap(), Path::new("nowhere"));
        let inode = |path: &str| fs::metadata(place.path(path)).unwrap().ino();
        assert_eq!(inode("to/a"), inode("to/deep/same"));
        assert_eq!(fs::metadata(place.path("to/a")).unwrap().modified().unwrap(), then);
    }

    /// `None`: neither file system nor user have such attributes here.
    fn set(path: &Path, name: &str, value: &[u8]) -> Option<()> {
        rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).ok()
    }

    fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
        let mut value = vec![0; 256];
        let size = rustix::fs::lgetxattr(path, name, &mut value).ok()?;
        value.truncate(size);
        Some(value)
    }

    #[test]
    fn attributes_of_users_survive() {
        let place = Place::new("attributes");
        place.file("from/a", "x", 0o644);
        place.file("from/plain", "x", 0o644);
        let (from, to) = (place.path("from"), place.path("to"));
        let has_attributes = set(&from.join("a"), "user.origin", b"image").and(set(&from, "user.of-directory", b"")).is_some();
        directory(&from, &to).unwrap();
        if has_attributes {
            assert_eq!(get(&to.join("a"), "user.origin"), Some(b"image".to_vec()));
            assert_eq!(get(&to, "user.of-directory"), Some(Vec::new()));
        }
        assert_eq!(get(&to.join("plain"), "user.origin"), None);
    }

    #[test]
    fn capabilities_of_programs_survive_a_change_of_owner() {
        let place = Place::new("capabilities");
        place.file("from/ping", "x", 0o755);
        // NET_RAW, permitted and effective, in the form that the kernel has had since 2.6.24.
        let net_raw = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let _ = chown(place.path("from/ping"), Some(33), Some(33));
        if set(&place.path("from/ping"), "security.capability", &net_raw).is_none() {
            return;
        }
        directory(&place.path("from"), &place.path("to")).unwrap();
        assert_eq!(get(&place.path("to/ping"), "security.capability"), Some(net_raw.to_vec()));
    }

    #[test]
    fn owners_survive_where_root_copies() {
        if !is_root() {
            return;
        }
        let place = Place::new("owners");
        place.file("from/db/file", "x", 0o600);
        symlink("file", place.path("from/db/link")).unwrap();
        for path in ["from/db/file", "from/db/link", "from/db"] {
            lchown(place.path(path), Some(999), Some(998)).unwrap();
        }
        directory(&place.path("from"), &place.path("to")).unwrap();
        for path in ["to/db/file", "to/db/link", "to/db"] {
            let metadata = fs::symlink_metadata(place.path(path)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (999, 998), "{path}");
        }
        assert_eq!(place.mode("to/db/file"), 0o600);
    }
}

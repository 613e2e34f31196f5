//! Files of a ConfigMap or Secret as a volume shows them, brought into a volume that programs may write to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::volume::Volume;
use super::{Error, say};

/// One file: its bytes, and whether it can be run.
type Item = (Vec<u8>, bool);

/// Writes the files at `from` into a volume. What the stack changes later follows, unless a program changed the same file: then that stays.
pub fn sync(from: &Path, root: &Path) -> Result<(), Error> {
    let volume = Volume::open(root)?;
    let (data, written) = (volume.data(), volume.written());
    let (new, old) = (files(from)?, files(&written)?);
    let both: BTreeSet<&PathBuf> = new.keys().chain(old.keys()).collect();
    let mut count = 0;
    for path in both {
        let (wanted, before) = (new.get(path), old.get(path));
        if wanted == before {
            continue;
        }
        let target = data.join(path);
        let current = fs::read(&target).ok();
        let is = |item: Option<&Item>| current.as_ref() == item.map(|(content, _)| content);
        if is(before) || is(wanted) || current.is_none() {
            put(&target, wanted)?;
            count += 1;
        } else {
            say(&format!("{} was changed here as well as in the stack; it stays as it is here", path.display()));
        }
        put(&written.join(path), wanted)?;
    }
    if count > 0 {
        volume.sync()?;
    }
    say(&format!("{count} files of the stack written"));
    Ok(())
}

/// Writes one file with a mode, where it isn't there yet.
pub fn file(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    if to.exists() {
        return Ok(());
    }
    let content = fs::read(from).map_err(Error::file("read", from))?;
    write(to, &content, mode)
}

fn put(path: &Path, item: Option<&Item>) -> Result<(), Error> {
    match item {
        Some((content, executable)) => write(path, content, if *executable { 0o755 } else { 0o644 }),
        None => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
            _ => Ok(()),
        },
    }
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(Error::file("make", directory))?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.compose-operator"));
    fs::write(&part, content).map_err(Error::file("write", &part))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(mode)).map_err(Error::file("set the mode of", &part))?;
    fs::rename(&part, path).map_err(Error::file("rename to", path))
}

/// The files below a directory, by their path in it. Such a volume is a directory of links into `..data`, which is left out itself.
fn files(directory: &Path) -> Result<BTreeMap<PathBuf, Item>, Error> {
    let mut found = BTreeMap::new();
    collect(directory, Path::new(""), &mut found)?;
    Ok(found)
}

fn collect(root: &Path, below: &Path, found: &mut BTreeMap<PathBuf, Item>) -> Result<(), Error> {
    let directory = root.join(below);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file("read", &directory))?,
    };
    for entry in entries {
        let name = entry.map_err(Error::file("read", &directory))?.file_name();
        if name.to_string_lossy().starts_with("..") {
            continue;
        }
        let path = below.join(&name);
        let real = root.join(&path);
        let metadata = fs::metadata(&real).map_err(Error::file("look at", &real))?;
        if metadata.is_dir() {
            collect(root, &path, found)?;
        } else {
            let content = fs::read(&real).map_err(Error::file("read", &real))?;
            found.insert(path, (content, metadata.permissions().mode() & 0o111 != 0));
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::Place;
    use super::*;

    /// A ConfigMap as the kubelet shows it.
    fn content(place: &Place, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = place.path(name);
        for (path, text) in files {
            place.file(&format!("{name}/..2026/{path}"), text, if text.starts_with("#!") { 0o555 } else { 0o444 });
            let first = path.split('/').next().unwrap();
            let _ = symlink(format!("..data/{first}"), root.join(first));
        }
        fs::create_dir_all(&root).unwrap();
        let _ = symlink("..2026", root.join("..data"));
        root
    }

    #[test]
    fn files_are_written_as_writable_copies() {
        let place = Place::new("sync");
        let from = content(&place, "map", &[("a.conf", "a"), ("bin/run", "#!x"), ("bin/deep/b", "b")]);
        let volume = place.path("volume");
        fs::create_dir(&volume).unwrap();
        sync(&from, &volume).unwrap();
        assert_eq!(
            (place.names("volume/data"), place.names("volume/data/bin")),
            (vec!["a.conf".into(), "bin".into()], vec!["deep".into(), "run".into()])
        );
        assert_eq!((place.mode("volume/data/a.conf"), place.mode("volume/data/bin/run")), (0o644, 0o755));
        assert!(!fs::symlink_metadata(place.path("volume/data/a.conf")).unwrap().is_symlink());
    }

    #[test]
    fn later_changes_follow_unless_the_program_changed_the_same_file() {
        let place = Place::new("follow");
        let one = content(&place, "one", &[("same", "1"), ("edited", "1"), ("code", "1"), ("gone", "1"), ("deleted", "1")]);
        let two = content(&place, "two", &[("same", "1"), ("edited", "2"), ("code", "2"), ("new", "2"), ("deleted", "1")]);
        let volume = place.path("volume");
        fs::create_dir(&volume).unwrap();
        sync(&one, &volume).unwrap();
        place.file("volume/data/edited", "by the program", 0o644);
        place.file("volume/data/data.db", "its data", 0o600);
        fs::remove_file(place.path("volume/data/deleted")).unwrap();
        for _ in 0..2 {
            sync(&two, &volume).unwrap();
            let now = |name: &str| place.read(&format!("volume/data/{name}"));
            assert_eq!(now("same").as_deref(), Some("1"));
            assert_eq!(now("edited").as_deref(), Some("by the program"));
            assert_eq!(now("code").as_deref(), Some("2"));
            assert_eq!(now("new").as_deref(), Some("2"));
            assert_eq!(now("data.db").as_deref(), Some("its data"));
            assert_eq!((now("gone"), now("deleted")), (None, None));
        }
    }

    #[test]
    fn a_file_is_written_once() {
        let place = Place::new("file");
        place.file("from", "a", 0o444);
        let to = place.path("0/x.conf");
        file(&place.path("from"), &to, 0o640).unwrap();
        assert_eq!((place.read("0/x.conf").unwrap(), place.mode("0/x.conf")), ("a".to_owned(), 0o640));
        place.file("0/x.conf", "changed", 0o640);
        file(&place.path("from"), &to, 0o640).unwrap();
        assert_eq!(place.read("0/x.conf").unwrap(), "changed");
        assert_eq!(place.names("0"), ["x.conf"]);
    }
}

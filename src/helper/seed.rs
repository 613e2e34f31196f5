//! Filling fresh volumes from the image: what a container has at the path of a volume that is mounted for the first time goes into it, with
//! owners and modes. It runs in the service's own image, before the volume is mounted there.
//!
//! The copy is made beside `data` and moved into it when it is complete, and a mark beside `data` says that it is done: so the end of a pod
//! at any time does no harm, programs never see a half or a mark, and nothing that is there already is ever touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::volume::{Volume, remove};
use super::{Error, copy, say};

#[derive(Args, Debug)]
pub struct Arguments {
    /// A directory of the image and the volume that it fills, as PATH=VOLUME.
    #[arg(value_name = "PATH=VOLUME", value_parser = pair, required = true)]
    pub volumes: Vec<(PathBuf, PathBuf)>,
}

fn pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    let (path, volume) = text.rsplit_once('=').ok_or("expected PATH=VOLUME")?;
    Ok((path.into(), volume.into()))
}

/// Fills each volume that was never filled and holds nothing.
pub fn seed(arguments: &Arguments) -> Result<(), Error> {
    for (path, root) in &arguments.volumes {
        let outcome = match fill(path, root) {
            // A volume whose root is another's is what the storage gave: the program may be content with it.
            Err(Error::File { path, source, .. }) if source.kind() == io::ErrorKind::PermissionDenied && path.starts_with(root) => {
                "is not this user's to fill"
            }
            outcome => outcome?,
        };
        say(&format!("the volume of {} {outcome}", path.display()));
    }
    Ok(())
}

fn fill(from: &Path, root: &Path) -> Result<&'static str, Error> {
    let volume = Volume::open(root)?;
    let (data, part, ready) = (volume.data(), volume.part(), volume.ready());
    if volume.is_filled() {
        remove(&ready)?;
        return Ok("was filled before");
    }
    remove(&part)?;
    if !ready.exists() {
        if !is_empty(&data)? {
            return Ok("holds something already");
        }
        if !from.is_dir() {
            return Ok("stays empty: the image has no such directory");
        }
        copy::directory(from, &part)?;
        volume.sync()?;
        fs::rename(&part, &ready).map_err(Error::file("rename to", &ready))?;
    }
    move_into(&ready, &data)?;
    let like = fs::metadata(&ready).map_err(Error::file("look at", &ready))?;
    copy::attributes(&like, &data)?;
    let empty = is_empty(&data)?;
    // Docker fills a volume that is empty still at the next mount: another user of it may bring something.
    if !empty {
        volume.set_filled()?;
    }
    remove(&ready)?;
    Ok(if empty { "stays empty, like the image's directory" } else { "is filled from the image" })
}

/// Moves what is in a directory into another one; what has the name there already stays.
fn move_into(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let name = entry.map_err(Error::file("read", from))?.file_name();
        let target = to.join(&name);
        if fs::symlink_metadata(&target).is_err() {
            fs::rename(from.join(&name), &target).map_err(Error::file("rename to", &target))?;
        }
    }
    Ok(())
}

fn is_empty(directory: &Path) -> Result<bool, Error> {
    Ok(fs::read_dir(directory).map_err(Error::file("read", directory))?.next().is_none())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::super::{Place, is_root};
    use super::*;

    fn place(name: &str) -> Place {
        let place = Place::new(name);
        place.file("image/html/index.php", "php", 0o644);
        place.file("image/html/sub/x", "x", 0o600);
        fs::set_permissions(place.path("image/html"), fs::Permissions::from_mode(0o711)).unwrap();
        fs::create_dir(place.path("volume")).unwrap();
        place
    }

    fn fill(place: &Place) -> &'static str {
        super::fill(&place.path("image/html"), &place.path("volume")).unwrap()
    }

    #[test]
    fn a_fresh_volume_is_filled_once() {
        let place = place("fresh");
        assert_eq!(fill(&place), "is filled from the image");
        assert_eq!(place.names("volume/data"), ["index.php", "sub"]);
        assert_eq!((place.mode("volume/data"), place.mode("volume/data/sub/x")), (0o711, 0o600));
        fs::remove_dir_all(place.path("volume/data")).unwrap();
        fs::create_dir(place.path("volume/data")).unwrap();
        assert_eq!(fill(&place), "was filled before", "what was deleted on purpose doesn't come back");
        assert!(place.names("volume/data").is_empty());
        assert_eq!(place.names("volume"), [".compose-operator.filled", ".compose-operator.lock", "data"]);
    }

    #[test]
    fn what_is_there_already_is_never_touched() {
        let place = place("taken");
        place.file("volume/data/index.php", "theirs", 0o600);
        assert_eq!(fill(&place), "holds something already");
        assert_eq!(place.names("volume/data"), ["index.php"]);
        assert_eq!(place.read("volume/data/index.php").unwrap(), "theirs");
    }

    #[test]
    fn where_the_image_has_nothing_the_next_user_may_fill_it() {
        let place = place("nothing");
        fs::create_dir_all(place.path("empty")).unwrap();
        fs::set_permissions(place.path("empty"), fs::Permissions::from_mode(0o750)).unwrap();
        let volume = place.path("volume");
        assert_eq!(super::fill(&place.path("missing"), &volume).unwrap(), "stays empty: the image has no such directory");
        assert!(place.names("volume/data").is_empty());
        assert_eq!(super::fill(&place.path("image/html/index.php"), &volume).unwrap(), "stays empty: the image has no such directory");
        assert_eq!(super::fill(&place.path("empty"), &volume).unwrap(), "stays empty, like the image's directory");
        assert_eq!(place.mode("volume/data"), 0o750);
        assert_eq!(fill(&place), "is filled from the image");
        assert_eq!(super::fill(&place.path("empty"), &volume).unwrap(), "was filled before");
    }

    #[test]
    fn a_crash_at_any_step_ends_in_the_same_volume() {
        // While it copied.
        let copying = place("copying");
        copying.file("volume/.compose-operator.part/index.php", "ha", 0o600);
        assert_eq!(fill(&copying), "is filled from the image");
        assert_eq!(copying.read("volume/data/index.php").unwrap(), "php");

        // While it moved: one entry is there, which a program may have changed already, the other is not.
        let moving = place("moving");
        moving.file("volume/data/index.php", "changed", 0o644);
        moving.file("volume/.compose-operator.ready/sub/x", "x", 0o600);
        moving.file("volume/.compose-operator.ready/index.php", "php", 0o600);
        assert_eq!(fill(&moving), "is filled from the image");
        assert_eq!(
            (moving.read("volume/data/index.php").unwrap(), moving.read("volume/data/sub/x").unwrap()),
            ("changed".into(), "x".into())
        );

        // After it moved all, and after the mark.
        let moved = place("moved");
        moved.file("volume/data/index.php", "php", 0o644);
        fs::create_dir(moved.path("volume/.compose-operator.ready")).unwrap();
        assert_eq!(fill(&moved), "is filled from the image");
        let marked = place("marked");
        marked.file("volume/.compose-operator.filled", "", 0o644);
        fs::create_dir(marked.path("volume/.compose-operator.ready")).unwrap();
        assert_eq!(fill(&marked), "was filled before");
        for place in [copying, moving, moved, marked] {
            assert_eq!(place.names("volume"), [".compose-operator.filled", ".compose-operator.lock", "data"]);
        }
    }

    #[test]
    fn owners_are_the_images() {
        if !is_root() {
            return;
        }
        let place = place("seed-owners");
        for path in ["image/html/sub/x", "image/html"] {
            chown(place.path(path), Some(33), Some(34)).unwrap();
        }
        fill(&place);
        for (path, owner) in [("volume/data", 33), ("volume/data/sub", 0), ("volume/data/sub/x", 33)] {
            assert_eq!(fs::metadata(place.path(path)).unwrap().uid(), owner, "{path}");
        }
    }

    #[test]
    fn several_pods_at_once_fill_it_once() {
        let place = place("several");
        for number in 0..200 {
            place.file(&format!("image/html/f{number}"), "x", 0o644);
        }
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| fill(&place))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "is filled from the image").count(), 1, "{outcomes:?}");
        assert_eq!(place.names("volume/data").len(), 202);
    }

    #[test]
    fn pairs_are_split_at_the_last_sign() {
        assert_eq!(pair("/a=b=/volumes/1"), Ok(("/a=b".into(), "/volumes/1".into())));
        assert!(pair("/a").is_err());
    }
}

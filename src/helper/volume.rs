//! A volume as this operator lays it out: what programs see lies in `data`, and beside it what tells how far filling it got.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Error, say};

const DATA: &str = "data";
const PREFIX: &str = ".compose-operator";

/// A volume that nobody else fills as long as this lives.
pub struct Volume {
    root: PathBuf,
    _lock: Option<File>,
}

impl Volume {
    /// Opens a volume, and makes its `data` where it isn't there yet.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let volume = Self { root: root.to_owned(), _lock: lock(&root.join(format!("{PREFIX}.lock"))) };
        let data = volume.data();
        if !data.is_dir() {
            // As the kubelet does with a directory that a mount names and that isn't there.
            let bits = fs::metadata(root).map_err(Error::file("look at", root))?.permissions().mode() & 0o7777;
            fs::create_dir(&data).map_err(Error::file("make", &data))?;
            fs::set_permissions(&data, fs::Permissions::from_mode(bits)).map_err(Error::file("set the mode of", &data))?;
        }
        Ok(volume)
    }

    /// What programs see.
    pub fn data(&self) -> PathBuf {
        self.root.join(DATA)
    }

    /// A copy that is being made.
    pub fn part(&self) -> PathBuf {
        self.beside("part")
    }

    /// A copy that is complete, and is being moved into `data`.
    pub fn ready(&self) -> PathBuf {
        self.beside("ready")
    }

    /// The files of the stack as they were when they were last written into `data`.
    pub fn written(&self) -> PathBuf {
        self.beside("content")
    }

    /// Whether the volume was filled once.
    pub fn is_filled(&self) -> bool {
        self.beside("filled").exists()
    }

    /// Records that the volume is filled.
    pub fn set_filled(&self) -> Result<(), Error> {
        let mark = self.beside("filled");
        File::create(&mark).map_err(Error::file("write", &mark))?;
        Ok(())
    }

    /// Brings all that was written to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        let failed = Error::file("sync", &self.root);
        File::open(&self.root).and_then(|root| sync(&root)).map_err(failed)
    }

    fn beside(&self, what: &str) -> PathBuf {
        self.root.join(format!("{PREFIX}.{what}"))
    }
}

#[cfg(target_os = "linux")]
fn sync(root: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(root)?)
}

/// Containers are Linux; elsewhere only the plugin runs, which fills no volumes.
#[cfg(not(target_os = "linux"))]
fn sync(root: &File) -> io::Result<()> {
    root.sync_all()
}

/// Locks a file; without a lock where the file system has none, as two pods seldom start on a fresh volume at once.
fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().read(true).open(path).or_else(|_| {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        Ok::<_, io::Error>(file)
    });
    let locked = file.and_then(|file| file.lock().map(|()| file));
    locked.inspect_err(|error| say(&format!("no lock on {}: {error}", path.display()))).ok()
}

/// Removes a file or a directory with all in it, if it is there.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}

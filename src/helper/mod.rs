//! What the init containers of a stack's pods run: `compose-operator helper …`.
//!
//! | command | what it does |
//! |---|---|
//! | `hosts` | writes a hosts file with the names that DNS can't give this pod |
//! | `files` | writes files and directories with owners and modes that mounts of ConfigMaps and emptyDirs can't have |
//! | `install` | copies this binary into a volume, so that it can run in an image that has nothing but its program |
//! | `seed` | fills fresh volumes from the image, as Docker does |
//!
//! It runs as any user, on a read-only root, in an image without anything else, and knows nothing of Kubernetes' API.

mod content;
mod copy;
mod dns;
mod files;
mod hosts;
mod seed;
mod volume;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;

/// Name of the binary in the volume that `install` fills.
const BINARY: &str = "compose-operator";

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write a hosts file with names that DNS can't give this pod.
    Hosts(hosts::Arguments),
    /// Write files and directories with owners and modes that mounts can't have.
    Files(files::Arguments),
    /// Copy this binary into a directory.
    Install {
        /// The directory.
        directory: PathBuf,
    },
    /// Fill fresh volumes from the image's content.
    Seed(seed::Arguments),
}

/// Why a helper gave up. The pod's init container fails with it, and is started again by the kubelet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} {path}")]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("{0}")]
    Unresolved(String),
}

impl Error {
    fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path: path.to_owned(), source }
    }
}

/// Runs one of the commands.
pub fn run(command: &Command) -> Result<(), Error> {
    match command {
        Command::Hosts(arguments) => hosts::write(arguments),
        Command::Files(arguments) => files::write(arguments),
        Command::Install { directory } => install(directory),
        Command::Seed(arguments) => seed::seed(arguments),
    }
}

fn install(directory: &Path) -> Result<(), Error> {
    let (target, part) = (directory.join(BINARY), directory.join(format!("{BINARY}.part")));
    fs::copy("/proc/self/exe", &part).map_err(Error::file("copy to", &part))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).map_err(Error::file("set the mode of", &part))?;
    fs::rename(&part, &target).map_err(Error::file("rename to", &target))
}

/// Says on standard error, where the kubelet keeps it as the container's log, what is done.
fn say(message: &str) {
    eprintln!("{message}");
}

/// A directory of its own for one test, removed at its end.
#[cfg(test)]
struct Place(PathBuf);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("compose-helper-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    /// Writes a file, with the directories above it.
    fn file(&self, below: &str, content: &str, mode: u32) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn read(&self, below: &str) -> Option<String> {
        fs::read_to_string(self.path(below)).ok()
    }

    fn mode(&self, below: &str) -> u32 {
        fs::symlink_metadata(self.path(below)).unwrap().permissions().mode() & 0o7777
    }

    /// Names in a directory, sorted.
    fn names(&self, below: &str) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.path(below)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether the tests run as root, who alone may give files away.
#[cfg(test)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use super::*;

    #[test]
    fn the_installed_binary_is_this_one_and_can_be_run() {
        let place = Place::new("install");
        install(&place.path("")).unwrap();
        install(&place.path("")).unwrap();
        assert_eq!(place.mode(BINARY), 0o755);
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert_eq!(size(&place.path(BINARY)), size(&std::env::current_exe().unwrap()));
        assert_eq!(place.names(""), [BINARY]);
    }
}

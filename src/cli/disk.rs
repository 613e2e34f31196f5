//! The disk as the loader's project directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::compose::sources::{File, Files};

/// Files below a directory of the user's disk; absolute paths are taken as they are.
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Option<File> {
        let path = self.directory.join(Path::new(path));
        // Devices and sockets have no content to travel with a stack, and some never end.
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        Some(File { content: fs::read(&path).ok()?.into(), executable, tainted: false })
    }
}

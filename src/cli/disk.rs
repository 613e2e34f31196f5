//! The disk as the loader's project directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::compose::sources::{File, Files};

/// Directories of the system, whose content is never taken for a stack's own; nor is what lies directly below the root.
const SYSTEM: [&str; 11] = ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"];

/// Files below a directory of the user's disk; absolute paths are taken as they are.
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn collect(&self, directory: &str, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(self.directory.join(directory)) else { return };
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        for name in names {
            let path = if directory == "." { name } else { format!("{}/{name}", directory.trim_end_matches('/')) };
            let real = self.directory.join(&path);
            // A linked directory may lead around in a circle.
            if real.is_file() {
                found.push(path);
            } else if real.is_dir() && !real.is_symlink() {
                self.collect(&path, found);
            }
        }
    }
}

impl Files for Disk {
    /// Regular files alone: devices and sockets have no content to travel with a stack, and some never end.
    fn read(&self, path: &str) -> Option<File> {
        let path = self.directory.join(Path::new(path));
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some(File { content: fs::read(&path).ok()?.into(), executable: metadata.permissions().mode() & 0o111 != 0, tainted: false })
    }

    fn below(&self, directory: &str) -> Vec<String> {
        let mut found = Vec::new();
        let system = |directory: &str| directory == "/" || SYSTEM.iter().any(|system| Path::new(directory).starts_with(system));
        if !system(directory) {
            self.collect(directory, &mut found);
        }
        found
    }

    /// docker compose makes what is missing below the project; elsewhere on the disk nothing is taken for the stack's.
    fn has_directory(&self, path: &str, made: bool) -> bool {
        let real = self.directory.join(path);
        !path.starts_with('/') && (real.is_dir() || (made && !real.exists()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn place(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("compose-disk-{}-{name}", std::process::id()));
        fs::create_dir_all(root.join("conf/deep")).unwrap();
        fs::write(root.join("conf/a.txt"), "a").unwrap();
        fs::write(root.join("conf/deep/b.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("conf/deep/b.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        root
    }

    #[test]
    fn a_directory_is_listed_with_what_is_below_it() {
        let root = place("list");
        std::os::unix::fs::symlink(&root, root.join("conf/circle")).unwrap();
        let disk = Disk::new(&root);
        assert_eq!(disk.below("conf"), ["conf/a.txt", "conf/deep/b.sh"]);
        assert_eq!(disk.below("."), ["conf/a.txt", "conf/deep/b.sh"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn executable_files_stay_executable() {
        let root = place("mode");
        let disk = Disk::new(&root);
        assert_eq!(disk.read("conf/a.txt").map(|file| file.executable), Some(false));
        assert_eq!(disk.read("conf/deep/b.sh").map(|file| file.executable), Some(true));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_compose_would_make_is_a_directory_without_files() {
        let root = place("empty");
        fs::create_dir(root.join("there")).unwrap();
        let disk = Disk::new(&root);
        for (path, made, expected) in [
            ("there", false, true),
            ("missing", true, true),
            ("missing", false, false),
            ("conf/a.txt", true, false),
            ("/srv/none", true, false),
        ] {
            assert_eq!(disk.has_directory(path, made), expected, "{path}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn devices_and_system_directories_are_not_taken() {
        let disk = Disk::new("/");
        assert_eq!(disk.read("/dev/null"), None);
        assert!(disk.below("/etc").is_empty() && disk.below("/usr/share").is_empty() && disk.below("/").is_empty());
    }
}

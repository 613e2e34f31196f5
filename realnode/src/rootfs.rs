//! The root file system that most images share, made from Debian packages.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use devcluster::Progress;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::shell;

/// Files that images are made of.
#[derive(Debug, Clone)]
pub struct RootFs {
    /// A tar with everything in `images/packages`.
    pub debian: PathBuf,
    /// The one program of the small images.
    pub busybox: PathBuf,
    /// A name for what they were made from.
    pub key: String,
}

const SUITE: &str = "bookworm";

/// What no container needs: documentation, and the parts of PostgreSQL that compile queries.
const EXCLUDED: [&str; 6] =
    ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/lib/*/libLLVM*", "/usr/lib/*/libz3*"];

/// Packages bring databases with them, which an image's volume may not have.
const CLEAN: &str = r#"rm -rf "$1"/var/lib/mysql/* "$1"/var/lib/postgresql/*/* "$1"/etc/postgresql/*/*"#;

impl RootFs {
    /// Takes it from the cache, or makes it, with progress on standard error.
    pub fn build(images: &Path) -> Result<Self, Error> {
        let list = images.join("packages");
        let packages = fs::read_to_string(&list).map_err(Error::file("read", &list))?;
        let packages: Vec<&str> = packages.split_whitespace().collect();
        let debian = debian(&packages)?;
        let (busybox, key) = (debian.with_file_name("busybox"), key(&packages));
        if !busybox.is_file() {
            unpack_busybox(&debian, &busybox).map_err(Error::file("unpack busybox to", &busybox))?;
        }
        Ok(Self { debian, busybox, key })
    }
}

/// A tar of a Debian system with these packages, from the cache, or made, with progress on standard error.
pub fn debian(packages: &[&str]) -> Result<PathBuf, Error> {
    let directory = devcluster::cache_directory()?.join(format!("rootfs-{}", key(packages)));
    fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let (tar, lock_file) = (directory.join("debian.tar"), directory.join("lock"));
    let lock = File::create(&lock_file).map_err(Error::file("create", &lock_file))?;
    lock.lock().map_err(Error::file("lock", &lock_file))?;
    if !tar.is_file() {
        bootstrap(packages, &directory, &tar)?;
    }
    Ok(tar)
}

fn bootstrap(packages: &[&str], directory: &Path, tar: &Path) -> Result<(), Error> {
    let mirror = mirror()?;
    let mut progress = Progress::new();
    progress.step(&format!("making a root file system of {} Debian packages and what they need, once: some minute", packages.len()));
    let unfinished = directory.join("unfinished.tar");
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io"]);
    command.args([r#"--aptopt=Acquire::Languages "none""#, r#"--aptopt=Apt::Install-Recommends "false""#]);
    command.args(EXCLUDED.map(|path| format!("--dpkgopt=path-exclude={path}")));
    command.arg(format!("--include={}", packages.join(","))).arg(format!("--customize-hook={CLEAN}"));
    command.arg(SUITE).arg(&unfinished).arg(mirror);
    shell::run(command.env("TMPDIR", directory).env("DEBIAN_FRONTEND", "noninteractive"))?;
    fs::rename(&unfinished, tar).map_err(Error::file("rename", unfinished))?;
    progress.done(&format!("made a root file system of {} Debian packages and what they need", packages.len()));
    Ok(())
}

fn unpack_busybox(debian: &Path, busybox: &Path) -> io::Result<()> {
    let mut command = Command::new("tar");
    let output = command.args(["--extract", "--to-stdout", "--file"]).arg(debian).arg("./usr/bin/busybox").output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let unfinished = busybox.with_extension(std::process::id().to_string());
    fs::write(&unfinished, output.stdout)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
    fs::rename(unfinished, busybox)
}

fn key(packages: &[&str]) -> String {
    short_hash(packages.iter().chain(&EXCLUDED).chain(&[SUITE, CLEAN]))
}

/// A name for these words.
pub fn short_hash<'a>(words: impl IntoIterator<Item = &'a &'a str>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    format!("{:016x}", hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
}

/// The mirror that this machine has its own packages from.
fn mirror() -> Result<String, Error> {
    if let Ok(mirror) = std::env::var("DEBIAN_MIRROR") {
        return Ok(mirror);
    }
    let entries = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
    files.sort();
    files.iter().find_map(|file| debian_mirror(&fs::read_to_string(file).ok()?)).ok_or(Error::NoMirror)
}

/// The address, in a file of apt's sources of either form, from which a release of Debian itself comes.
fn debian_mirror(sources: &str) -> Option<String> {
    let is_release = |suite: &str| ["bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable"].contains(&suite);
    for line in sources.lines().filter_map(|line| line.trim().strip_prefix("deb ")) {
        let mut words = line.split_whitespace().skip_while(|word| word.starts_with('[') || !word.contains("://"));
        if let (Some(address), Some(suite)) = (words.next(), words.next())
            && is_release(suite)
        {
            return Some(address.to_owned());
        }
    }
    for stanza in sources.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if let (Some(addresses), Some(suites)) = (field("URIs:"), field("Suites:"))
            && suites.split_whitespace().any(is_release)
        {
            return addresses.split_whitespace().next().map(str::to_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_own_mirror_is_found_among_others() {
        let classic = "# comment\ndeb https://packages.example.com/apt stable-tools main\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example.org/debian bookworm main\n";
        assert_eq!(debian_mirror(classic).as_deref(), Some("http://mirror.example.org/debian"));
        let stanzas = "Types: deb\nURIs: https://deb.example.com/node\nSuites: nodistro\n\nTypes: deb\n# a comment\nURIs: http://mirror.example.org/debian\nSuites: trixie trixie-updates\nComponents: main\n";
        assert_eq!(debian_mirror(stanzas).as_deref(), Some("http://mirror.example.org/debian"));
        assert_eq!(debian_mirror("deb https://packages.example.com/apt tools main"), None);
        assert_eq!(debian_mirror("Types: deb\nURIs: http://security.example.org\nSuites: bookworm-security\n"), None);
    }

    #[test]
    fn another_package_is_another_root_file_system() {
        assert_eq!(key(&["curl", "redis-server"]), key(&["curl", "redis-server"]));
        assert_ne!(key(&["curl"]), key(&["curl", "redis-server"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
    }
}

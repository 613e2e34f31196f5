//! Programs of the machine that a node needs.

use std::path::Path;
use std::process::Command;

use devcluster::Progress;

use crate::error::Error;
use crate::shell;

/// Program or file, and the Debian package that has it.
const NEEDED: [(&str, &str); 11] = [
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("buildah", "buildah"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
];

/// Installs what is missing, where that can be done; else says what is.
pub fn install() -> Result<(), Error> {
    let missing = missing(|name| if name.starts_with('/') { Path::new(name).exists() } else { shell::find(name).is_some() });
    if missing.is_empty() {
        return Ok(());
    }
    if shell::find("apt-get").is_none() {
        return Err(Error::Packages { missing: missing.join(", ") });
    }
    let mut progress = Progress::new();
    progress.step(&format!("installing {}", missing.join(", ")));
    apt().arg("update").output().map_err(|source| Error::Run { program: "apt-get".into(), source })?;
    shell::run(apt().args(["install", "--yes", "--no-install-recommends"]).args(&missing))?;
    progress.done(&format!("installed {}", missing.join(", ")));
    Ok(())
}

fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> = NEEDED.iter().filter(|(name, _)| !is_there(name)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed_and_each_package_once() {
        assert_eq!(missing(|_| true), Vec::<&str>::new());
        assert_eq!(missing(|name| !["unshare", "nsenter", "runc"].contains(&name)), ["runc", "util-linux"]);
    }
}

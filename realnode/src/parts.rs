//! All that is built once, before the first node.

use std::path::{Path, PathBuf};

use devcluster::Binaries;

use crate::error::Error;
use crate::packages;
use crate::programs::Programs;
use crate::rootfs::RootFs;

/// What nodes are made of; they only read it.
#[derive(Debug, Clone)]
pub struct Parts {
    pub(crate) binaries: Binaries,
    pub(crate) programs: Programs,
    pub(crate) rootfs: RootFs,
    /// The directory that says which images there are.
    pub(crate) images: PathBuf,
}

impl Parts {
    /// Installs, builds and makes what is missing, with progress on standard error.
    pub fn build() -> Result<Self, Error> {
        demand_root()?;
        packages::install()?;
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        Ok(Self { binaries: Binaries::build()?, programs: Programs::build()?, rootfs: RootFs::build(&images)?, images })
    }
}

/// A node is made of what only root may make, on Linux.
pub fn demand_root() -> Result<(), Error> {
    if cfg!(target_os = "linux") && rustix::process::geteuid().is_root() { Ok(()) } else { Err(Error::NotRoot) }
}

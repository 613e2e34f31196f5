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
        prepare_machine()?;
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        // One waits for the network and unpacks, the other computes.
        let (rootfs, programs) = both(|| RootFs::build(&images), || Ok((Binaries::build()?, Programs::build()?)))?;
        let (binaries, programs) = programs;
        Ok(Self { binaries, programs, rootfs, images })
    }
}

/// Does two things at a time, and gives the results of both.
pub fn both<A: Send, B>(one: impl FnOnce() -> Result<A, Error> + Send, other: impl FnOnce() -> Result<B, Error>) -> Result<(A, B), Error> {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((one?, other?))
    })
}

/// Installs the programs of the machine that a node needs, if this is one where nodes can be.
pub fn prepare_machine() -> Result<(), Error> {
    demand_root()?;
    packages::install()
}

/// A node is made of what only root may make, on Linux.
fn demand_root() -> Result<(), Error> {
    if cfg!(target_os = "linux") && rustix::process::geteuid().is_root() { Ok(()) } else { Err(Error::NotRoot) }
}

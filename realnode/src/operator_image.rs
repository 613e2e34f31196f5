//! The operator's image, as the Dockerfile makes it: built by buildah on a Debian system, without a container registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use devcluster::Progress;

use crate::error::Error;
use crate::node::Node;
use crate::rootfs;
use crate::shell;
use crate::{parts, plan};

/// The image, in a store of buildah's in the cache.
#[derive(Debug, Clone)]
pub struct OperatorImage {
    store: PathBuf,
    /// What tells source trees apart that share the cache.
    tree: String,
}

/// What compiles and links the operator's C parts; Rust comes from the machine.
const BUILDER_PACKAGES: [&str; 3] = ["ca-certificates", "gcc", "libc6-dev"];
const NAME: &str = "localhost/compose-operator";
/// The tag of an image of another program, to upgrade to.
const NEXT: &str = "next";
/// The program in the image; also what it calls itself, before a slash and its version.
const PROGRAM: &str = "compose-operator";

impl OperatorImage {
    /// Builds it from the source tree, with progress on standard error.
    pub fn build(source: &Path) -> Result<Self, Error> {
        parts::prepare_machine()?;
        let cache = devcluster::cache_directory()?;
        let tree = rootfs::short_hash([&source.to_string_lossy().as_ref()]);
        let target = cache.join(format!("image-target-{tree}"));
        let image = Self { store: cache.join("buildah"), tree };
        let builder = image.builder(&rootfs::debian(&BUILDER_PACKAGES)?)?;
        let mut progress = Progress::new();
        progress.step("building the operator's image: some 4 minutes, and up to 12 beside other builds");
        fs::create_dir_all(&target).map_err(Error::file("create", &target))?;
        // The build itself has no network.
        shell::run(Command::new("cargo").args(["fetch", "--quiet", "--locked"]).current_dir(source))?;
        let toolchain = shell::run(Command::new("rustc").args(["--print", "sysroot"]).current_dir(source))?;
        let mut build = image.buildah();
        build.args(["build", "--isolation=chroot", "--pull-never", "--format=oci", "--tag", &image.name()]);
        build.arg(format!("--build-arg=BUILDER={builder}"));
        build.arg(format!("--volume={}:/usr/local/rust:ro", toolchain.trim()));
        build.arg(format!("--volume={}:/cargo/registry:ro", cargo_home().join("registry").display()));
        build.arg(format!("--volume={}:/src/target", target.display()));
        shell::run(build.arg(source))?;
        image.make_next()?;
        // What had these names before.
        drop(shell::run(image.buildah().args(["rmi", "--prune"])));
        let size = shell::run(image.buildah().args(["images", "--format={{.Size}}", &image.name()]))?;
        progress.done(&format!("built the operator's image: {}", size.trim()));
        Ok(image)
    }

    /// Writes it as an archive that `docker load`, `ctr images import` and the like take.
    pub fn save(&self, archive: &Path) -> Result<(), Error> {
        if let Some(directory) = archive.parent() {
            fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        }
        drop(fs::remove_file(archive));
        let target = format!("docker-archive:{}:compose-operator:latest", archive.display());
        shell::run(self.buildah().args(["push", "--quiet", &self.name(), &target]))?;
        Ok(())
    }

    /// Puts it into the node's registry, where the node finds it under its plain name with this tag.
    pub fn push(&self, node: &Node, tag: &str) -> Result<(), Error> {
        self.push_as(node, &self.name(), tag)
    }

    /// Puts the image there that an operator is upgraded to, with the tag `next`.
    pub fn push_next(&self, node: &Node) -> Result<(), Error> {
        self.push_as(node, &self.next(), NEXT)
    }

    fn push_as(&self, node: &Node, image: &str, tag: &str) -> Result<(), Error> {
        let mut push = node.joined("buildah");
        push.args(self.place()).args(["push", "--quiet", "--tls-verify=false", image]);
        shell::run(push.arg(format!("docker://{}/library/compose-operator:{tag}", plan::registry())))?;
        Ok(())
    }

    /// Makes the image that an operator is upgraded to: its program is another one, as it calls itself by another version.
    fn make_next(&self) -> Result<(), Error> {
        let container = shell::run(self.buildah().args(["from", "--pull-never", &self.name()]))?;
        let container = container.trim();
        let root = shell::run(self.buildah().args(["mount", container]))?;
        let program = Path::new(root.trim()).join(PROGRAM);
        let mut bytes = fs::read(&program).map_err(Error::file("read", &program))?;
        if !raise_version(&mut bytes) {
            return Err(Error::NoVersion(program));
        }
        fs::write(&program, bytes).map_err(Error::file("write", &program))?;
        shell::run(self.buildah().args(["umount", container]))?;
        shell::run(self.buildah().args(["config", "--label=org.opencontainers.image.version=next", container]))?;
        shell::run(self.buildah().args(["commit", "--quiet", "--rm", container, &self.next()]))?;
        Ok(())
    }

    fn name(&self) -> String {
        format!("{NAME}:{}", self.tree)
    }

    fn next(&self) -> String {
        format!("{NAME}:{}-{NEXT}", self.tree)
    }

    /// The base of the build: made once, then called by what it is made of.
    fn builder(&self, root: &Path) -> Result<String, Error> {
        let key = root.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("localhost/builder:{key}");
        if shell::run(self.buildah().args(["inspect", "--type=image", &name])).is_ok() {
            return Ok(name);
        }
        let container = shell::run(self.buildah().args(["from", "scratch"]))?;
        let container = container.trim();
        shell::run(self.buildah().args(["add", "--quiet", container]).arg(root).arg("/"))?;
        shell::run(self.buildah().args([
            "config",
            "--env=PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "--env=CARGO_HOME=/cargo",
            "--env=CARGO_NET_OFFLINE=true",
            container,
        ]))?;
        shell::run(self.buildah().args(["commit", "--quiet", "--rm", container, &name]))?;
        Ok(name)
    }

    fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        command.args(self.place());
        command
    }

    fn place(&self) -> [String; 2] {
        [format!("--root={}", self.store.display()), format!("--runroot={}", self.store.join("run").display())]
    }
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// Changes the major version in every place where a program calls itself `compose-operator/1.2.3`; false: there is none.
fn raise_version(program: &mut [u8]) -> bool {
    let name = format!("{PROGRAM}/");
    let places = program.windows(name.len() + 1).enumerate().filter(|(_, window)| window.starts_with(name.as_bytes()));
    let places: Vec<usize> = places.filter(|(_, window)| window[name.len()].is_ascii_digit()).map(|(at, _)| at + name.len()).collect();
    for at in &places {
        program[*at] = if program[*at] == b'9' { b'8' } else { b'9' };
    }
    !places.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_version_says_so_in_as_many_bytes() {
        let mut program = b"\0compose-operator/0.1.0GETcompose-operator/charts compose-operator/9.0\x7f".to_vec();
        assert!(raise_version(&mut program));
        assert_eq!(program, b"\0compose-operator/9.1.0GETcompose-operator/charts compose-operator/8.0\x7f");
        assert!(!raise_version(&mut b"compose-operator".to_vec()));
    }
}

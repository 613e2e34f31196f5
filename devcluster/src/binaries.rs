//! The Go binaries, built once into the user's cache directory.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::go_build::GoBuild;

/// What the control plane consists of.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and the supervisor, by the first argument.
    pub controlplane: PathBuf,
    pub helm: PathBuf,
}

/// Kubernetes' own build stamps its version in; without it the API server and kubectl call themselves v0.0.0.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitTreeState=clean";

impl Binaries {
    /// Takes the binaries from the cache, or builds them into it: some four minutes on two cores, with progress on standard error. Processes that
    /// ask at the same time wait for one build.
    pub fn build() -> Result<Self, Error> {
        let packages = [("controlplane", "./cmd/controlplane"), ("helm", "helm.sh/helm/v4/cmd/helm")];
        let directory = build("the control plane", "some 4 minutes on 2 cores", &packages)?;
        Ok(Self { controlplane: directory.join("controlplane"), helm: directory.join("helm") })
    }
}

/// The simulated nodes, built like the control plane. A program of its own, because its flags clash with those of Kubernetes; where nodes are real,
/// nobody needs it.
pub fn kwok() -> Result<PathBuf, Error> {
    Ok(build("the simulated nodes", "some seconds", &[("kwok", "sigs.k8s.io/kwok/cmd/kwok")])?.join("kwok"))
}

fn build(what: &str, expected: &str, packages: &[(&str, &str)]) -> Result<PathBuf, Error> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    GoBuild { what, expected, module: &module, packages, linker_flags: LINKER_FLAGS, tags: "" }.into_cache()
}

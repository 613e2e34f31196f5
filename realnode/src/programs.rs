//! The Go programs of a node, from `go/` and from containerd's own module.

use std::path::{Path, PathBuf};

use devcluster::GoBuild;

use crate::error::Error;

/// Where each program is.
#[derive(Debug, Clone)]
pub struct Programs {
    /// kubelet and kube-proxy, by the first argument.
    pub kubelet: PathBuf,
    /// The directory with containerd, its shim and ctr.
    pub containerd: PathBuf,
    pub network_policy: PathBuf,
    pub registry: PathBuf,
    /// What images are made of: the cluster's DNS server, and what holds a pod's namespaces.
    pub dns: PathBuf,
    pub pause: PathBuf,
}

const STRIPPED: &str = "-s -w";
const KUBELET_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitTreeState=clean";
const CONTAINERD_FLAGS: &str = "-s -w -X github.com/containerd/containerd/v2/version.Version=v2.2.9";

impl Programs {
    /// Takes them from the cache, or builds them into it.
    pub fn build() -> Result<Self, Error> {
        let pause = build("pause", "the container that holds a pod together", "a second", "pause", STRIPPED)?;
        let registry = build("registry", "the node's registry", "some seconds", "registry", STRIPPED)?;
        let dns = build("dns", "the cluster's DNS server", "some 1 minute on 2 cores", "dns", STRIPPED)?;
        let network_policy = build("netpol", "the enforcer of NetworkPolicies", "some 1 minute on 2 cores", "netpol", STRIPPED)?;
        let kubelet = build("kubelet", "kubelet and kube-proxy", "some 3 minutes on 2 cores", "kubelet", KUBELET_FLAGS)?;
        let containerd = GoBuild {
            what: "containerd",
            expected: "some 1 minute on 2 cores",
            module: &module("containerd"),
            packages: &[
                ("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
                ("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
                ("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
            ],
            linker_flags: CONTAINERD_FLAGS,
            tags: "no_btrfs,no_devmapper,no_zfs",
        }
        .into_cache()?;
        Ok(Self { kubelet, containerd, network_policy, registry, dns, pause })
    }
}

fn build(directory: &str, what: &str, expected: &str, name: &str, linker_flags: &str) -> Result<PathBuf, Error> {
    let module = module(directory);
    let built = GoBuild { what, expected, module: &module, packages: &[(name, ".")], linker_flags, tags: "" }.into_cache()?;
    Ok(built.join(name))
}

fn module(directory: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(directory)
}

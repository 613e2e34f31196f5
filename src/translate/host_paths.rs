//! Paths of the nodes, where the administrator's policy lets stacks mount them.

use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume, VolumeMount};

use crate::compose::model::{Mount, Service};
use crate::compose::path::Path;

use super::mounts::{Mounts, at, volume_name};
use super::policy::Policy;
use super::report::Report;

/// Sockets of engines: whoever has one has the node. No policy gives them.
const SOCKETS: [&str; 5] = ["docker.sock", "containerd.sock", "crio.sock", "podman.sock", "buildkitd.sock"];
/// What lies below is there already, and may be a file or a device: a directory is not to be made of it.
const OF_THE_SYSTEM: [&str; 7] = ["/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/usr/", "/var/run/"];

/// Whether a path is the socket of an engine; it was refused then.
pub fn is_engine_socket(source: &str, path: &Path, report: &mut Report) -> bool {
    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_socket = SOCKETS.contains(&name);
    if is_socket {
        let message = format!("{source:?}: there is no Docker engine to talk to, and a cluster's is never given to a stack");
        report.refuse("docker-socket", path, message);
    }
    is_socket
}

/// Mounts a path of the node, if the policy lets it.
pub fn mount(service: &Service, policy: &Policy, mount: &Mount, source: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if !policy.allows_host_path(source, !mount.read_only) {
        let read_only = mount.read_only || !policy.allows_host_path(source, false);
        let message = if read_only {
            format!("{source:?} is not among the stack's files, and a path of the node")
        } else {
            format!("{source:?} is a path of the node that may only be mounted read-only")
        };
        report.forbidden("host-path", path, &message, "hostPaths");
        return;
    }
    let mount_path = at(&mount.target, mount.read_only, None);
    let propagation = match mount.bind_propagation.as_deref() {
        Some("slave" | "rslave") => Some("HostToContainer"),
        Some("shared" | "rshared") if service.privileged => Some("Bidirectional"),
        Some("shared" | "rshared") => {
            let message = "mounts of a container reach its node only from privileged services";
            report.refuse("propagation", &path.key("bind").key("propagation"), message);
            None
        }
        _ => None,
    };
    let recursive = mount.bind_recursive.as_deref() == Some("readonly") && mount.read_only && propagation.is_none();
    let mount_path = VolumeMount {
        mount_propagation: propagation.map(str::to_owned),
        recursive_read_only: recursive.then(|| "Enabled".to_owned()),
        ..mount_path
    };
    let source = HostPathVolumeSource { path: source.to_owned(), type_: kind(mount, source).map(str::to_owned) };
    let volume = Volume { name: volume_name("host", &source.path), host_path: Some(source), ..Volume::default() };
    mounts.add(volume, mount_path, path, report);
}

/// What the node is to make of a path that isn't there. Nothing where it may be a file: what is missing then is left to the runtime.
fn kind(mount: &Mount, source: &str) -> Option<&'static str> {
    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let may_be_file = name.is_empty() || name.contains('.') || OF_THE_SYSTEM.iter().any(|prefix| source.starts_with(prefix));
    (mount.bind_create_host_path && !may_be_file).then_some("DirectoryOrCreate")
}

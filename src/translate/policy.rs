//! What the administrator allows stacks to ask for. What a file asks for beyond it is refused, with the field that would allow it.

mod page;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use page::page;
pub use values::{Capability, HostPath, PortRange};

use values::{absolute, is_within};

/// The administrator's policy. Its default opens nothing that reaches beyond a stack's own pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    pub privileged: bool,
    pub capabilities: BTreeSet<Capability>,
    /// Entries of `security_opt` that loosen a container's confinement, as `key=value`.
    pub security_opts: BTreeSet<String>,
    /// Names of kernel parameters beyond the safe ones; `net.core.*` for all that begin with `net.core.`.
    pub unsafe_sysctls: BTreeSet<String>,
    pub host_network: bool,
    #[serde(rename = "hostPID")]
    pub host_pid: bool,
    #[serde(rename = "hostIPC")]
    pub host_ipc: bool,
    pub host_ports: Vec<PortRange>,
    /// Ports that one service may publish.
    pub max_ports: usize,
    pub host_paths: Vec<HostPath>,
    /// NFS servers, by name or address as the files have them.
    pub nfs: BTreeSet<String>,
    /// Storage classes of the volume drivers of other engines, by driver.
    pub volume_drivers: BTreeMap<String, String>,
    /// Storage class of volumes that several services mount, which all nodes can use at a time.
    pub rwx_storage_class: Option<String>,
    /// Extended resources, by the device's path or CDI name.
    pub devices: BTreeMap<String, String>,
    /// Extended resources, by driver; `tpu` by capability.
    pub gpu_drivers: BTreeMap<String, String>,
    /// Extended resources, by kind.
    pub generic_resources: BTreeMap<String, String>,
    /// RuntimeClasses, by the runtime's name in Compose.
    pub runtimes: BTreeMap<String, String>,
    /// Domains of annotations that stacks may give their pods; the beginning of those that have none.
    pub annotations: BTreeSet<String>,
    /// Namespaces whose stacks may join this one's networks by name.
    pub external_networks: BTreeSet<String>,
    /// Namespaces whose Services `external_links` may name.
    pub external_links: BTreeSet<String>,
    /// URL of the service that serves models.
    pub model_endpoint: Option<String>,
    /// ServiceAccounts that pods may run as; `team-*` for all that begin with `team-`.
    pub service_accounts: BTreeSet<String>,
    /// Whether `x-kubernetes.podOverlay` is applied.
    pub pod_overlay: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            privileged: false,
            capabilities: BTreeSet::new(),
            security_opts: BTreeSet::new(),
            unsafe_sysctls: BTreeSet::new(),
            host_network: false,
            host_pid: false,
            host_ipc: false,
            host_ports: Vec::new(),
            max_ports: 256,
            host_paths: Vec::new(),
            nfs: BTreeSet::new(),
            volume_drivers: BTreeMap::new(),
            rwx_storage_class: None,
            devices: BTreeMap::new(),
            gpu_drivers: [("amd", "amd.com/gpu"), ("nvidia", "nvidia.com/gpu"), ("tpu", "google.com/tpu")]
                .map(|(driver, resource)| (driver.to_owned(), resource.to_owned()))
                .into(),
            generic_resources: BTreeMap::new(),
            runtimes: BTreeMap::new(),
            annotations: BTreeSet::new(),
            external_networks: BTreeSet::new(),
            external_links: BTreeSet::new(),
            model_endpoint: None,
            // Without a name, too, pods run as that one.
            service_accounts: BTreeSet::from(["default".to_owned()]),
            pod_overlay: false,
        }
    }
}

impl Policy {
    /// Whether a container may have a capability, given without `CAP_`.
    pub fn allows_capability(&self, name: &str) -> bool {
        self.capabilities.iter().any(|allowed| allowed.as_str() == name || allowed.as_str() == "ALL")
    }

    /// Whether a port of the node may be a container's.
    pub fn allows_host_port(&self, port: u16) -> bool {
        self.host_ports.iter().any(|range| range.contains(port))
    }

    /// Whether a kernel parameter may be set though not every node takes it.
    pub fn allows_sysctl(&self, name: &str) -> bool {
        self.unsafe_sysctls.iter().any(|allowed| matches(allowed, name))
    }

    /// Whether pods may run as a ServiceAccount of their namespace.
    pub fn allows_service_account(&self, name: &str) -> bool {
        self.service_accounts.iter().any(|allowed| matches(allowed, name))
    }

    /// Whether a path of the nodes may be mounted.
    pub fn allows_host_path(&self, path: &str, writable: bool) -> bool {
        let Some(path) = absolute(path) else { return false };
        self.host_paths.iter().any(|allowed| is_within(&path, &allowed.path) && (!writable || !allowed.read_only))
    }

    /// Whether pods may have an annotation of this key.
    pub fn allows_annotation(&self, key: &str) -> bool {
        self.annotations.iter().any(|allowed| match key.split_once('/') {
            Some((domain, _)) => is_part_of(domain, allowed),
            None => key.strip_prefix(allowed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        })
    }
}

/// Whether a name is another one or, where that ends in `*`, begins as it does.
fn matches(allowed: &str, name: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == allowed,
    }
}

/// Whether a domain is another one or below it.
fn is_part_of(domain: &str, of: &str) -> bool {
    domain.strip_suffix(of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn policy(text: &str) -> Policy {
        serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_is_left_out_is_the_default() {
        assert_eq!(policy("{}"), Policy::default());
        assert_eq!(policy("privileged: true"), Policy { privileged: true, ..Policy::default() });
    }

    #[test]
    fn what_is_misspelt_is_told() {
        for (text, expected) in [
            ("priviledged: true", "unknown field `priviledged`"),
            ("hostPaths: [{path: data}]", "hostPaths[0]: \"data\" is not an absolute path"),
            ("hostPaths: [{path: /srv/../etc}]", "is not an absolute path"),
            ("hostPaths: [{path: /srv, readonly: true}]", "unknown field `readonly`"),
            ("hostPorts: [0]", "is not a port or a range of ports"),
            ("hostPorts: ['90-80']", "is not a port or a range of ports"),
            ("capabilities: [FLY]", "\"FLY\" is no capability of Linux"),
            ("hostNetwork: 1", "expected a boolean"),
        ] {
            let error = serde_yaml::from_str::<Policy>(text).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(expected)), "{text}: {error:?}");
        }
    }

    #[test]
    fn the_default_opens_no_node() {
        let shipped = Policy::default();
        assert!(!shipped.allows_capability("NET_ADMIN") && !shipped.allows_host_port(80) && !shipped.allows_sysctl("kernel.msgmax"));
        assert!(!shipped.allows_host_path("/srv", false) && !shipped.allows_annotation("k8s.v1.cni.cncf.io/networks"));
        assert!(shipped.allows_service_account("default") && !shipped.allows_service_account("admin"));
    }

    #[test]
    fn a_prefix_is_one_of_whole_directories_and_writable_only_if_it_says_so() {
        let policy = policy("hostPaths: [{path: /srv/media/}, {path: /data, readOnly: false}]");
        for (path, writable, allowed) in [
            ("/srv/media", false, true),
            ("/srv/media/films/", false, true),
            ("/srv/media/films", true, false),
            ("/srv/media-private", false, false),
            ("/srv/media/../../etc", false, false),
            ("/srv", false, false),
            ("/data/x", true, true),
            ("data/x", true, false),
        ] {
            assert_eq!(policy.allows_host_path(path, writable), allowed, "{path}, writable: {writable}");
        }
        assert!(super::tests::policy("hostPaths: [{path: /}]").allows_host_path("/etc", false));
    }

    #[test]
    fn names_are_matched_as_their_fields_say() {
        let policy = policy(
            "{hostPorts: [53, '8000-8999'], serviceAccounts: [team-*, deployer], unsafeSysctls: [net.core.*, kernel.msgmax], capabilities: [cap_net_admin], annotations: [example.com, io.katacontainers]}",
        );
        for (port, allowed) in [(53, true), (54, false), (8000, true), (8999, true), (9000, false)] {
            assert_eq!(policy.allows_host_port(port), allowed, "{port}");
        }
        for (name, allowed) in [("net.core.somaxconn", true), ("kernel.msgmax", true), ("kernel.msgmaxed", false), ("net.corex", false)] {
            assert_eq!(policy.allows_sysctl(name), allowed, "{name}");
        }
        for (name, allowed) in [("team-a", true), ("deployer", true), ("deployers", false), ("default", false)] {
            assert_eq!(policy.allows_service_account(name), allowed, "{name}");
        }
        for (key, allowed) in [
            ("example.com/a", true),
            ("cni.example.com/a", true),
            ("badexample.com/a", false),
            ("example.com", true),
            ("io.katacontainers.config.x", true),
            ("io.katacontainersx", false),
        ] {
            assert_eq!(policy.allows_annotation(key), allowed, "{key}");
        }
        assert!(policy.allows_capability("NET_ADMIN") && !policy.allows_capability("SYS_ADMIN"));
        assert!(super::tests::policy("capabilities: [ALL]").allows_capability("SYS_ADMIN"));
    }
}

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{NetworkPolicyMode, PublishMode, ServiceOverride, VolumeDefaults};

use super::object::Kind;
use super::policy::Policy;

/// The helper's image, where the settings name none.
pub const DEFAULT_HELPER_IMAGE: &str = concat!("compose-operator:", env!("CARGO_PKG_VERSION"));

/// What the admin settles, with the stack's spec on top.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub publish: PublishMode,
    pub network_policy: NetworkPolicyMode,
    pub volumes: VolumeDefaults,
    pub image_pull_secrets: Vec<String>,
    pub stopped: bool,
    /// An update that failed is being undone: `rollback_config` holds, and not `update_config`.
    pub undoing: bool,
    /// `spec.services`.
    pub services: BTreeMap<String, ServiceOverride>,
    /// Seconds.
    pub progress_deadline: u64,
    pub default_requests: DefaultRequests,
    pub dns: DnsPeers,
    /// What stacks may ask for beyond their own pods.
    pub policy: Policy,
    /// Whether containers of services that add no capability get none, and no way to more rights.
    pub least_privilege: bool,
    /// Optional kinds that are switched off.
    pub without: BTreeSet<Kind>,
    /// The image of init containers. It is no input of a workload: another one restarts nothing. `None`: the one of this version.
    pub helper_image: Option<String>,
    /// The domain of the cluster's DNS. `None`: `cluster.local`.
    pub cluster_domain: Option<String>,
}

impl Settings {
    /// The domain of the cluster's DNS.
    pub fn cluster_domain(&self) -> &str {
        self.cluster_domain.as_deref().unwrap_or("cluster.local")
    }

    /// The image of init containers.
    pub fn helper_image(&self) -> &str {
        self.helper_image.as_deref().unwrap_or(DEFAULT_HELPER_IMAGE)
    }
}

/// What a container asks for that reserves nothing itself. `None`: the operator's own default, which changes no inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefaultRequests {
    /// Thousandths of a CPU.
    pub cpu_milli: Option<i64>,
    pub memory_bytes: Option<i64>,
}

/// Where DNS is answered: services on internal networks alone may reach that and their networks, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPeers {
    /// Namespace of the cluster's DNS pods.
    pub namespace: String,
    /// Labels of the cluster's DNS pods.
    pub pod_labels: BTreeMap<String, String>,
    /// Addresses of node-local DNS, in CIDR notation.
    pub cidrs: Vec<String>,
}

impl Default for DnsPeers {
    fn default() -> Self {
        Self {
            namespace: "kube-system".to_owned(),
            pod_labels: BTreeMap::from([("k8s-app".to_owned(), "kube-dns".to_owned())]),
            cidrs: vec!["169.254.20.10/32".to_owned()],
        }
    }
}

/// The few things about the cluster that the file can't tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Keys of the external ConfigMaps and Secrets that exist, by (is a Secret, name); absent: unknown.
    pub external_keys: BTreeMap<(bool, String), BTreeSet<String>>,
    /// Value of `compose-operator.dev/layout` of claims that exist already, by claim name; absent: the claim is to be made.
    pub claim_layouts: BTreeMap<String, Option<String>>,
    /// The stack's namespace; absent: the one that is used where none is named.
    pub namespace: Option<String>,
    /// Kinds that the cluster doesn't serve.
    pub unserved: BTreeSet<Kind>,
}

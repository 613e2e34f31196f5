use std::collections::{BTreeMap, BTreeSet};

use crate::api::{NetworkPolicyMode, PublishMode, ServiceOverride, VolumeDefaults};

/// What the admin settles, with the stack's spec on top.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub publish: PublishMode,
    pub network_policy: NetworkPolicyMode,
    pub volumes: VolumeDefaults,
    pub image_pull_secrets: Vec<String>,
    pub stopped: bool,
    /// `spec.services`.
    pub services: BTreeMap<String, ServiceOverride>,
    /// Seconds.
    pub progress_deadline: u64,
}

/// The few things about the cluster that the file can't tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Keys of the external ConfigMaps and Secrets that exist, by (is a Secret, name); absent: unknown.
    pub external_keys: BTreeMap<(bool, String), BTreeSet<String>>,
    /// Value of `compose-operator.dev/layout` of claims that exist already, by claim name; absent: the claim is to be made.
    pub claim_layouts: BTreeMap<String, Option<String>>,
}

use indexmap::IndexMap;

use super::Extensions;

/// Top-level `networks`.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Engine-wide name: the written one, or `<project>_<key>`.
    pub name: String,
    /// Whether the file writes `name` itself.
    pub explicit_name: bool,
    pub driver: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub ipam_driver: Option<String>,
    pub ipam_options: IndexMap<String, String>,
    pub ipam_config: Vec<IpamConfig>,
    pub external: bool,
    pub internal: bool,
    pub attachable: bool,
    pub enable_ipv4: Option<bool>,
    pub enable_ipv6: Option<bool>,
    pub labels: IndexMap<String, String>,
    pub extensions: Extensions,
}

/// `networks.*.ipam.config[]`.
#[derive(Clone, Debug, Default)]
pub struct IpamConfig {
    pub subnet: Option<String>,
    pub ip_range: Option<String>,
    pub gateway: Option<String>,
    pub aux_addresses: IndexMap<String, String>,
}

use std::time::Duration;

use indexmap::IndexMap;

use super::{Extensions, Mount};

/// `services.*`, all attributes of the Compose specification in canonical form.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: String,
    pub image: Option<String>,
    pub build: Option<Build>,
    pub pull_policy: Option<String>,
    pub pull_refresh_after: Option<String>,
    pub platform: Option<String>,
    pub container_name: Option<String>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub labels: IndexMap<String, String>,
    pub label_files: Vec<String>,
    pub annotations: IndexMap<String, String>,
    pub attach: Option<bool>,
    pub profiles: Vec<String>,
    pub scale: Option<i64>,
    pub runtime: Option<String>,
    pub isolation: Option<String>,
    pub credential_spec: Option<CredentialSpec>,
    pub use_api_socket: bool,
    /// `provider.type` and `provider.options`.
    pub provider: Option<(String, IndexMap<String, Vec<String>>)>,

    pub command: Command,
    pub entrypoint: Command,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub umask: Option<u32>,
    pub group_add: Vec<String>,
    /// `None`: the key without a value, taken from the interpolation environment where set, else left out.
    pub environment: IndexMap<String, Option<String>>,
    pub env_files: Vec<EnvFile>,
    pub tty: bool,
    pub stdin_open: bool,
    pub init: Option<bool>,
    pub stop_signal: Option<String>,
    pub stop_grace_period: Option<Duration>,
    /// As written: `no`, `always`, `on-failure[:n]`, `unless-stopped`; `None` where absent.
    pub restart: Option<String>,
    pub pre_start: Vec<PreStart>,
    pub post_start: Vec<Hook>,
    pub pre_stop: Vec<Hook>,
    pub depends_on: IndexMap<String, Dependency>,
    pub healthcheck: Option<Healthcheck>,

    pub ports: Vec<Port>,
    /// `port[-port][/protocol]`, as written.
    pub expose: Vec<String>,
    /// `service[:alias]`, as written.
    pub links: Vec<String>,
    pub external_links: Vec<String>,
    pub networks: IndexMap<String, NetworkAttachment>,
    pub network_mode: Option<String>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    pub extra_hosts: Vec<ExtraHost>,
    pub mac_address: Option<String>,

    pub volumes: Vec<Mount>,
    pub volumes_from: Vec<String>,
    pub tmpfs: Vec<String>,
    pub configs: Vec<ConfigMount>,
    pub secrets: Vec<ConfigMount>,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub read_only: bool,
    pub storage_opt: IndexMap<String, String>,
    pub devices: Vec<Device>,
    pub device_cgroup_rules: Vec<String>,

    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub sysctls: IndexMap<String, String>,
    pub ulimits: IndexMap<String, Ulimit>,
    pub userns_mode: Option<String>,
    pub uts: Option<String>,
    pub ipc: Option<String>,
    pub pid: Option<String>,
    pub cgroup: Option<String>,
    pub cgroup_parent: Option<String>,
    pub cpus: Option<f64>,
    pub cpu_quota: Option<i64>,
    pub cpu_period: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub cpu_count: Option<i64>,
    pub cpu_percent: Option<f64>,
    pub cpu_rt_period: Option<i64>,
    pub cpu_rt_runtime: Option<i64>,
    pub cpuset: Option<String>,
    /// Bytes.
    pub mem_limit: Option<i64>,
    /// Bytes.
    pub mem_reservation: Option<i64>,
    /// Bytes.
    pub memswap_limit: Option<i64>,
    pub mem_swappiness: Option<i64>,
    pub oom_kill_disable: bool,
    pub oom_score_adj: Option<i64>,
    pub pids_limit: Option<i64>,
    pub blkio_config: Option<BlkioConfig>,
    pub gpus: Vec<DeviceRequest>,
    pub logging: Option<Logging>,
    pub models: IndexMap<String, ServiceModel>,

    pub deploy: Option<Deploy>,
    /// `develop.watch`, for the plugin alone.
    pub develop: Option<crate::yaml::Node>,
    pub extensions: Extensions,
}

/// `command` and `entrypoint`: absent or null keeps the image's, an empty list clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Command {
    #[default]
    Image,
    Words(Vec<String>),
}

/// `services.*.env_file[]`.
#[derive(Clone, Debug, Default)]
pub struct EnvFile {
    /// Cleaned path relative to the project directory.
    pub path: String,
    pub required: bool,
    pub format: Option<String>,
    /// The parsed variables; `None` when the file is not required and not there.
    pub variables: Option<IndexMap<String, String>>,
    /// Whether the file, or a variable that it names, comes from a Secret.
    pub tainted: bool,
}

/// `services.*.pre_start[]`.
#[derive(Clone, Debug, Default)]
pub struct PreStart {
    pub per_replica: bool,
    /// The step, which is a container of its own, with what it inherits from the service: all but the service's `volumes`.
    pub container: Service,
}

/// `services.*.post_start[]` and `pre_stop[]`.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    pub command: Vec<String>,
    pub user: Option<String>,
    pub privileged: bool,
    pub working_dir: Option<String>,
    pub environment: IndexMap<String, Option<String>>,
}

/// `depends_on.*.condition`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependencyCondition {
    #[default]
    Started,
    Healthy,
    CompletedSuccessfully,
}

/// `services.*.depends_on.*`.
#[derive(Clone, Debug)]
pub struct Dependency {
    pub condition: DependencyCondition,
    pub required: bool,
    pub restart: bool,
}

/// `services.*.healthcheck`.
#[derive(Clone, Debug, Default)]
pub struct Healthcheck {
    pub test: Option<HealthcheckTest>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub retries: Option<u64>,
    pub start_period: Option<Duration>,
    pub start_interval: Option<Duration>,
    pub disable: bool,
    pub extensions: Extensions,
}

/// `services.*.healthcheck.test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthcheckTest {
    None,
    /// Arguments of `CMD`.
    Command(Vec<String>),
    /// The script of `CMD-SHELL`, or of the string form.
    Shell(String),
}

/// `services.*.ports[]`, one entry per port (ranges are expanded).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    pub name: Option<String>,
    pub target: u16,
    /// A port, or a range `a-b` of which one is taken; `None` for any free port.
    pub published: Option<String>,
    pub host_ip: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    pub app_protocol: Option<String>,
    /// `ingress` or `host`.
    pub mode: String,
    pub extensions: Extensions,
}

/// `services.*.networks.*`.
#[derive(Clone, Debug, Default)]
pub struct NetworkAttachment {
    pub aliases: Vec<String>,
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub link_local_ips: Vec<String>,
    pub mac_address: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub interface_name: Option<String>,
    pub priority: Option<i64>,
    pub gw_priority: Option<i64>,
    /// `Some(false)`: the service's name is no alias on this network.
    pub use_service_name_alias: Option<bool>,
    pub extensions: Extensions,
}

/// `services.*.extra_hosts[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHost {
    pub host: String,
    pub address: String,
}

/// `services.*.configs[]` and `services.*.secrets[]`.
#[derive(Clone, Debug, Default)]
pub struct ConfigMount {
    pub source: String,
    pub target: Option<String>,
    pub uid: Option<String>,
    pub gid: Option<String>,
    pub mode: Option<u32>,
    pub extensions: Extensions,
}

/// `services.*.devices[]`.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub source: String,
    pub target: Option<String>,
    pub permissions: Option<String>,
}

/// `services.*.ulimits.*`; a single number is both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ulimit {
    pub soft: i64,
    pub hard: i64,
}

/// `services.*.credential_spec`.
#[derive(Clone, Debug, Default)]
pub struct CredentialSpec {
    pub config: Option<String>,
    pub file: Option<String>,
    pub registry: Option<String>,
}

/// `services.*.blkio_config`: none of it exists on Kubernetes, so the parts stay a tree.
#[derive(Clone, Debug)]
pub struct BlkioConfig(pub crate::yaml::Node);

/// `services.*.logging`.
#[derive(Clone, Debug, Default)]
pub struct Logging {
    pub driver: Option<String>,
    pub options: IndexMap<String, String>,
}

/// `services.*.models.*`.
#[derive(Clone, Debug, Default)]
pub struct ServiceModel {
    pub endpoint_var: Option<String>,
    pub model_var: Option<String>,
}

/// `services.*.build`; Kubernetes builds nothing, so what only a builder reads stays a tree.
#[derive(Clone, Debug)]
pub struct Build {
    pub context: Option<String>,
    pub dockerfile: Option<String>,
    pub node: crate::yaml::Node,
}

/// `services.*.deploy.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeployMode {
    #[default]
    Replicated,
    Global,
    ReplicatedJob,
    GlobalJob,
}

/// `services.*.deploy.endpoint_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointMode {
    Vip,
    Dnsrr,
}

/// `services.*.deploy`.
#[derive(Clone, Debug, Default)]
pub struct Deploy {
    pub mode: DeployMode,
    pub replicas: Option<i64>,
    pub endpoint_mode: Option<EndpointMode>,
    pub labels: IndexMap<String, String>,
    pub update_config: Option<UpdateConfig>,
    pub rollback_config: Option<UpdateConfig>,
    pub limits: Limits,
    pub reservations: Reservations,
    pub restart_policy: Option<RestartPolicy>,
    /// `key==value` and `key!=value`, as written.
    pub placement_constraints: Vec<String>,
    pub placement_preferences: Vec<PlacementPreference>,
    pub max_replicas_per_node: Option<u64>,
    pub extensions: Extensions,
}

/// `deploy.update_config.failure_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    Continue,
    Pause,
    Rollback,
}

/// `deploy.update_config.order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOrder {
    StopFirst,
    StartFirst,
}

/// `deploy.update_config` and `deploy.rollback_config`.
#[derive(Clone, Debug, Default)]
pub struct UpdateConfig {
    pub parallelism: Option<u64>,
    pub delay: Option<Duration>,
    pub failure_action: Option<FailureAction>,
    pub monitor: Option<Duration>,
    pub max_failure_ratio: Option<f64>,
    pub order: Option<UpdateOrder>,
}

/// `deploy.resources.limits`.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub cpus: Option<f64>,
    /// Bytes.
    pub memory: Option<i64>,
    pub pids: Option<i64>,
}

/// `deploy.resources.reservations`.
#[derive(Clone, Debug, Default)]
pub struct Reservations {
    pub cpus: Option<f64>,
    /// Bytes.
    pub memory: Option<i64>,
    pub devices: Vec<DeviceRequest>,
    pub generic_resources: Vec<GenericResource>,
}

/// `deploy.resources.reservations.devices[]` and `gpus[]`.
#[derive(Clone, Debug, Default)]
pub struct DeviceRequest {
    pub capabilities: Vec<String>,
    pub driver: Option<String>,
    /// -1 for all.
    pub count: Option<i64>,
    pub device_ids: Vec<String>,
    pub options: IndexMap<String, String>,
}

/// `deploy.resources.reservations.generic_resources[]`.
#[derive(Clone, Debug, Default)]
pub struct GenericResource {
    pub kind: String,
    pub value: i64,
}

/// `deploy.restart_policy.condition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartCondition {
    None,
    OnFailure,
    Any,
}

/// `deploy.restart_policy`.
#[derive(Clone, Debug, Default)]
pub struct RestartPolicy {
    pub condition: Option<RestartCondition>,
    pub delay: Option<Duration>,
    pub max_attempts: Option<u64>,
    pub window: Option<Duration>,
}

/// `deploy.placement.preferences[]`.
#[derive(Clone, Debug, Default)]
pub struct PlacementPreference {
    pub spread: String,
}

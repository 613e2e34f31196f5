//! docker compose's hash of a service: that of its JSON, the keys in an order that docker compose has frozen, so that hashes outlast versions.

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::json::compact;

/// What a container needn't be made anew for.
const LEFT_OUT: [&str; 5] = ["build", "pull_policy", "scale", "depends_on", "profiles"];

/// The order of keys. Others follow, by name.
const ORDER: [&str; 86] = [
    "annotations",
    "attach",
    "develop",
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup_parent",
    "cgroup",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpus",
    "cpuset",
    "cpu_shares",
    "command",
    "configs",
    "container_name",
    "credential_spec",
    "deploy",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "dockerfile",
    "domainname",
    "entrypoint",
    "provider",
    "environment",
    "env_file",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "group_add",
    "gpus",
    "hostname",
    "healthcheck",
    "image",
    "init",
    "ipc",
    "isolation",
    "labels",
    "label_file",
    "links",
    "logging",
    "mem_limit",
    "mem_reservation",
    "memswap_limit",
    "mem_swappiness",
    "mac_address",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "privileged",
    "read_only",
    "restart",
    "runtime",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
    "pre_start",
];

/// Hooks stand behind the rest, and what was added later behind them.
const LAST: [&str; 3] = ["post_start", "pre_stop", "pull_refresh_after"];

/// The hash of a service as [`super::services`] prints it.
pub fn hash(mut service: Map<String, Json>) -> String {
    for key in LEFT_OUT {
        service.remove(key);
    }
    if let Some(deploy) = service.get_mut("deploy").and_then(Json::as_object_mut) {
        deploy.shift_remove("replicas");
    }
    let mut ordered = Map::new();
    for key in ORDER.iter().chain(&LAST) {
        ordered.extend(service.remove_entry(*key));
    }
    service.sort_keys();
    ordered.extend(service);
    format!("{:x}", Sha256::digest(compact(&Json::Object(ordered))))
}

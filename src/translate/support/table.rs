//! The rows, section by section, in the order of the specification.

use super::Fate::{Applied, NotYet, Refused, Silent, Warned};
use super::{Fate, Row};

const fn row(at: &'static str, fate: Fate) -> Row {
    Row { at, fate, unless: &[], only: &[] }
}

const fn unless(at: &'static str, fate: Fate, values: &'static [&'static str]) -> Row {
    Row { at, fate, unless: values, only: &[] }
}

const fn only(at: &'static str, fate: Fate, values: &'static [&'static str]) -> Row {
    Row { at, fate, unless: &[], only: values }
}

const WINDOWS: &str = "is for Windows; stacks run on Linux nodes";
const NO_FIELD: &str = "has no counterpart on Kubernetes";
const ENDPOINT: &str = "a pod has one interface, whose details are the cluster's";

/// The sections, with their titles.
pub const SECTIONS: [(&str, &[Row]); 9] = [
    ("Top level", TOP),
    ("Services: image and identity", IDENTITY),
    ("Services: process, life cycle, dependencies", PROCESS),
    ("Services: network", NETWORK),
    ("Services: storage", STORAGE),
    ("Services: rights and kernel", RIGHTS),
    ("Services: resources, logs, models", RESOURCES),
    ("Services: deploy", DEPLOY),
    ("Networks, volumes, configs, secrets, models", DECLARED),
];

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    SECTIONS.into_iter().flat_map(|(_, rows)| rows)
}

const TOP: &[Row] = &[
    row("version", Silent("tells nothing any more: files of every version are read")),
    row("name", Silent("feeds `COMPOSE_PROJECT_NAME`; the stack's own name is the project's")),
    row("include", Silent("resolved while the files are read, each with its own directory and variables")),
    row("services", Applied("a workload, a Service of the same name, and what they need")),
    row("jobs", NotYet),
    row("networks", Applied("labels on pods, and a NetworkPolicy for each network that the file declares")),
    row("volumes", Applied("a PersistentVolumeClaim each, `<stack>-<volume>`, which outlives the stack")),
    row("configs", Applied("a ConfigMap each, named by its content; a Secret where the content comes from one")),
    row("secrets", Applied("a Secret each, named by its content")),
    row("models", Applied("variables that name the endpoint and the model; refused where the administrator tells no endpoint")),
];

const IDENTITY: &[Row] = &[
    row("services.*.image", Applied("the container's `image`")),
    row(
        "services.*.build",
        Silent("built and pushed by other means; without `image` the name is the one that Compose computes, with a warning"),
    ),
    row("services.*.pull_policy", Applied("`imagePullPolicy`, always written; timed policies become `Always`, with a warning")),
    row("services.*.pull_refresh_after", Warned("images are pulled when a pod is made, never in between")),
    row("services.*.platform", Applied("node selectors for system and architecture; a variant is dropped, with a warning")),
    row(
        "services.*.container_name",
        Applied(
            "the container's name, and a further name that resolves, by a hosts file where DNS can't carry it; refused with several replicas",
        ),
    ),
    row("services.*.hostname", Applied("the pod's host name, and a further name that resolves")),
    row("services.*.domainname", Applied("`hostnameOverride` together with `hostname`; without it no effect, with a warning")),
    row("services.*.labels", Applied("the pod's annotations, and labels where the value is legal in one")),
    row("services.*.label_file", Silent("read into `labels`")),
    row("services.*.annotations", Applied("the pod's annotations; those that the cluster may obey need the administrator's permission")),
    row("services.*.attach", Silent("tells `up` alone which logs to follow")),
    row("services.*.profiles", Silent("decides whether the service is there at all")),
    row("services.*.extends", Silent("resolved while the files are read")),
    row("services.*.scale", Applied("the number of replicas")),
    row("services.*.develop", Silent("is for work on your machine")),
    row("services.*.runtime", Applied("`runtimeClassName`; runtimes other than `runc` need the administrator's permission")),
    unless("services.*.isolation", Warned(WINDOWS), &["default", "process"]),
    row("services.*.credential_spec", Refused(WINDOWS)),
    row("services.*.use_api_socket", Refused("there is no Docker engine to talk to")),
    row(
        "services.*.provider",
        Applied("`x-kubernetes.external` says where the service is instead: its name leads there; refused without it"),
    ),
];

const PROCESS: &[Row] = &[
    row("services.*.command", Applied("the container's `args`, its dollars doubled so that nothing expands them")),
    row("services.*.entrypoint", Applied("the container's `command`, its dollars doubled so that nothing expands them")),
    row("services.*.working_dir", Applied("the container's `workingDir`")),
    row("services.*.user", Applied("`runAsUser` and `runAsGroup`; names other than root are refused, Kubernetes needs numbers")),
    row("services.*.group_add", Applied("`supplementalGroups`; names are refused, Kubernetes needs numbers")),
    row("services.*.environment", Applied("the container's `env`, sorted, its dollars doubled; what comes from a Secret by reference")),
    row("services.*.env_file", Applied("a Secret each, named by its content, in `envFrom`; `environment` wins as in Compose")),
    row("services.*.tty", Applied("the container's `tty`")),
    row("services.*.stdin_open", Applied("the container's `stdin`")),
    row("services.*.init", Applied("`shareProcessNamespace`: the pause container is process 1 and reaps")),
    row("services.*.stop_signal", Applied("a step before stop that sends it, which needs a shell in the image, with a warning")),
    row("services.*.stop_grace_period", Applied("`terminationGracePeriodSeconds`, always written: 10s where nothing is said")),
    row("services.*.restart", Applied("the kind of workload: `no` becomes a Job, all others a Deployment, which always restarts")),
    row("services.*.umask", Warned(NO_FIELD)),
    row(
        "services.*.pre_start",
        Applied("steps of each replica are init containers; the others one Job, which completes before any replica"),
    ),
    row("services.*.post_start", Applied("`lifecycle.postStart`; several steps become one shell script")),
    row("services.*.post_start.command", Applied("what is executed in the container")),
    row("services.*.post_start.user", Applied("no effect where it is the service's own; refused otherwise")),
    row("services.*.post_start.privileged", Applied("no effect where it is the service's own; refused otherwise")),
    row("services.*.post_start.working_dir", Applied("a change of directory before the command, by a shell")),
    row("services.*.post_start.environment", Applied("variables set before the command, by a shell")),
    row("services.*.pre_stop", Applied("`lifecycle.preStop`; its time counts in the grace period")),
    row("services.*.pre_stop.command", Applied("what is executed in the container")),
    row("services.*.pre_stop.user", Applied("no effect where it is the service's own; refused otherwise")),
    row("services.*.pre_stop.privileged", Applied("no effect where it is the service's own; refused otherwise")),
    row("services.*.pre_stop.working_dir", Applied("a change of directory before the command, by a shell")),
    row("services.*.pre_stop.environment", Applied("variables set before the command, by a shell")),
    row("services.*.depends_on", Applied("a gate that the operator holds: what waits is not created")),
    row("services.*.depends_on.*.condition", Applied("started: pods run; healthy: pods are ready; completed: the Job is done")),
    row("services.*.depends_on.*.required", Applied("false: a missing or failed dependency only warns")),
    row("services.*.depends_on.*.restart", Applied("the dependent is restarted after the dependency's roll-out")),
    row("services.*.healthcheck", Applied("the readiness probe; nothing is killed for being unhealthy, as in Compose")),
    row("services.*.healthcheck.test", Applied("the probe's command, its dollars doubled so that nothing expands them")),
    row("services.*.healthcheck.interval", Applied("`periodSeconds`, rounded up: 30 where nothing is said")),
    row("services.*.healthcheck.timeout", Applied("`timeoutSeconds`, rounded up: 30 where nothing is said")),
    row("services.*.healthcheck.retries", Applied("`failureThreshold`: 3 where nothing is said")),
    row("services.*.healthcheck.start_period", Applied("a startup probe that never kills, before the readiness probe")),
    row("services.*.healthcheck.start_interval", Applied("the startup probe's period")),
    row("services.*.healthcheck.disable", Applied("no probe")),
];

const NETWORK: &[Row] = &[
    row("services.*.ports", Applied("a port of the container, and of the Service `<service>--published`")),
    row("services.*.ports.target", Applied("`containerPort`, and a port of the service's own Service")),
    row("services.*.ports.published", Applied("the port of `<service>--published`; its node port too, from 30000 to 32767")),
    row("services.*.ports.host_ip", Applied("a loopback address is not published outside; other addresses than 0.0.0.0 are refused")),
    only("services.*.ports.protocol", Applied("the ports' `protocol`"), &["tcp", "udp", "sctp"]),
    row("services.*.ports.app_protocol", Applied("the ports' `appProtocol`")),
    only(
        "services.*.ports.mode",
        Applied("`ingress` as above; `host`, a port of the node, needs the administrator's permission"),
        &["ingress", "host"],
    ),
    row("services.*.ports.name", Applied("the name of the Service's port")),
    row("services.*.expose", Applied("ports of the service's own Service; nothing is published")),
    row("services.*.links", Applied("another name that resolves for this service alone, by its hosts file, and a dependency")),
    row(
        "services.*.external_links",
        Applied("an ExternalName Service; one that leads into another namespace needs the administrator's permission"),
    ),
    row("services.*.networks", Applied("labels of the pod that the networks' policies select")),
    row(
        "services.*.networks.*.aliases",
        Applied(
            "another Service each, where all services may use the name and DNS can carry it; else a line in the hosts files of those who may",
        ),
    ),
    row("services.*.networks.*.ipv4_address", Warned("pods have no address of their own choice; use the service's name")),
    row("services.*.networks.*.ipv6_address", Warned("pods have no address of their own choice; use the service's name")),
    row("services.*.networks.*.mac_address", Warned(ENDPOINT)),
    row("services.*.networks.*.link_local_ips", Warned(ENDPOINT)),
    row("services.*.networks.*.driver_opts", Warned(ENDPOINT)),
    unless("services.*.networks.*.interface_name", Warned("a pod has one interface, eth0"), &["eth0"]),
    row("services.*.networks.*.priority", Silent("a pod has one interface: there is no order")),
    row("services.*.networks.*.gw_priority", Silent("a pod has one interface: there is one gateway")),
    unless("services.*.networks.*.use_service_name_alias", Warned("a service's name always resolves"), &["true"]),
    row(
        "services.*.network_mode",
        Applied("`none`: a policy that closes both directions; `service:x`: one pod with x; `host` needs the administrator's permission"),
    ),
    row(
        "services.*.dns",
        Applied("`dnsConfig.nameservers` after the cluster's, with a warning: they are asked only when it doesn't answer"),
    ),
    row("services.*.dns_search", Applied("`dnsConfig.searches`, after the cluster's")),
    row("services.*.dns_opt", Applied("`dnsConfig.options`")),
    row(
        "services.*.extra_hosts",
        Applied(
            "`hostAliases`, or lines that the helper writes where Kubernetes doesn't take the name; `host-gateway` is dropped, with a warning",
        ),
    ),
    row("services.*.mac_address", Warned(ENDPOINT)),
];

const STORAGE: &[Row] = &[
    row("services.*.volumes", Applied("volumes of the pod and mounts of the container")),
    row(
        "services.*.volumes.type",
        Applied("volume: a claim; bind: files of the stack; tmpfs: memory; image: an image volume; npipe is refused"),
    ),
    row(
        "services.*.volumes.source",
        Applied("the claim, or the files of the stack; other paths of the host need the administrator's permission"),
    ),
    row("services.*.volumes.target", Applied("`mountPath`")),
    row("services.*.volumes.read_only", Applied("`readOnly` of the mount")),
    row("services.*.volumes.consistency", Silent("tunes Docker Desktop alone")),
    row(
        "services.*.volumes.bind",
        Applied(
            "files of the stack, in a ConfigMap or a Secret; what may be written to is a copy, with a warning: a directory on a claim of its own, a file for as long as the pod. Or a path of the node",
        ),
    ),
    row("services.*.volumes.bind.propagation", Applied("`mountPropagation`, of paths of the nodes alone")),
    row(
        "services.*.volumes.bind.create_host_path",
        Applied("false: a path of the node must be there already; a file that the stack lacks is refused either way"),
    ),
    row(
        "services.*.volumes.bind.recursive",
        Applied("`recursiveReadOnly` of paths of the nodes; the stack's files hold no further mounts"),
    ),
    row("services.*.volumes.bind.selinux", Silent("the kubelet labels volumes itself")),
    row("services.*.volumes.volume", Applied("details of the claim's mount")),
    row("services.*.volumes.volume.nocopy", Applied("true: a fresh volume is not filled from the image")),
    row("services.*.volumes.volume.subpath", Applied("a directory inside the claim; outside of it is refused")),
    row("services.*.volumes.volume.labels", Silent("an anonymous volume is no object of its own")),
    row("services.*.volumes.tmpfs", Applied("an `emptyDir` in memory, 1777 as in Docker")),
    row("services.*.volumes.tmpfs.size", Applied("`sizeLimit`")),
    row("services.*.volumes.tmpfs.mode", Applied("the directory's mode")),
    row("services.*.volumes.image", Applied("an image volume")),
    row("services.*.volumes.image.subpath", Applied("a directory inside the image")),
    row("services.*.tmpfs", Applied("an `emptyDir` in memory; `size` becomes `sizeLimit`, `mode`, `uid` and `gid` are the directory's")),
    row("services.*.volumes_from", Applied("the mounts of the other service, and a dependency; its volumes without a name become claims")),
    row("services.*.configs", Applied("a file mounted from the config's ConfigMap: new content rolls exactly its users")),
    row("services.*.configs.source", Applied("which of the `configs`")),
    row("services.*.configs.target", Applied("`mountPath`: `/<source>` where nothing is said")),
    row("services.*.configs.uid", Applied("the file's owner; other than root by a copy")),
    row("services.*.configs.gid", Applied("the file's group")),
    row("services.*.configs.mode", Applied("the file's mode, read as octal, without write bits")),
    row("services.*.secrets", Applied("a file mounted from the Secret: new content rolls exactly its users")),
    row("services.*.secrets.source", Applied("which of the `secrets`")),
    row("services.*.secrets.target", Applied("`mountPath`: `/run/secrets/<source>` where nothing is said")),
    row("services.*.secrets.uid", Applied("the file's owner; other than root by a copy in memory")),
    row("services.*.secrets.gid", Applied("the file's group")),
    row("services.*.secrets.mode", Applied("the file's mode, read as octal, without write bits")),
    row("services.*.shm_size", Applied("an `emptyDir` in memory on /dev/shm, with `sizeLimit`")),
    row("services.*.read_only", Applied("`readOnlyRootFilesystem`")),
    row("services.*.storage_opt", Applied("`size` becomes the limit of `ephemeral-storage`; others have no effect, with a warning")),
    row("services.*.devices", Applied("an extended resource of the node, with the administrator's permission")),
    row("services.*.devices.source", Applied("chooses the resource, by path or CDI name")),
    row("services.*.devices.target", Applied("up to the node's plugin, with a warning")),
    row("services.*.devices.permissions", Silent("up to the node's plugin")),
    row("services.*.device_cgroup_rules", Warned(NO_FIELD)),
];

const RIGHTS: &[Row] = &[
    row("services.*.privileged", Applied("`privileged`, with the administrator's permission")),
    row("services.*.cap_add", Applied("`capabilities.add`; more than every pod may have needs the administrator's permission")),
    row("services.*.cap_drop", Applied("`capabilities.drop`")),
    row(
        "services.*.security_opt",
        Applied(
            "privilege escalation, seccomp, AppArmor and SELinux of the container; what loosens them needs the administrator's permission",
        ),
    ),
    row("services.*.sysctls", Applied("the pod's `sysctls`; those that not every node takes need the administrator's permission")),
    row("services.*.ulimits", Applied("limits of processes are the nodes': a warning for each")),
    row("services.*.ulimits.*", Warned("Kubernetes has no field for limits of a process; the nodes' own hold")),
    unless("services.*.userns_mode", Warned(NO_FIELD), &["host"]),
    row("services.*.uts", Applied("no effect but on the node's network, with a warning")),
    row(
        "services.*.ipc",
        Applied("`shareable` and `private` are the case anyway; `service:x`: one pod with x; `host` needs the administrator's permission"),
    ),
    row(
        "services.*.pid",
        Applied("`service:x`: one pod with x, whose processes see each other; `host` needs the administrator's permission"),
    ),
    unless("services.*.cgroup", Warned("a pod's control group is its own"), &["private"]),
    row("services.*.cgroup_parent", Warned("a pod's control group is chosen by its node")),
];

const RESOURCES: &[Row] = &[
    row("services.*.cpus", Applied("the limit of `cpu`")),
    row("services.*.cpu_quota", Applied("the limit of `cpu`, divided by `cpu_period`")),
    row("services.*.cpu_period", Applied("what `cpu_quota` is divided by")),
    row("services.*.cpu_shares", Applied("the request of `cpu`, 1024 for one")),
    row("services.*.cpu_count", Warned(WINDOWS)),
    row("services.*.cpu_percent", Warned(WINDOWS)),
    row("services.*.cpu_rt_period", Warned(NO_FIELD)),
    row("services.*.cpu_rt_runtime", Warned(NO_FIELD)),
    row("services.*.cpuset", Warned("CPUs are chosen by the node, not by number")),
    row("services.*.mem_limit", Applied("the limit of `memory`, in bytes")),
    row("services.*.mem_reservation", Applied("the request of `memory`, in bytes")),
    row(
        "services.*.memswap_limit",
        Applied("no effect where it equals the memory limit; otherwise a warning: pods have no swap of their own"),
    ),
    row("services.*.mem_swappiness", Warned("pods have no swap of their own")),
    row("services.*.oom_kill_disable", Warned("the kernel's choice of victims follows from requests and limits")),
    row("services.*.oom_score_adj", Warned("the kernel's choice of victims follows from requests and limits")),
    unless("services.*.pids_limit", Warned("processes are limited by the node alone"), &["-1"]),
    row("services.*.blkio_config", Warned(NO_FIELD)),
    row("services.*.gpus", Applied("an extended resource of the node, such as `nvidia.com/gpu`")),
    row(
        "services.*.gpus.capabilities",
        Applied("`gpu` or `tpu` choose the resource; parts of NVIDIA's driver become a variable; unknown ones are refused"),
    ),
    row("services.*.gpus.driver", Applied("`nvidia` or `amd` choose the resource; unknown ones are refused")),
    row("services.*.gpus.count", Applied("how many; `all` asks for 1, with a warning")),
    row("services.*.gpus.device_ids", Applied("as many as are named; which, is the node's choice, with a warning")),
    row("services.*.gpus.options", Applied("no effect, with a warning")),
    row("services.*.logging", Applied("logs are the node's: see its parts")),
    unless(
        "services.*.logging.driver",
        Warned("logs stay on the node, for `kubectl logs` and the cluster's collector"),
        &["json-file", "local"],
    ),
    row("services.*.logging.options", Silent("the node rotates logs in its own way")),
    row("services.*.models", Applied("variables that name the endpoint and the model; refused where the administrator tells no endpoint")),
    row("services.*.models.*.endpoint_var", Applied("the variable with the endpoint: `<MODEL>_URL` where nothing is said")),
    row("services.*.models.*.model_var", Applied("the variable with the model: `<MODEL>_MODEL` where nothing is said")),
];

const DEPLOY: &[Row] = &[
    row("services.*.deploy", Applied("see its parts")),
    only(
        "services.*.deploy.mode",
        Applied("Deployment; `global` a DaemonSet; `replicated-job` a Job; `global-job` is refused"),
        &["replicated", "global", "replicated-job", "global-job"],
    ),
    row("services.*.deploy.replicas", Applied("the number of replicas; 0 is 0")),
    only("services.*.deploy.endpoint_mode", Applied("`vip`: a Service with an address; `dnsrr`: a headless one"), &["vip", "dnsrr"]),
    row("services.*.deploy.labels", Applied("labels of workload and Service where legal, annotations else")),
    row("services.*.deploy.update_config", Applied("the Deployment's strategy")),
    row("services.*.deploy.update_config.parallelism", Applied("`maxUnavailable` or `maxSurge`; 0 is all at once")),
    row("services.*.deploy.update_config.order", Applied("which of the two; with a volume that is written to the old pod goes first")),
    row("services.*.deploy.update_config.delay", Applied("`minReadySeconds`, the larger of this and `monitor`")),
    row("services.*.deploy.update_config.monitor", Applied("`minReadySeconds`, the larger of this and `delay`")),
    only(
        "services.*.deploy.update_config.failure_action",
        Applied(
            "`pause`: `paused` of the Deployment; `rollback`: the stack's last revision that was ready is put back; `continue`: nothing",
        ),
        &["pause", "continue", "rollback"],
    ),
    row(
        "services.*.deploy.update_config.max_failure_ratio",
        Applied(
            "the share of new pods that may fail before `failure_action`, which is taken when the deadline of the roll-out passes, too",
        ),
    ),
    row("services.*.deploy.rollback_config", Applied("the Deployment's strategy while an update is undone")),
    row("services.*.deploy.rollback_config.parallelism", Applied("as that of `update_config`, while an update is undone")),
    row("services.*.deploy.rollback_config.order", Applied("as that of `update_config`, while an update is undone")),
    row("services.*.deploy.rollback_config.delay", Applied("as that of `update_config`, while an update is undone")),
    row("services.*.deploy.rollback_config.monitor", Applied("as that of `update_config`, while an update is undone")),
    only(
        "services.*.deploy.rollback_config.failure_action",
        Applied("as that of `update_config`, while an update is undone"),
        &["pause", "continue"],
    ),
    row("services.*.deploy.rollback_config.max_failure_ratio", Applied("as that of `update_config`, while an update is undone")),
    row("services.*.deploy.resources", Applied("the container's `resources`; requests are always written")),
    row("services.*.deploy.resources.limits", Applied("`resources.limits`")),
    row("services.*.deploy.resources.limits.cpus", Applied("the limit of `cpu`")),
    row("services.*.deploy.resources.limits.memory", Applied("the limit of `memory`, in bytes")),
    unless("services.*.deploy.resources.limits.pids", Warned("processes are limited by the node alone"), &["-1"]),
    row("services.*.deploy.resources.reservations", Applied("`resources.requests`")),
    row("services.*.deploy.resources.reservations.cpus", Applied("the request of `cpu`")),
    row("services.*.deploy.resources.reservations.memory", Applied("the request of `memory`, in bytes")),
    row("services.*.deploy.resources.reservations.devices", Applied("an extended resource of the node, such as `nvidia.com/gpu`")),
    row(
        "services.*.deploy.resources.reservations.devices.capabilities",
        Applied("`gpu` or `tpu` choose the resource; parts of NVIDIA's driver become a variable; unknown ones are refused"),
    ),
    row(
        "services.*.deploy.resources.reservations.devices.driver",
        Applied("`nvidia` or `amd` choose the resource; unknown ones are refused"),
    ),
    row("services.*.deploy.resources.reservations.devices.count", Applied("how many; `all` asks for 1, with a warning")),
    row("services.*.deploy.resources.reservations.devices.device_ids", Applied("as many as are named; which, is the node's choice")),
    row("services.*.deploy.resources.reservations.devices.options", Applied("no effect, with a warning")),
    row(
        "services.*.deploy.resources.reservations.generic_resources",
        Applied("an extended resource of the node, where the administrator tells which"),
    ),
    row("services.*.deploy.resources.reservations.generic_resources.discrete_resource_spec", Applied("see its parts")),
    row("services.*.deploy.resources.reservations.generic_resources.discrete_resource_spec.kind", Applied("chooses the resource")),
    row("services.*.deploy.resources.reservations.generic_resources.discrete_resource_spec.value", Applied("how many")),
    row("services.*.deploy.restart_policy", Applied("wins over `restart`")),
    only(
        "services.*.deploy.restart_policy.condition",
        Applied("`none` becomes a Job, all others a Deployment, which always restarts"),
        &["any", "on-failure", "none"],
    ),
    row(
        "services.*.deploy.restart_policy.max_attempts",
        Applied("failures after which the service is scaled to 0; of a Job, `backoffLimit`"),
    ),
    row("services.*.deploy.restart_policy.delay", Warned("a cluster waits 10s before a restart, then twice as long each time, at most 5m")),
    row(
        "services.*.deploy.restart_policy.window",
        Applied("a run as long as this is a good one: failures before it don't count against `max_attempts`"),
    ),
    row("services.*.deploy.placement", Applied("where pods may run")),
    row("services.*.deploy.placement.constraints", Applied("required node affinity for labels, host name, system and architecture")),
    row("services.*.deploy.placement.preferences", Applied("spreading that is not insisted on")),
    row("services.*.deploy.placement.preferences.spread", Applied("`topologySpreadConstraints` over a label of nodes; others are refused")),
    row(
        "services.*.deploy.placement.max_replicas_per_node",
        Applied("1: anti-affinity between pods; more: an even spread, with a warning"),
    ),
];

const DECLARED: &[Row] = &[
    row("networks.*.name", Applied("a label of the pods, which external networks of other stacks match")),
    unless(
        "networks.*.driver",
        Warned("pods use the cluster's network, whatever the driver"),
        &["bridge", "overlay", "nat", "default", "host", "none"],
    ),
    row(
        "networks.*.driver_opts",
        Warned("pods use the cluster's network: options of a driver have no effect, but for the loopback address of published ports"),
    ),
    row("networks.*.ipam", Applied("addresses are the cluster's: see its parts")),
    unless("networks.*.ipam.driver", Warned("addresses are the cluster's to give"), &["default"]),
    row("networks.*.ipam.options", Warned("addresses are the cluster's to give")),
    row("networks.*.ipam.config", Warned("addresses are the cluster's to give")),
    row("networks.*.external", Applied("the network of that name of another stack in the namespace; its services wait until there is one")),
    row("networks.*.internal", Applied("a policy that closes what goes out, but for the network itself and DNS")),
    row("networks.*.attachable", Silent("anything in the namespace may join by labels")),
    unless("networks.*.enable_ipv4", Warned("the cluster decides which families pods have addresses of"), &["true"]),
    row("networks.*.enable_ipv6", Applied("`ipFamilyPolicy: PreferDualStack` of its members' Services")),
    row("networks.*.labels", Applied("annotations of the policy")),
    row("volumes.*.name", Applied("the claim's name, as a DNS label")),
    row("volumes.*.driver", Applied("`local`: the default storage class; others need one that the administrator tells")),
    row(
        "volumes.*.driver_opts",
        Applied(
            "`size` (which may grow), `class`, NFS where the policy names the server, bind and tmpfs (with size, mode and owner) in disguise; others have no effect or are refused",
        ),
    ),
    row("volumes.*.external", Applied("a claim of the namespace that exists already; its services wait until there is one")),
    row("volumes.*.labels", Applied("labels of the claim where legal, annotations else")),
    row("models.*.model", Applied("the value of `model_var`")),
    row("models.*.name", Silent("names the model for the engine that serves it")),
    row("models.*.context_size", Warned("models are served, and set up, by the administrator's endpoint")),
    row("models.*.runtime_flags", Warned("models are served, and set up, by the administrator's endpoint")),
    row("configs.*.name", Applied("what an external one is looked up as; of others, which are named by their content, an annotation")),
    row("configs.*.content", Applied("the content")),
    row("configs.*.environment", Applied("the content is the variable's value")),
    row("configs.*.file", Applied("the content is the file's, byte for byte")),
    row("configs.*.external", Applied("a ConfigMap of the namespace that exists already; its services wait until there is one")),
    row("configs.*.labels", Applied("annotations of the ConfigMap")),
    row("configs.*.template_driver", Refused("the content would not be what the template makes of it")),
    row("secrets.*.name", Applied("what an external one is looked up as; of others, which are named by their content, an annotation")),
    row("secrets.*.environment", Applied("the content is the variable's value")),
    row("secrets.*.file", Applied("the content is the file's, byte for byte")),
    row("secrets.*.external", Applied("a Secret of the namespace that exists already; its services wait until there is one")),
    row("secrets.*.labels", Applied("annotations of the Secret")),
    row("secrets.*.driver", Refused("secrets come from files, variables and the cluster")),
    row("secrets.*.driver_opts", Refused("secrets come from files, variables and the cluster")),
    row("secrets.*.template_driver", Refused("the content would not be what the template makes of it")),
];

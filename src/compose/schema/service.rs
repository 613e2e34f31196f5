//! Attributes of services, jobs and hooks.

use super::{Attribute, BOOL, INT, Keyed, Kind, LIST, MAP, NULL, NUM, Object, STR, Types};

const ANY: Kind = Kind::Int(i64::MIN, i64::MAX);

const fn text(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Text)
}
const fn flag(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Flag)
}
/// A flag that is not read from text.
const fn strict(name: &'static str) -> Attribute {
    flag(name).types(BOOL)
}
const fn int(name: &'static str) -> Attribute {
    Attribute::new(name, ANY)
}
const fn between(name: &'static str, min: i64, max: i64) -> Attribute {
    Attribute::new(name, Kind::Int(min, max))
}
const fn number(name: &'static str) -> Attribute {
    int(name).types(NUM | STR)
}
const fn float(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Float)
}
const fn bytes(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Bytes(i64::MIN))
}
const fn duration(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Duration)
}
const fn choice(name: &'static str, of: &'static [&'static str]) -> Attribute {
    Attribute::new(name, Kind::Choice(of))
}
/// A list of texts that may repeat itself.
const fn texts(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Texts(false))
}
/// A list of texts that must not repeat itself.
const fn set(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Texts(true))
}
/// A text or such a list.
const fn text_or_set(name: &'static str) -> Attribute {
    set(name).types(STR | LIST)
}
const fn labels(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Labels)
}
const fn options(name: &'static str, types: Types) -> Attribute {
    Attribute::new(name, Kind::Options(types))
}
/// A count, which can't be negative.
const fn count(name: &'static str) -> Attribute {
    between(name, 0, i64::MAX)
}
const fn object(name: &'static str, object: &'static Object) -> Attribute {
    Attribute::new(name, Kind::Object(object))
}
const fn objects(name: &'static str, object: &'static Object) -> Attribute {
    Attribute::new(name, Kind::Objects(object))
}

/// Attributes of everything that runs a container: services, jobs and `pre_start` hooks.
pub const CONTAINER: &[Attribute] = &[
    labels("annotations"),
    object("blkio_config", &BLKIO),
    set("cap_add"),
    set("cap_drop"),
    text("cgroup_parent"),
    choice("cgroup", &["host", "private"]),
    between("cpu_count", 0, i64::MAX),
    between("cpu_percent", 0, 100),
    number("cpu_period"),
    number("cpu_quota"),
    number("cpu_rt_period"),
    number("cpu_rt_runtime"),
    float("cpus"),
    text("cpuset"),
    number("cpu_shares"),
    Attribute::new("command", Kind::Command).zero(),
    objects("configs", &FILE_MOUNT).items(STR | MAP),
    object("credential_spec", &Object::new(&[&[text("config"), text("file"), text("registry")]])),
    set("device_cgroup_rules"),
    objects("devices", &DEVICE).items(STR | MAP),
    text_or_set("dns"),
    set("dns_opt"),
    text_or_set("dns_search"),
    text("domainname"),
    Attribute::new("entrypoint", Kind::Command).zero(),
    Attribute::new("environment", Kind::Environment),
    objects("env_file", &ENV_FILE).types(STR | LIST).items(STR | MAP),
    Attribute::new("extra_hosts", Kind::Hosts),
    Attribute::new("group_add", Kind::Mixed),
    objects("gpus", &GPU).types(STR | LIST),
    text("hostname"),
    text("image"),
    flag("init").zero(),
    text("ipc"),
    text("isolation"),
    labels("labels"),
    texts("label_file").types(STR | LIST),
    object("logging", &Object::new(&[&[text("driver"), options("options", NULL | NUM | STR)]])),
    bytes("mem_limit").types(NUM | STR),
    bytes("mem_reservation"),
    bytes("memswap_limit").types(NUM | STR),
    bytes("mem_swappiness"),
    text("mac_address"),
    Attribute::new("models", Kind::Keyed(&Keyed { object: &SERVICE_MODEL, nullable: true })).types(LIST | MAP),
    text("network_mode"),
    Attribute::new("networks", Kind::Keyed(&Keyed { object: &ATTACHMENT, nullable: true })).types(LIST | MAP),
    flag("oom_kill_disable"),
    between("oom_score_adj", -1000, 1000),
    text("pid").types(STR | NULL),
    number("pids_limit"),
    text("platform"),
    flag("privileged"),
    Attribute::new("pull_policy", Kind::PullPolicy),
    text("pull_refresh_after"),
    flag("read_only"),
    text("runtime"),
    objects("secrets", &FILE_MOUNT).items(STR | MAP),
    set("security_opt"),
    bytes("shm_size").types(NUM | STR),
    duration("stop_grace_period").zero(),
    text("stop_signal"),
    options("storage_opt", NULL | INT | STR),
    labels("sysctls"),
    text_or_set("tmpfs"),
    Attribute::new("ulimits", Kind::Ulimits(INT | STR | MAP)),
    between("umask", 0, u32::MAX as i64).types(INT | STR | NULL).zero(),
    strict("use_api_socket"),
    text("user"),
    text("userns_mode"),
    text("uts"),
    objects("volumes", &MOUNT).items(STR | MAP),
    set("volumes_from"),
    text("working_dir"),
];

const WORKLOAD: &[Attribute] = &[
    object("build", &BUILD).types(STR | MAP),
    Attribute::new("depends_on", Kind::Keyed(&Keyed { object: &DEPENDENCY, nullable: false })).types(LIST | MAP),
    Attribute::new("expose", Kind::Mixed),
    object("healthcheck", &HEALTHCHECK),
    objects("ports", &PORT).items(INT | STR | MAP),
    flag("stdin_open"),
    flag("tty"),
];

const SERVICE_ONLY: &[Attribute] = &[
    set("profiles"),
    object("deploy", &DEPLOY).types(MAP | NULL),
    object("develop", &DEVELOP).types(MAP | NULL),
    text("restart"),
    int("scale").zero(),
    flag("attach").zero(),
    Attribute::new("container_name", Kind::ContainerName),
    object("provider", &Object::new(&[&[text("type"), Attribute::new("options", Kind::MultiOptions)]]).required(&["type"])),
    object("extends", &Object::new(&[&[text("file"), text("service")]]).required(&["service"]).without_extensions()).types(STR | MAP),
    set("external_links"),
    set("links"),
    objects("pre_start", &PRE_START),
    objects("post_start", &HOOK),
    objects("pre_stop", &HOOK),
];

pub const SERVICE: Object = Object::new(&[SERVICE_ONLY, CONTAINER, WORKLOAD]);

pub const JOB: Object = Object::new(&[&[set("profiles"), object("triggers", &TRIGGERS)], CONTAINER, WORKLOAD]).required(&["triggers"]);

const TRIGGERS: Object = Object::new(&[&[flag("manual").zero(), objects("schedule", &SCHEDULE).items(STR | MAP)]]);

const SCHEDULE: Object = Object::new(&[&[
    text("cron"),
    text("timezone"),
    choice("concurrency", &["forbid", "queue"]),
    choice("missed_fires", &["one", "skip"]),
]])
.required(&["cron"]);

const PRE_START: Object = Object::new(&[CONTAINER, &[flag("per_replica")]]);

const HOOK: Object = Object::new(&[&[
    Attribute::new("command", Kind::Command).zero(),
    text("user"),
    flag("privileged"),
    text("working_dir"),
    Attribute::new("environment", Kind::Environment),
]])
.required(&["command"]);

const WEIGHT: Attribute = between("weight", 0, u16::MAX as i64).types(INT);

const BLKIO: Object = Object::new(&[&[
    WEIGHT,
    objects("weight_device", &BLKIO_WEIGHT),
    objects("device_read_bps", &BLKIO_LIMIT),
    objects("device_read_iops", &BLKIO_LIMIT),
    objects("device_write_bps", &BLKIO_LIMIT),
    objects("device_write_iops", &BLKIO_LIMIT),
]])
.without_extensions();

const BLKIO_LIMIT: Object = Object::new(&[&[text("path").always(), bytes("rate").always()]]).without_extensions();
const BLKIO_WEIGHT: Object = Object::new(&[&[text("path").always(), WEIGHT.always()]]).without_extensions();

const DEVICE: Object = Object::new(&[&[text("source"), text("target"), text("permissions")]]).required(&["source"]);

const ENV_FILE: Object =
    Object::new(&[&[text("path"), Attribute::new("required", Kind::OptOut), text("format")]]).required(&["path"]).without_extensions();

const FILE_MOUNT: Object = Object::new(&[&[text("source"), text("target"), text("uid"), text("gid"), Attribute::new("mode", Kind::Mode)]]);

const SERVICE_MODEL: Object = Object::new(&[&[text("endpoint_var"), text("model_var")]]);

const ATTACHMENT: Object = Object::new(&[&[
    set("aliases"),
    options("driver_opts", NUM | STR),
    int("gw_priority").types(NUM),
    text("interface_name"),
    text("ipv4_address"),
    text("ipv6_address"),
    set("link_local_ips"),
    text("mac_address"),
    int("priority").types(NUM),
    flag("use_service_name_alias").zero(),
]]);

const MOUNT: Object = Object::new(&[&[
    choice("type", &["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
    text("source"),
    text("target"),
    flag("read_only"),
    text("consistency"),
    object(
        "bind",
        &Object::new(&[&[
            choice("selinux", &["z", "Z"]),
            text("propagation"),
            Attribute::new("create_host_path", Kind::OptOut),
            choice("recursive", &["enabled", "disabled", "writable", "readonly"]),
        ]]),
    ),
    object("volume", &Object::new(&[&[labels("labels"), flag("nocopy"), text("subpath")]])),
    object("tmpfs", &Object::new(&[&[Attribute::new("size", Kind::Bytes(0)), between("mode", 0, u32::MAX as i64).types(NUM)]])),
    object("image", &Object::new(&[&[text("subpath")]])),
]])
.required(&["type"]);

const DEPENDENCY: Object = Object::new(&[&[
    choice("condition", &["service_started", "service_healthy", "service_completed_successfully"]),
    flag("restart"),
    flag("required").types(BOOL).zero(),
]])
.required(&["condition"]);

const HEALTHCHECK: Object = Object::new(&[&[
    Attribute::new("test", Kind::HealthTest),
    duration("timeout").zero(),
    duration("interval").zero(),
    between("retries", 0, i64::MAX).types(NUM | STR).zero(),
    duration("start_period").zero(),
    duration("start_interval").zero(),
    flag("disable"),
]]);

const PORT: Object = Object::new(&[&[
    text("name"),
    text("mode"),
    text("host_ip"),
    between("target", 0, u32::MAX as i64),
    text("published").types(STR | INT),
    text("protocol"),
    text("app_protocol"),
]]);

const BUILD: Object = Object::new(&[&[
    text("context"),
    text("dockerfile"),
    text("dockerfile_inline"),
    texts("entitlements"),
    Attribute::new("args", Kind::Environment),
    text("provenance").types(STR | BOOL),
    text("sbom").types(STR | BOOL),
    Attribute::new("ssh", Kind::Ssh),
    labels("labels"),
    texts("cache_from"),
    texts("cache_to"),
    flag("no_cache"),
    text_or_set("no_cache_filter"),
    labels("additional_contexts"),
    flag("pull"),
    Attribute::new("extra_hosts", Kind::Hosts),
    text("isolation"),
    text("network"),
    text("target"),
    objects("secrets", &FILE_MOUNT).items(STR | MAP),
    bytes("shm_size"),
    texts("tags"),
    Attribute::new("ulimits", Kind::Ulimits(INT | MAP)),
    texts("platforms"),
    flag("privileged"),
]]);

const DEVICES: &[Attribute] =
    &[set("capabilities"), text("driver"), Attribute::new("count", Kind::Count), set("device_ids"), labels("options")];
const DEVICE_REQUEST: Object = Object::new(&[DEVICES]).required(&["capabilities"]).silent();
const GPU: Object = Object::new(&[DEVICES]).open().silent();

const UPDATE: Object = Object::new(&[&[
    count("parallelism").zero(),
    duration("delay"),
    text("failure_action"),
    duration("monitor"),
    float("max_failure_ratio"),
    choice("order", &["start-first", "stop-first"]),
]]);

const LIMITS: Object = Object::new(&[&[float("cpus"), bytes("memory").types(STR), int("pids")]]);
const RESERVATIONS: Object = Object::new(&[&[
    float("cpus"),
    bytes("memory").types(STR),
    objects("devices", &DEVICE_REQUEST),
    objects(
        "generic_resources",
        &Object::new(&[&[object("discrete_resource_spec", &Object::new(&[&[text("kind").always(), number("value").always()]]))]]),
    ),
]]);

const DEPLOY: Object = Object::new(&[&[
    text("mode"),
    int("replicas").zero(),
    labels("labels"),
    object("update_config", &UPDATE),
    object("rollback_config", &UPDATE),
    Attribute::new("resources", Kind::Struct(&Object::new(&[&[object("limits", &LIMITS), object("reservations", &RESERVATIONS)]]))),
    object(
        "restart_policy",
        &Object::new(&[&[text("condition"), duration("delay").zero(), count("max_attempts").zero(), duration("window").zero()]]),
    ),
    Attribute::new(
        "placement",
        Kind::Struct(&Object::new(&[&[
            texts("constraints"),
            objects("preferences", &Object::new(&[&[text("spread")]])),
            count("max_replicas_per_node"),
        ]])),
    ),
    text("endpoint_mode"),
]]);

const DEVELOP: Object = Object::new(&[&[objects(
    "watch",
    &Object::new(&[&[
        text("path").always(),
        choice("action", &["rebuild", "sync", "restart", "sync+restart", "sync+exec"]).always(),
        text("target"),
        Attribute::new("exec", Kind::Struct(&HOOK)),
        text_or_set("include"),
        text_or_set("ignore"),
        strict("initial_sync"),
    ]])
    .required(&["path", "action"]),
)]]);

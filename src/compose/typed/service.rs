use indexmap::IndexMap;

use crate::compose::model::{
    BlkioConfig, Build, Command, ConfigMount, CredentialSpec, Dependency, DependencyCondition, Device, EnvFile, ExtraHost, Healthcheck,
    HealthcheckTest, Hook, Logging, Mount, MountKind, NetworkAttachment, Port, PreStart, Service, ServiceModel, Ulimit,
};
use crate::yaml::{Node, Value};

use super::deploy;
use super::fields::Fields;

pub fn service(name: &str, node: &Node) -> Service {
    let fields = Fields(node);
    Service {
        name: name.to_owned(),
        image: fields.text("image"),
        build: fields.node("build").map(build),
        pull_policy: fields.text("pull_policy"),
        pull_refresh_after: fields.text("pull_refresh_after"),
        platform: fields.text("platform"),
        container_name: fields.text("container_name"),
        hostname: fields.text("hostname"),
        domainname: fields.text("domainname"),
        labels: fields.map("labels"),
        label_files: fields.texts("label_file"),
        annotations: fields.map("annotations"),
        attach: fields.optional_flag("attach"),
        profiles: fields.texts("profiles"),
        scale: fields.int("scale"),
        runtime: fields.text("runtime"),
        isolation: fields.text("isolation"),
        credential_spec: fields.object("credential_spec").map(|spec| CredentialSpec {
            config: spec.text("config"),
            file: spec.text("file"),
            registry: spec.text("registry"),
        }),
        use_api_socket: fields.flag("use_api_socket"),
        provider: fields.object("provider").map(provider),
        command: fields.command("command"),
        entrypoint: fields.command("entrypoint"),
        working_dir: fields.text("working_dir"),
        user: fields.text("user"),
        umask: fields.bits("umask"),
        group_add: fields.texts("group_add"),
        environment: fields.optional_map("environment"),
        env_files: fields.objects("env_file").map(env_file).collect(),
        tty: fields.flag("tty"),
        stdin_open: fields.flag("stdin_open"),
        init: fields.optional_flag("init"),
        stop_signal: fields.text("stop_signal"),
        stop_grace_period: fields.duration("stop_grace_period"),
        restart: fields.text("restart"),
        pre_start: fields.objects("pre_start").map(|step| pre_start(name, step)).collect(),
        post_start: fields.objects("post_start").map(hook).collect(),
        pre_stop: fields.objects("pre_stop").map(hook).collect(),
        depends_on: fields.entries("depends_on").map(|(name, item)| (name.clone(), dependency(item))).collect(),
        healthcheck: fields.object("healthcheck").map(healthcheck),
        ports: fields.objects("ports").map(port).collect(),
        expose: fields.texts("expose"),
        links: fields.texts("links"),
        external_links: fields.texts("external_links"),
        networks: fields.entries("networks").map(|(name, item)| (name.clone(), attachment(item))).collect(),
        network_mode: fields.text("network_mode"),
        dns: fields.texts("dns"),
        dns_search: fields.texts("dns_search"),
        dns_opt: fields.texts("dns_opt"),
        extra_hosts: fields.texts("extra_hosts").iter().filter_map(|line| extra_host(line)).collect(),
        mac_address: fields.text("mac_address"),
        volumes: mounts(fields.objects("volumes")),
        volumes_from: fields.texts("volumes_from"),
        tmpfs: fields.texts("tmpfs"),
        configs: fields.objects("configs").map(file_mount).collect(),
        secrets: fields.objects("secrets").map(file_mount).collect(),
        shm_size: fields.int("shm_size"),
        read_only: fields.flag("read_only"),
        storage_opt: fields.map("storage_opt"),
        devices: fields.objects("devices").map(device).collect(),
        device_cgroup_rules: fields.texts("device_cgroup_rules"),
        privileged: fields.flag("privileged"),
        cap_add: fields.texts("cap_add"),
        cap_drop: fields.texts("cap_drop"),
        security_opt: fields.texts("security_opt"),
        sysctls: fields.map("sysctls"),
        ulimits: fields.entries("ulimits").map(|(name, item)| (name.clone(), ulimit(item))).collect(),
        userns_mode: fields.text("userns_mode"),
        uts: fields.text("uts"),
        ipc: fields.text("ipc"),
        pid: fields.text("pid"),
        cgroup: fields.text("cgroup"),
        cgroup_parent: fields.text("cgroup_parent"),
        cpus: fields.float("cpus"),
        cpu_quota: fields.int("cpu_quota"),
        cpu_period: fields.int("cpu_period"),
        cpu_shares: fields.int("cpu_shares"),
        cpu_count: fields.int("cpu_count"),
        cpu_percent: fields.float("cpu_percent"),
        cpu_rt_period: fields.int("cpu_rt_period"),
        cpu_rt_runtime: fields.int("cpu_rt_runtime"),
        cpuset: fields.text("cpuset"),
        mem_limit: fields.int("mem_limit"),
        mem_reservation: fields.int("mem_reservation"),
        memswap_limit: fields.int("memswap_limit"),
        mem_swappiness: fields.int("mem_swappiness"),
        oom_kill_disable: fields.flag("oom_kill_disable"),
        oom_score_adj: fields.int("oom_score_adj"),
        pids_limit: fields.int("pids_limit"),
        blkio_config: fields.node("blkio_config").cloned().map(BlkioConfig),
        gpus: fields.objects("gpus").map(deploy::device_request).collect(),
        logging: fields.object("logging").map(|item| Logging { driver: item.text("driver"), options: item.map("options") }),
        models: fields.entries("models").map(|(name, item)| (name.clone(), service_model(item))).collect(),
        deploy: fields.object("deploy").map(deploy::deploy),
        develop: fields.node("develop").cloned(),
        extensions: fields.extensions(),
    }
}

fn build(node: &Node) -> Build {
    let fields = Fields(node);
    Build { context: fields.text("context"), dockerfile: fields.text("dockerfile"), node: node.clone() }
}

fn provider(fields: Fields<'_>) -> (String, IndexMap<String, Vec<String>>) {
    let options = fields.object("options");
    let keys = fields.entries("options").map(|(key, _)| key.clone());
    let options = keys.map(|key| (key.clone(), options.map(|options| options.texts(&key)).unwrap_or_default())).collect();
    (fields.text("type").unwrap_or_default(), options)
}

fn env_file(fields: Fields<'_>) -> EnvFile {
    EnvFile {
        path: fields.text("path").unwrap_or_default(),
        required: fields.optional_flag("required").unwrap_or(true),
        format: fields.text("format"),
        ..EnvFile::default()
    }
}

fn pre_start(name: &str, fields: Fields<'_>) -> PreStart {
    PreStart { per_replica: fields.flag("per_replica"), container: service(name, fields.0) }
}

fn hook(fields: Fields<'_>) -> Hook {
    Hook {
        command: match fields.command("command") {
            Command::Image => Vec::new(),
            Command::Words(words) => words,
        },
        user: fields.text("user"),
        privileged: fields.flag("privileged"),
        working_dir: fields.text("working_dir"),
        environment: fields.optional_map("environment"),
    }
}

fn dependency(fields: Fields<'_>) -> Dependency {
    Dependency {
        condition: match fields.text("condition").as_deref() {
            Some("service_healthy") => DependencyCondition::Healthy,
            Some("service_completed_successfully") => DependencyCondition::CompletedSuccessfully,
            _ => DependencyCondition::Started,
        },
        required: fields.optional_flag("required").unwrap_or(true),
        restart: fields.flag("restart"),
    }
}

fn healthcheck(fields: Fields<'_>) -> Healthcheck {
    let test = fields.node("test").map(|_| fields.texts("test")).filter(|words| !words.is_empty());
    Healthcheck {
        test: test.map(|words| match words[0].as_str() {
            "NONE" => HealthcheckTest::None,
            "CMD-SHELL" => HealthcheckTest::Shell(words[1..].join(" ")),
            _ => HealthcheckTest::Command(words[1..].to_vec()),
        }),
        interval: fields.duration("interval"),
        timeout: fields.duration("timeout"),
        retries: fields.unsigned("retries"),
        start_period: fields.duration("start_period"),
        start_interval: fields.duration("start_interval"),
        disable: fields.flag("disable"),
        extensions: fields.extensions(),
    }
}

fn port(fields: Fields<'_>) -> Port {
    Port {
        name: fields.text("name"),
        target: fields.int("target").and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        published: fields.text("published"),
        host_ip: fields.text("host_ip"),
        protocol: fields.text("protocol").unwrap_or_else(|| "tcp".to_owned()),
        app_protocol: fields.text("app_protocol"),
        mode: fields.text("mode").unwrap_or_else(|| "ingress".to_owned()),
        extensions: fields.extensions(),
    }
}

fn attachment(fields: Fields<'_>) -> NetworkAttachment {
    NetworkAttachment {
        aliases: fields.texts("aliases"),
        ipv4_address: fields.text("ipv4_address"),
        ipv6_address: fields.text("ipv6_address"),
        link_local_ips: fields.texts("link_local_ips"),
        mac_address: fields.text("mac_address"),
        driver_opts: fields.map("driver_opts"),
        interface_name: fields.text("interface_name"),
        priority: fields.int("priority"),
        gw_priority: fields.int("gw_priority"),
        use_service_name_alias: fields.optional_flag("use_service_name_alias"),
        extensions: fields.extensions(),
    }
}

fn extra_host(line: &str) -> Option<ExtraHost> {
    let (host, address) = line.split_once('=')?;
    Some(ExtraHost { host: host.to_owned(), address: address.to_owned() })
}

fn mounts<'a>(items: impl ExactSizeIterator<Item = Fields<'a>>) -> Vec<Mount> {
    let mut mounts = Vec::with_capacity(items.len());
    mounts.extend(items.filter_map(mount));
    mounts
}

fn mount(fields: Fields<'_>) -> Option<Mount> {
    let kind = match fields.text("type")?.as_str() {
        "bind" => MountKind::Bind,
        "volume" => MountKind::Volume,
        "tmpfs" => MountKind::Tmpfs,
        "image" => MountKind::Image,
        "npipe" => MountKind::Npipe,
        "cluster" => MountKind::Cluster,
        _ => return None,
    };
    let nothing = Node::default();
    let part = |key: &str| fields.object(key).unwrap_or(Fields(&nothing));
    let (bind, volume, tmpfs, image) = (part("bind"), part("volume"), part("tmpfs"), part("image"));
    Some(Mount {
        kind,
        source: fields.text("source"),
        target: fields.text("target").unwrap_or_default(),
        read_only: fields.flag("read_only"),
        consistency: fields.text("consistency"),
        bind_propagation: bind.text("propagation"),
        bind_create_host_path: bind.optional_flag("create_host_path").unwrap_or_default(),
        bind_recursive: bind.text("recursive"),
        bind_selinux: bind.text("selinux"),
        volume_nocopy: volume.flag("nocopy"),
        volume_subpath: volume.text("subpath"),
        volume_labels: volume.map("labels"),
        tmpfs_size: tmpfs.int("size"),
        tmpfs_mode: tmpfs.bits("mode"),
        image_subpath: image.text("subpath"),
        extensions: fields.extensions(),
    })
}

fn file_mount(fields: Fields<'_>) -> ConfigMount {
    ConfigMount {
        source: fields.text("source").unwrap_or_default(),
        target: fields.text("target"),
        uid: fields.text("uid"),
        gid: fields.text("gid"),
        mode: fields.bits("mode"),
        extensions: fields.extensions(),
    }
}

fn device(fields: Fields<'_>) -> Device {
    Device { source: fields.text("source").unwrap_or_default(), target: fields.text("target"), permissions: fields.text("permissions") }
}

fn ulimit(fields: Fields<'_>) -> Ulimit {
    match fields.0.value {
        Value::Int(both) => Ulimit { soft: both, hard: both },
        _ => Ulimit { soft: fields.int("soft").unwrap_or_default(), hard: fields.int("hard").unwrap_or_default() },
    }
}

fn service_model(fields: Fields<'_>) -> ServiceModel {
    ServiceModel { endpoint_var: fields.text("endpoint_var"), model_var: fields.text("model_var") }
}

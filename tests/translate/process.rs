//! What runs in the container: command, environment, user, resources, probes, the end of it.

use compose_operator::translate::Object;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};

use crate::support::{Stack, problems};

/// The pod template of the service `web` as JSON.
#[track_caller]
fn template(service: &str) -> Value {
    let desired = Stack::of(&format!("services:\n  web:\n    image: x:1\n{service}")).desired();
    let template: PodTemplateSpec = match &desired.objects[&desired.services[0].workload] {
        Object::Deployment(object) => object.spec.clone().unwrap().template,
        Object::DaemonSet(object) => object.spec.clone().unwrap().template,
        Object::Job(object) => object.spec.clone().unwrap().template,
        other => panic!("{} is no workload", other.key()),
    };
    serde_json::to_value(template).unwrap()
}

/// Holds one field of the container against what it is to be.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a value is made for each call")]
fn check(service: &str, pointer: &str, expected: Value) {
    let template = template(service);
    let found = template["spec"]["containers"][0].pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(found, expected, "{service}{pointer}");
}

/// Holds one field of the pod against what it is to be.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a value is made for each call")]
fn check_pod(service: &str, pointer: &str, expected: Value) {
    let template = template(service);
    let found = template["spec"].pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(found, expected, "{service}{pointer}");
}

#[track_caller]
fn refused(service: &str, expected: &str) {
    let (desired, text) = problems(&Stack::of(&format!("services:\n  web:\n    image: x:1\n{service}")));
    assert!(desired.is_none(), "not refused: {service}");
    assert!(text.contains(expected), "{service}: {text}");
}

#[track_caller]
fn warned(service: &str, expected: &str) {
    let (desired, text) = problems(&Stack::of(&format!("services:\n  web:\n    image: x:1\n{service}")));
    assert!(desired.is_some(), "refused: {text}");
    assert!(text.contains(expected), "{service}: {text}");
}

#[test]
fn commands_keep_their_dollars() {
    check("    command: [sh, -c, 'echo $$HOME $$(X)']\n", "/args", json!(["sh", "-c", "echo $$HOME $$(X)"]));
    check("    command: run --fast 'a b'\n", "/args", json!(["run", "--fast", "a b"]));
    check("    entrypoint: [/e]\n", "/command", json!(["/e"]));
    check("    entrypoint: [/e]\n    command: [c]\n", "/args", json!(["c"]));
    check("    entrypoint: []\n    command: [c]\n", "/command", json!(["c"]));
    check("    entrypoint: []\n    command: [c]\n", "/args", Value::Null);
    check("    entrypoint: [/e]\n    command: []\n", "/args", Value::Null);
    refused("    entrypoint: []\n    command: []\n", "nothing to run");
    refused("    command: []\n", "empty-command");
    warned("    command: run && clean\n", "services.web.command");
}

#[test]
fn the_environment_is_sorted_and_unexpanded() {
    let env = json!([{"name": "A", "value": "x$$(B)$$y"}, {"name": "a.b-c", "value": "1"}]);
    check("    environment: ['a.b-c=1', 'A=x$$(B)$$y', UNSET]\n", "/env", env);
    check("    environment: {N: 1.10, T: true, E: }\n", "/env", json!([{"name": "N", "value": "1.1"}, {"name": "T", "value": "true"}]));
}

#[test]
fn users_are_numbers() {
    check("    user: '1000:2000'\n", "/securityContext", json!({"runAsUser": 1000, "runAsGroup": 2000, "runAsNonRoot": true}));
    check("    user: root\n", "/securityContext", json!({"runAsUser": 0}));
    check("    user: '0:0'\n", "/securityContext", json!({"runAsUser": 0, "runAsGroup": 0}));
    refused("    user: postgres\n", "services.web.user (compose.yaml:4:5): user: \"postgres\": Kubernetes needs a number");
    check_pod("    group_add: ['5', 6]\n", "/securityContext/supplementalGroups", json!([5, 6]));
}

#[test]
fn what_kubernetes_would_choose_otherwise_is_always_written() {
    check_pod("", "/enableServiceLinks", json!(false));
    check_pod("", "/automountServiceAccountToken", json!(false));
    check_pod("", "/securityContext/seccompProfile/type", json!("RuntimeDefault"));
    check_pod("", "/terminationGracePeriodSeconds", json!(13));
    check_pod("    stop_grace_period: 1m30s\n", "/terminationGracePeriodSeconds", json!(93));
    check_pod("    stop_grace_period: 1500ms\n    network_mode: none\n", "/terminationGracePeriodSeconds", json!(2));
    check("", "/lifecycle", json!({"preStop": {"sleep": {"seconds": 3}}}));
    check("", "/resources", json!({"requests": {"cpu": "10m", "memory": "33554432"}}));
    check("    restart: 'no'\n", "/lifecycle", Value::Null);
}

#[test]
fn what_names_no_image_is_refused() {
    for image in ["a b", "Nginx", "https://registry/x", "nginx:"] {
        let stack = crate::support::Stack::of(&format!("services: {{web: {{image: '{image}'}}}}"));
        let (desired, text) = crate::support::problems(&stack);
        assert!(desired.is_none() && text.contains("services.web.image (compose.yaml:1:18): image:"), "{text}");
    }
}

#[test]
fn what_counts_something_is_never_less_than_nothing() {
    for attribute in ["stop_grace_period: -5s", "cpus: -1", "cpu_shares: -5", "shm_size: -5", "deploy: {update_config: {delay: -1s}}"] {
        refused(&format!("    {attribute}\n"), "is less than nothing");
    }
    check("    mem_limit: -1\n", "/resources/limits", Value::Null);
}

#[test]
fn everybody_may_listen_on_every_port() {
    let sysctls = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    for says in ["ports: ['80']", "expose: ['80']", "image: nginx:1"] {
        let service = format!("    user: '1000'\n    {says}\n");
        let text = format!("services:\n  web:\n{}{service}", if says.starts_with("image") { "" } else { "    image: x:1\n" });
        let desired = Stack::of(&text).desired();
        let template = serde_json::to_value(&desired.objects[&desired.services[0].workload]).unwrap();
        assert_eq!(template["spec"]["template"]["spec"]["securityContext"]["sysctls"], sysctls, "{says}");
    }
    check_pod("    user: '1000'\n    expose: ['8080']\n", "/securityContext/sysctls", Value::Null);
}

#[test]
fn parts_of_the_driver_are_asked_for_by_a_variable() {
    let gpus = "    gpus: [{count: 1, capabilities: [gpu, utility, compute]}]\n";
    check(gpus, "/env", json!([{"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "compute,utility"}]));
    let written = format!("{gpus}    environment: {{NVIDIA_DRIVER_CAPABILITIES: all}}\n");
    check(&written, "/env", json!([{"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "all"}]));
    check("    gpus: [{count: 1, capabilities: [gpu]}]\n", "/env", Value::Null);
}

#[test]
fn images_are_pulled_as_compose_says() {
    for (policy, image, expected) in [
        ("", "x:1", "IfNotPresent"),
        ("", "x", "Always"),
        ("", "x:latest", "Always"),
        ("    pull_policy: always\n", "x:1", "Always"),
        ("    pull_policy: never\n", "x", "Never"),
        ("    pull_policy: if_not_present\n", "x", "IfNotPresent"),
        ("    pull_policy: missing\n", "x", "IfNotPresent"),
        ("    pull_policy: daily\n", "x:1", "Always"),
    ] {
        let text = format!("services:\n  web:\n    image: {image}\n{policy}");
        let desired = Stack::of(&text).desired();
        let rendered = crate::support::manifest(&desired.objects[&desired.services[0].workload]);
        assert!(rendered.contains(&format!("imagePullPolicy: {expected}\n")), "{text}");
    }
}

#[test]
fn resources_are_bytes_and_thousandths_and_requests_never_the_limits() {
    let limits = "    deploy: {resources: {limits: {cpus: '1.5', memory: 50M}}}\n";
    check(
        limits,
        "/resources",
        json!({"limits": {"cpu": "1500m", "memory": "52428800"}, "requests": {"cpu": "10m", "memory": "33554432"}}),
    );
    let both = "    deploy: {resources: {limits: {cpus: '2', memory: 1g}, reservations: {cpus: '0.5', memory: 64m}}}\n";
    check(both, "/resources", json!({"limits": {"cpu": "2", "memory": "1073741824"}, "requests": {"cpu": "500m", "memory": "67108864"}}));
    check(
        "    mem_limit: 16m\n    cpus: 0.005\n",
        "/resources",
        json!({"limits": {"cpu": "5m", "memory": "16777216"}, "requests": {"cpu": "5m", "memory": "16777216"}}),
    );
    check("    cpu_shares: 512\n    mem_reservation: 64m\n", "/resources/requests", json!({"cpu": "500m", "memory": "67108864"}));
    check("    cpu_quota: 50000\n", "/resources/limits", json!({"cpu": "500m"}));
    check("    gpus: all\n", "/resources/limits", json!({"nvidia.com/gpu": "1"}));
    check(
        "    deploy: {resources: {reservations: {devices: [{capabilities: [gpu], driver: amd, count: 2}]}}}\n",
        "/resources/requests/amd.com~1gpu",
        json!("2"),
    );
    refused("    deploy: {resources: {limits: {memory: 1m}}}\n", "6 MiB");
    refused("    deploy: {resources: {limits: {memory: 10m}, reservations: {memory: 20m}}}\n", "reserves more than the limit allows");
}

#[test]
fn a_healthcheck_is_readiness_and_never_liveness() {
    let probe = json!({"exec": {"command": ["/bin/sh", "-c", "curl $$X || exit 1"]}, "failureThreshold": 3, "periodSeconds": 30, "timeoutSeconds": 30});
    check("    healthcheck: {test: 'curl $$X || exit 1'}\n", "/readinessProbe", probe);
    let written = "    healthcheck: {test: [CMD, check], interval: 90s, timeout: 1500ms, retries: 5}\n";
    check(
        written,
        "/readinessProbe",
        json!({"exec": {"command": ["check"]}, "failureThreshold": 5, "periodSeconds": 90, "timeoutSeconds": 2}),
    );
    check(written, "/startupProbe", Value::Null);
    check(written, "/livenessProbe", Value::Null);
    let slow = "    healthcheck: {test: [CMD, check], start_period: 1m, start_interval: 2s}\n";
    check(
        slow,
        "/startupProbe",
        json!({"exec": {"command": ["check"]}, "failureThreshold": i32::MAX, "periodSeconds": 2, "timeoutSeconds": 30}),
    );
    let zeros = "    healthcheck: {test: [CMD, check], interval: 0s, timeout: 0s, retries: 0}\n";
    check(
        zeros,
        "/readinessProbe",
        json!({"exec": {"command": ["check"]}, "periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 3}),
    );
    refused("    healthcheck: {test: [CMD, check], interval: -1s}\n", "services.web.healthcheck.interval");
    refused("    healthcheck: {test: [CMD, check], start_interval: 1s}\n", "services.web.healthcheck.start_interval");
    check("    healthcheck: {test: [NONE]}\n", "/readinessProbe", Value::Null);
    check("    healthcheck: {disable: true}\n", "/readinessProbe", Value::Null);
    warned("    healthcheck: {test: [CMD, x], interval: 500ms}\n", "rounded up to 1s");
    warned("    healthcheck: {interval: 5s}\n", "healthcheck-without-test");
}

#[test]
fn a_roll_out_has_time_for_slow_healthchecks() {
    let deadline = |check: &str| {
        let text = format!("services: {{web: {{image: x, healthcheck: {{test: x, {check}}}}}}}");
        Stack::of(&text).desired().services[0].progress_deadline
    };
    assert_eq!(deadline("interval: 5s"), 600);
    assert_eq!(deadline("start_period: 20m, interval: 10s, retries: 3"), 1230);
}

#[test]
fn capabilities_are_written_without_their_prefix() {
    let capabilities = json!({"add": ["CHOWN", "NET_BIND_SERVICE"], "drop": ["ALL"]});
    check("    cap_add: [CAP_NET_BIND_SERVICE, chown]\n    cap_drop: [all]\n", "/securityContext/capabilities", capabilities);
    refused("    cap_add: [FLY]\n", "\"FLY\" is no capability of Linux");
}

#[test]
fn confinement_can_be_tightened_but_not_loosened() {
    check("    security_opt: ['no-new-privileges:true']\n", "/securityContext/allowPrivilegeEscalation", json!(false));
    check("    security_opt: [no-new-privileges]\n", "/securityContext/allowPrivilegeEscalation", json!(false));
    check("    read_only: true\n", "/securityContext/readOnlyRootFilesystem", json!(true));
    check_pod(
        "    sysctls: {net.ipv4.tcp_syncookies: 0}\n",
        "/securityContext/sysctls",
        json!([{"name": "net.ipv4.tcp_syncookies", "value": "0"}]),
    );
    let low = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    check_pod("    user: '1000'\n    ports: ['80']\n", "/securityContext/sysctls", low);
    for (service, expected) in [
        ("    security_opt: ['label=disable']\n", "security-option"),
        ("    security_opt: ['seccomp=./p.json']\n", "a profile of your machine"),
    ] {
        refused(service, expected);
    }
    for harmless in [
        "    privileged: false\n",
        "    runtime: runc\n",
        "    ipc: private\n",
        "    userns_mode: host\n",
        "    cgroup: private\n",
        "    isolation: default\n",
    ] {
        assert_eq!(Stack::of(&format!("services:\n  web:\n    image: x:1\n{harmless}")).codes(), [] as [&str; 0], "{harmless}");
    }
}

#[test]
fn what_has_no_effect_is_told_by_path() {
    for (service, expected) in [
        ("    ulimits: {nofile: 100}\n", "Warning services.web.ulimits.nofile (compose.yaml:4:15): no-effect"),
        ("    cgroup_parent: x\n", "Warning services.web.cgroup_parent"),
        ("    mac_address: 02:42:ac:11:65:43\n", "Warning services.web.mac_address"),
        ("    logging: {driver: syslog}\n", "Warning services.web.logging.driver"),
        ("    oom_kill_disable: true\n", "Warning services.web.oom_kill_disable"),
        ("    cpuset: 0-1\n", "Warning services.web.cpuset"),
        ("    pids_limit: 10\n", "Warning services.web.pids_limit"),
        ("    dns: 1.1.1.1\n", "Warning services.web.dns"),
        ("    stop_signal: SIGQUIT\n", "Warning services.web.stop_signal"),
        ("    domainname: example.com\n", "Warning services.web.domainname"),
    ] {
        warned(service, expected);
    }
}

#[test]
fn hosts_and_names_of_the_pod() {
    check_pod("    hostname: Box\n", "/hostname", json!("box"));
    check_pod("    hostname: box.example.com\n", "/hostnameOverride", json!("box.example.com"));
    check_pod("    hostname: box\n    domainname: example.com\n", "/hostnameOverride", json!("box.example.com"));
    refused("    hostname: my_box\n", "services.web.hostname");
    let hosts = json!([{"ip": "10.0.0.1", "hostnames": ["a", "b"]}, {"ip": "::1", "hostnames": ["c"]}]);
    check_pod("    extra_hosts: ['a=10.0.0.1', 'b:10.0.0.1', 'c=[::1]']\n", "/hostAliases", hosts);
    warned("    extra_hosts: ['host.docker.internal:host-gateway']\n", "host-gateway");
    check_pod(
        "    dns_search: x.example\n    dns_opt: ['ndots:2']\n",
        "/dnsConfig",
        json!({"searches": ["x.example"], "options": [{"name": "ndots", "value": "2"}]}),
    );
    check("    container_name: My_Web\n", "/name", json!("my-web"));
}

#[test]
fn terminals_and_reapers() {
    check("    tty: true\n    stdin_open: true\n", "/tty", json!(true));
    check("    tty: true\n    stdin_open: true\n", "/stdin", json!(true));
    check_pod("    init: true\n", "/shareProcessNamespace", json!(true));
    check("    working_dir: /app\n", "/workingDir", json!("/app"));
    let script = json!(["/bin/sh", "-c", "sleep 3; kill -QUIT 1; while kill -0 1 2>/dev/null; do sleep 1; done"]);
    check("    stop_signal: SIGQUIT\n", "/lifecycle/preStop/exec/command", script);
    // Behind an init, process 1 is not the program.
    let init = template("    stop_signal: SIGQUIT\n    init: true\n")["spec"]["containers"][0]["lifecycle"].to_string();
    assert!(init.contains("kill -QUIT $p;") && init.contains("kill -0 $p "), "{init}");
    refused("    stop_signal: SIGWHAT\n", "is not a signal");
}

#[test]
fn steps_around_the_life_of_a_container_are_its_handlers() {
    check("    post_start: [{command: [init, '$$X']}]\n", "/lifecycle/postStart/exec/command", json!(["init", "$X"]));
    let several = "    post_start: [{command: a 'b c'}, {command: [d], working_dir: /w, environment: {K: v w}}]\n";
    check(several, "/lifecycle/postStart/exec/command/2", json!("set -e; (exec a 'b c'); (cd /w; exec env 'K=v w' d)"));
    check(several, "/lifecycle/preStop/sleep/seconds", json!(3));
    check("    pre_stop: [{command: [flush]}]\n", "/lifecycle", json!({"preStop": {"exec": {"command": ["flush"]}}}));
    check_pod("    pre_stop: [{command: [flush]}]\n", "/terminationGracePeriodSeconds", json!(10));
    let both = "    pre_stop: [{command: [flush]}]\n    stop_signal: SIGINT\n";
    let script = "set -e; (exec flush); sleep 3; kill -INT 1; while kill -0 1 2>/dev/null; do sleep 1; done";
    check(both, "/lifecycle/preStop/exec/command/2", json!(script));
    refused("    post_start: [{command: [x], user: root}]\n", "services.web.post_start[0].user");
    refused("    pre_stop: [{command: [x], privileged: true}]\n", "services.web.pre_stop[0].privileged");
}

#[test]
fn placement_becomes_affinity_and_spreading() {
    let required = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions";
    let constraints = "    deploy: {placement: {constraints: ['node.labels.disk==ssd', 'node.hostname != n1']}}\n";
    let expected = json!([{"key": "disk", "operator": "In", "values": ["ssd"]}, {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["n1"]}]);
    check_pod(constraints, required, expected);
    check_pod("    platform: linux/x86_64\n", "/nodeSelector", json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}));
    check_pod(
        "    deploy: {placement: {preferences: [{spread: node.labels.zone}]}}\n",
        "/topologySpreadConstraints/0/topologyKey",
        json!("zone"),
    );
    let one = "    deploy: {placement: {max_replicas_per_node: 1}}\n";
    check_pod(
        one,
        "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/topologyKey",
        json!("kubernetes.io/hostname"),
    );
    warned("    deploy: {placement: {constraints: [node.role == manager]}}\n", "node-role");
    refused("    deploy: {placement: {constraints: [node.id == x]}}\n", "services.web.deploy.placement.constraints[0]");
}

#[test]
fn labels_go_to_the_pods_and_reserved_ones_are_refused() {
    let labels = "    labels: {team: shop, rule: 'Host(`a`)', 'bad key': x}\n";
    let template = template(labels);
    let metadata = &template["metadata"];
    assert_eq!(metadata["labels"]["team"], "shop");
    assert_eq!(metadata["labels"].get("rule"), None);
    assert_eq!(metadata["annotations"]["rule"], "Host(`a`)");
    assert_eq!(metadata["annotations"]["compose-operator.dev/labels"], "{\"bad key\":\"x\",\"rule\":\"Host(`a`)\",\"team\":\"shop\"}");
    warned(labels, "illegal-label");
    for reserved in ["com.docker.compose.project", "compose-operator.dev/stack", "app.kubernetes.io/name"] {
        refused(&format!("    labels: {{{reserved}: x}}\n"), "reserved-label");
        refused(&format!("    annotations: {{{reserved}: x}}\n"), "reserved-label");
        refused(&format!("    deploy: {{labels: {{{reserved}: x}}}}\n"), "reserved-label");
    }
}

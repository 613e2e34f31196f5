//! The administrator's policy: what it refuses, with the field that would allow it, and what becomes of it once it is allowed.

use std::collections::BTreeSet;

use compose_operator::api::VolumeDefaults;
use compose_operator::translate::{Desired, Key, Kind, Object, Policy, Settings};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};

use crate::support::{Stack, manifest, problems};

fn stack(policy: &str, compose: &str) -> Stack {
    let policy = serde_yaml::from_str(policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
    let mut stack = Stack::of(compose);
    stack.settings = Settings { policy, ..Settings::default() };
    stack
}

/// A stack of one service `web`.
fn web(policy: &str, service: &str) -> Stack {
    stack(policy, &format!("services:\n  web:\n    image: x:1\n    {service}\n"))
}

/// The pod of the first service.
fn pod(desired: &Desired) -> Value {
    let template: PodTemplateSpec = match &desired.objects[&desired.services[0].workload] {
        Object::Deployment(object) => object.spec.clone().unwrap().template,
        Object::DaemonSet(object) => object.spec.clone().unwrap().template,
        other => panic!("{} is no workload of these tests", other.key()),
    };
    serde_json::to_value(template).unwrap()
}

/// What a service says; where it stands; the field that allows it, with a value that does; what is in the pod then, by JSON pointers.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const CONTAINER: &str = "/spec/containers/0";

const CASES: &[Case] = &[
    ("privileged: true", "privileged", "privileged", "true", &[("/securityContext/privileged", "true")]),
    (
        "cap_add: [CAP_NET_ADMIN, CHOWN]",
        "cap_add[0]",
        "capabilities",
        "[NET_ADMIN]",
        &[("/securityContext/capabilities/add", "[CHOWN, NET_ADMIN]")],
    ),
    ("cap_add: [ALL]", "cap_add[0]", "capabilities", "[ALL]", &[("/securityContext/capabilities/add", "[ALL]")]),
    (
        "security_opt: ['seccomp:unconfined']",
        "security_opt[0]",
        "securityOpts",
        "['seccomp=unconfined']",
        &[("/securityContext/seccompProfile", "{type: Unconfined}")],
    ),
    (
        "security_opt: [apparmor=unconfined]",
        "security_opt[0]",
        "securityOpts",
        "[apparmor=unconfined]",
        &[("/securityContext/appArmorProfile", "{type: Unconfined}")],
    ),
    (
        "security_opt: [apparmor=mine]",
        "security_opt[0]",
        "securityOpts",
        "[apparmor=mine]",
        &[("/securityContext/appArmorProfile", "{type: Localhost, localhostProfile: mine}")],
    ),
    (
        "security_opt: ['label=type:spc_t']",
        "security_opt[0]",
        "securityOpts",
        "['label=type:spc_t']",
        &[("/securityContext/seLinuxOptions", "{type: spc_t}")],
    ),
    (
        "security_opt: ['label:role:r']",
        "security_opt[0]",
        "securityOpts",
        "['label=role:r']",
        &[("/securityContext/seLinuxOptions", "{role: r}")],
    ),
    (
        "security_opt: [systempaths=unconfined]",
        "security_opt[0]",
        "securityOpts",
        "[systempaths=unconfined]",
        &[("/securityContext/procMount", "Unmasked"), ("//hostUsers", "false")],
    ),
    (
        "sysctls: {net.core.somaxconn: 1024}",
        "sysctls.net.core.somaxconn",
        "unsafeSysctls",
        "[net.core.*]",
        &[("//securityContext/sysctls", "[{name: net.core.somaxconn, value: '1024'}]")],
    ),
    ("network_mode: host", "network_mode", "hostNetwork", "true", &[("//hostNetwork", "true"), ("//dnsPolicy", "ClusterFirstWithHostNet")]),
    ("pid: host", "pid", "hostPID", "true", &[("//hostPID", "true")]),
    ("ipc: host", "ipc", "hostIPC", "true", &[("//hostIPC", "true")]),
    (
        "ports: [{target: 53, published: 5353, protocol: udp, mode: host, host_ip: 10.0.0.1}]",
        "ports[0].mode",
        "hostPorts",
        "[5000-6000]",
        &[("/ports", "[{containerPort: 53, hostIP: 10.0.0.1, hostPort: 5353, protocol: UDP}]")],
    ),
    (
        "volumes: ['/srv/media/films:/films:ro']",
        "volumes[0]",
        "hostPaths",
        "[{path: /srv/media}]",
        &[
            ("//volumes", "[{name: host-srv-media-films, hostPath: {path: /srv/media/films, type: DirectoryOrCreate}}]"),
            ("/volumeMounts", "[{mountPath: /films, name: host-srv-media-films, readOnly: true}]"),
        ],
    ),
    (
        "volumes: ['/dev/log:/dev/log:slave']",
        "volumes[0]",
        "hostPaths",
        "[{path: /dev, readOnly: false}]",
        &[
            ("//volumes", "[{name: host-dev-log, hostPath: {path: /dev/log}}]"),
            ("/volumeMounts", "[{mountPath: /dev/log, name: host-dev-log, mountPropagation: HostToContainer}]"),
        ],
    ),
    (
        "devices: ['/dev/kvm', 'vendor.com/class=one']",
        "devices[0]",
        "devices",
        "{/dev/kvm: example.com/kvm, vendor.com/class=one: example.com/one}",
        &[("/resources/limits", "{example.com/kvm: '1', example.com/one: '1'}")],
    ),
    (
        "gpus: [{driver: intel, count: 2}]",
        "gpus[0]",
        "gpuDrivers",
        "{intel: gpu.intel.com/i915}",
        &[("/resources/limits", "{gpu.intel.com/i915: '2'}")],
    ),
    (
        "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: SSD, value: 3}}]}}}",
        "deploy.resources.reservations.generic_resources[0]",
        "genericResources",
        "{SSD: example.com/ssd}",
        &[("/resources/limits", "{example.com/ssd: '3'}")],
    ),
    (
        "x-kubernetes: {serviceAccountName: team-a}",
        "x-kubernetes.serviceAccountName",
        "serviceAccounts",
        "[team-*]",
        &[("//serviceAccountName", "team-a")],
    ),
    (
        "labels: {kompose.serviceaccount-name: team-a}",
        "labels.kompose.serviceaccount-name",
        "serviceAccounts",
        "[team-a]",
        &[("//serviceAccountName", "team-a")],
    ),
    ("runtime: kata", "runtime", "runtimes", "{kata: kata-qemu}", &[("//runtimeClassName", "kata-qemu")]),
];

/// A field of the container; with two slashes before it one of the pod.
fn field(pod: &Value, pointer: &str) -> Value {
    let pointer = pointer
        .strip_prefix('/')
        .filter(|rest| rest.starts_with('/'))
        .map_or(format!("{CONTAINER}{pointer}"), |rest| format!("/spec{rest}"));
    pod.pointer(&pointer).cloned().unwrap_or(Value::Null)
}

#[test]
fn what_is_dangerous_is_refused_with_the_field_that_would_allow_it() {
    for (service, at, policy, ..) in CASES {
        let (desired, text) = problems(&web("{}", service));
        assert!(desired.is_none(), "not refused: {service}");
        let line = text.lines().find(|line| line.starts_with(&format!("Error services.web.{at} (compose.yaml:4:")));
        let line = line.unwrap_or_else(|| panic!("{service}: no error at {at}:\n{text}"));
        assert!(line.ends_with(&format!(": allowed by the administrator's policy.{policy} only")), "{line}");
    }
}

#[test]
fn what_is_allowed_is_in_the_pod() {
    for (service, _, policy, value, expected) in CASES {
        let stack = web(&format!("{policy}: {value}"), service);
        let pod = pod(&stack.desired());
        for (pointer, expected) in *expected {
            let expected: Value = serde_yaml::from_str(expected).unwrap();
            assert_eq!(field(&pod, pointer), expected, "{service}: {pointer}");
        }
    }
}

#[test]
fn one_permission_is_not_another() {
    for (service, _, policy, ..) in CASES {
        for (_, _, other, value, _) in CASES.iter().filter(|case| case.2 != *policy) {
            let (desired, _) = problems(&web(&format!("{other}: {value}"), service));
            assert!(desired.is_none(), "{other} allows {service}");
        }
    }
}

#[test]
fn every_permission_for_pods_has_a_case() {
    let elsewhere = [
        "maxPorts",
        "nfs",
        "volumeDrivers",
        "rwxStorageClass",
        "annotations",
        "externalNetworks",
        "externalLinks",
        "modelEndpoint",
        "podOverlay",
    ];
    let policy = serde_json::to_value(Policy::default()).unwrap();
    let fields: BTreeSet<&str> = policy.as_object().unwrap().keys().map(String::as_str).collect();
    let tested: BTreeSet<&str> = CASES.iter().map(|case| case.2).chain(elsewhere).collect();
    assert_eq!(tested, fields);
}

/// A policy that allows what the cases ask for.
fn generous() -> String {
    "{privileged: true, capabilities: [ALL], hostNetwork: true, hostPID: true, hostIPC: true, hostPorts: [1-65535], \
     hostPaths: [{path: /, readOnly: false}], unsafeSysctls: ['*'], securityOpts: [seccomp=unconfined, systempaths=unconfined, 'label=disable']}"
        .to_owned()
}

#[test]
fn what_no_policy_can_give_stays_refused() {
    for (service, expected) in [
        ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "services.web.volumes[0] (compose.yaml:3:15): docker-socket"),
        ("volumes: ['/run/containerd/containerd.sock:/c.sock:ro']", "docker-socket"),
        ("volumes: ['/run/podman/podman.sock:/var/run/docker.sock']", "docker-socket"),
        ("use_api_socket: true", "there is no Docker engine to talk to"),
        ("security_opt: ['seccomp=./mine.json']", "a profile of your machine isn't on the nodes"),
        ("security_opt: ['label=disable']", "can't be switched off"),
        ("sysctls: {vm.max_map_count: 262144}", "is a parameter of the whole node"),
        ("{network_mode: host, sysctls: {net.core.somaxconn: 1}}", "would change the node"),
        ("{ipc: host, sysctls: {kernel.msgmax: 1}}", "would change the node"),
        ("{network_mode: host, ports: ['80:80']}", "services.web.ports (compose.yaml:"),
        ("{pid: host, security_opt: [systempaths=unconfined]}", "needs a user namespace"),
        ("volumes: ['/mnt:/mnt:shared']", "only from privileged services"),
        (
            "ports: [{target: 80, published: 80, mode: host}, {target: 80, published: 81, mode: host}]",
            "has another port of the node already",
        ),
    ] {
        let body = service.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(|rest| format!("{{image: x, {rest}}}"));
        let compose =
            body.map_or_else(|| format!("services:\n  web:\n    {service}\n    image: x\n"), |body| format!("services: {{web: {body}}}\n"));
        let (desired, text) = problems(&stack(&generous(), &compose));
        assert!(desired.is_none(), "not refused: {service}");
        assert!(text.contains(expected), "{service}:\n{text}");
    }
}

#[test]
fn a_path_that_may_only_be_read_can_not_be_written_to() {
    let (desired, text) = problems(&web("hostPaths: [{path: /srv}]", "volumes: ['/srv/x:/x']"));
    assert!(
        desired.is_none() && text.contains("may only be mounted read-only: allowed by the administrator's policy.hostPaths only"),
        "{text}"
    );
    let (desired, _) = problems(&stack(
        "hostPaths: [{path: /srv}]",
        "services: {web: {image: x, volumes: ['media:/v:ro']}}\nvolumes: {media: {driver_opts: {type: none, o: bind, device: /srv/x}}}",
    ));
    assert!(desired.is_some());
}

#[test]
fn mounts_reach_the_node_from_privileged_services_alone() {
    let pod = pod(&web(&generous(), "volumes: ['/mnt:/mnt:rshared']\n    privileged: true").desired());
    assert_eq!(field(&pod, "/volumeMounts/0/mountPropagation"), json!("Bidirectional"));
}

#[test]
fn mounts_below_a_path_of_the_node_can_be_read_only_too() {
    let volume = "{type: bind, source: /srv, target: /srv, read_only: true, bind: {recursive: readonly, create_host_path: false}}";
    let pod = pod(&web("hostPaths: [{path: /srv}]", &format!("volumes: [{volume}]")).desired());
    assert_eq!(field(&pod, "/volumeMounts/0/recursiveReadOnly"), json!("Enabled"));
    assert_eq!(field(&pod, "//volumes/0/hostPath"), json!({"path": "/srv"}));
}

#[test]
fn a_service_on_its_nodes_network_leaves_the_old_pod_first_and_no_name_behind() {
    let stack = web(&generous(), "network_mode: host\n    hostname: box\n    uts: host\n    expose: [9100]");
    let (desired, text) = problems(&stack);
    let desired = desired.unwrap();
    let pod = pod(&desired);
    assert_eq!(field(&pod, "//hostname"), Value::Null);
    assert!(text.contains("services.web.network_mode (compose.yaml:4:5): host-network: no network policy holds"), "{text}");
    assert!(text.contains("services.web.hostname (compose.yaml:5:5): hostname:"), "{text}");
    assert!(!text.contains("services.web.uts"), "{text}");
    let Object::Deployment(workload) = &desired.objects[&desired.services[0].workload] else { panic!("no Deployment") };
    let rolling = workload.spec.as_ref().unwrap().strategy.as_ref().unwrap().rolling_update.clone().unwrap();
    assert_eq!(serde_json::to_value(rolling).unwrap(), json!({"maxSurge": 0, "maxUnavailable": 1}));
    assert!(manifest(&desired.objects[&Key::new(Kind::Service, "web")]).contains("port: 9100"));
}

#[test]
fn a_network_of_the_node_is_as_network_mode_host() {
    for network in ["{driver: host}", "{external: true, name: host}"] {
        let file = format!("services: {{web: {{image: x, networks: [n]}}}}\nnetworks: {{n: {network}}}");
        let (desired, text) = problems(&stack("{}", &file));
        assert!(desired.is_none() && text.contains("policy.hostNetwork only"), "{text}");
        let desired = stack(&generous(), &file).desired();
        assert_eq!(field(&pod(&desired), "//hostNetwork"), json!(true));
        assert_eq!(desired.services[0].externals, []);
        assert!(!desired.objects.keys().any(|key| key.kind == Kind::NetworkPolicy));
    }
    let none = "services: {web: {image: x, networks: [n]}}\nnetworks: {n: {driver: none}}";
    assert!(stack("{}", none).desired().objects.contains_key(&Key::new(Kind::NetworkPolicy, "web--none")));
}

#[test]
fn ports_of_the_node_are_open_where_networks_isolate() {
    let file = "services: {web: {image: x, networks: [n], ports: [{target: 80, published: 80, mode: host}]}}\nnetworks: {n: }";
    let desired = stack("hostPorts: [80]", file).desired();
    let policy = manifest(&desired.objects[&Key::new(Kind::NetworkPolicy, "web--published")]);
    assert!(policy.contains("ingress:\n  - ports:\n    - port: 80\n"), "{policy}");
    assert!(!desired.objects.contains_key(&Key::new(Kind::Service, "web--published")));
}

#[test]
fn a_service_publishes_as_many_ports_as_the_policy_says() {
    let (desired, text) = problems(&web("{}", "ports: ['3000-3300:3000-3300']"));
    assert!(
        desired.is_none()
            && text.contains(
                "publishes 301 ports, of at most 256; use `network_mode: host`: allowed by the administrator's policy.maxPorts only"
            ),
        "{text}"
    );
    assert!(problems(&web("maxPorts: 400", "ports: ['3000-3300:3000-3300']")).0.is_some());
    assert!(problems(&web("maxPorts: 1", "ports: ['80', '81']")).0.is_none());
}

#[test]
fn volume_drivers_are_storage_classes() {
    let file = "services: {web: {image: x, volumes: ['data:/v']}}\nvolumes: {data: {driver: rexray}}";
    let (desired, text) = problems(&stack("volumeDrivers: {convoy: slow}", file));
    assert!(
        desired.is_none()
            && text.contains("volumes.data.driver (compose.yaml:2:18)")
            && text.contains("known are convoy: allowed by the administrator's policy.volumeDrivers only"),
        "{text}"
    );
    let desired = stack("volumeDrivers: {rexray: fast}", file).desired();
    assert!(manifest(&desired.objects[&Key::new(Kind::PersistentVolumeClaim, "app-data")]).contains("storageClassName: fast"));
}

#[test]
fn volumes_that_pods_share_are_of_the_class_that_all_nodes_can_use() {
    let file = "services: {a: {image: x, volumes: ['both:/v', 'own:/o']}, b: {image: x, volumes: ['both:/v']}, c: {image: x, volumes: ['all:/v'], deploy: {mode: global}}}\nvolumes: {both: , own: , all: }";
    assert!(problems(&stack("{}", file)).1.contains("claim-on-every-node"));
    let desired = stack("rwxStorageClass: shared", file).desired();
    for (claim, shared) in [("app-both", true), ("app-own", false), ("app-all", true)] {
        let claim = manifest(&desired.objects[&Key::new(Kind::PersistentVolumeClaim, claim)]);
        assert_eq!(claim.contains("ReadWriteMany") && claim.contains("storageClassName: shared"), shared, "{claim}");
    }
    assert_eq!(pod(&desired).pointer("/spec/affinity"), None, "nothing binds them to one node");
    let mut given = stack("rwxStorageClass: shared", file);
    given.settings.volumes = VolumeDefaults { access_mode: Some("ReadWriteMany".to_owned()), ..VolumeDefaults::default() };
    assert!(!manifest(&given.desired().objects[&Key::new(Kind::PersistentVolumeClaim, "app-both")]).contains("shared"));
}

#[test]
fn annotations_that_the_cluster_may_obey_need_permission() {
    let service = "annotations: {k8s.v1.cni.cncf.io/networks: n, com.example.note: free, io.katacontainers.config.x: y}\n    labels: {sidecar.istio.io/inject: 'false', traefik.enable: 'true', example.com/rule: 'a b'}";
    let (desired, text) = problems(&web("{}", service));
    let made = pod(&desired.unwrap());
    let annotations = |pod: &Value| {
        pod["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| !key.starts_with("compose-operator.dev/"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(annotations(&made), ["com.example.note", "traefik.enable"]);
    assert_eq!(made["metadata"]["labels"]["sidecar.istio.io/inject"], "false");
    for left_out in [
        "services.web.annotations.k8s.v1.cni.cncf.io/networks",
        "services.web.annotations.io.katacontainers.config.x",
        "services.web.labels.example.com/rule",
    ] {
        assert!(text.contains(&format!("Warning {left_out} ")), "{left_out}:\n{text}");
    }
    let allowed = pod(&web("annotations: [k8s.v1.cni.cncf.io, istio.io, io.katacontainers, example.com]", service).desired());
    let all = [
        "com.example.note",
        "example.com/rule",
        "io.katacontainers.config.x",
        "k8s.v1.cni.cncf.io/networks",
        "sidecar.istio.io/inject",
        "traefik.enable",
    ];
    assert_eq!(annotations(&allowed), all);
    let config = "services: {web: {image: x, configs: [c]}}\nconfigs: {c: {content: x, labels: {reflector.example.com/allowed: 'true'}}}";
    assert!(problems(&stack("{}", config)).1.contains("Warning configs.c.labels.reflector.example.com/allowed"));
}

#[test]
fn other_namespaces_join_a_network_where_the_policy_names_them() {
    let file = "services: {web: {image: x, networks: [n]}}\nnetworks: {n: {name: shared, internal: true}}";
    let of = |policy: &str, name: &str| manifest(&stack(policy, file).desired().objects[&Key::new(Kind::NetworkPolicy, name)]);
    assert!(!of("{}", "app--net-n").contains("namespaceSelector"));
    let open = of("externalNetworks: [team-b, team-a]", "app--net-n");
    assert!(open.contains("values:\n          - team-a\n          - team-b\n"), "{open}");
    assert!(of("externalNetworks: [team-a]", "web--internal").contains("- team-a\n"));
    assert_ne!(open.split("compose-operator.dev/inputs: ").nth(1), of("{}", "app--net-n").split("compose-operator.dev/inputs: ").nth(1));
}

#[test]
fn models_are_variables_of_the_endpoint() {
    let file = "services: {web: {image: x, environment: {LLM_URL: mine}, models: {llm: , big-one: {endpoint_var: AT, model_var: IS}}}}\nmodels: {llm: {model: ai/small}, big-one: {model: ai/big}}";
    let (desired, text) = problems(&stack("{}", file));
    assert!(
        desired.is_none() && text.contains("Error services.web.models.llm (compose.yaml:1:") && text.contains("policy.modelEndpoint only"),
        "{text}"
    );
    let pod = pod(&stack("modelEndpoint: http://models.ai.svc/v1", file).desired());
    let env = json!([
        {"name": "AT", "value": "http://models.ai.svc/v1"},
        {"name": "IS", "value": "ai/big"},
        {"name": "LLM_MODEL", "value": "ai/small"},
        {"name": "LLM_URL", "value": "mine"},
    ]);
    assert_eq!(field(&pod, "/env"), env);
}

#[test]
fn rights_that_a_service_has_anyway_need_no_way_to_them() {
    let stack = web(&generous(), "privileged: true\n    security_opt: [no-new-privileges]");
    let pod = pod(&stack.desired());
    assert_eq!(field(&pod, "/securityContext"), json!({"privileged": true}));
    assert_eq!(stack.codes(), ["security-option services.web.security_opt"]);
}

#[test]
fn shared_memory_of_the_node_is_not_hidden_by_ones_own() {
    let pod = pod(&web(&generous(), "ipc: host\n    shm_size: 1g\n    pid: host\n    init: true").desired());
    assert_eq!(field(&pod, "//volumes"), Value::Null);
    assert_eq!(field(&pod, "//shareProcessNamespace"), Value::Null);
}

#[test]
fn least_privilege_takes_what_a_file_does_not_ask_for() {
    let of = |service: &str| {
        let mut stack = web("privileged: true", service);
        stack.settings.least_privilege = true;
        field(&pod(&stack.desired()), "/securityContext")
    };
    let none = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(of("tty: false"), none);
    assert_eq!(of("cap_drop: [CHOWN]"), none);
    assert_eq!(of("cap_add: [NET_BIND_SERVICE]"), json!({"capabilities": {"add": ["NET_BIND_SERVICE"]}}));
    assert_eq!(of("privileged: true"), json!({"privileged": true}));
}

#[test]
fn a_policy_rolls_the_services_whose_pods_it_changes_and_no_others() {
    let inputs = |policy: &str, service: &str| web(policy, service).desired().services[0].inputs.clone();
    for (policy, other, service) in [
        ("runtimes: {kata: a}", "runtimes: {kata: b}", "runtime: kata"),
        ("devices: {/dev/kvm: a.b/c}", "devices: {/dev/kvm: a.b/d}", "devices: [/dev/kvm]"),
        ("gpuDrivers: {nvidia: a.b/c}", "{}", "gpus: all"),
        ("annotations: [a.b]", "{}", "annotations: {a.b/c: d}"),
    ] {
        assert_ne!(inputs(policy, service), inputs(other, service), "{service}");
        assert_eq!(inputs(policy, "tty: true"), inputs(other, "tty: true"), "{policy}");
    }
    assert_eq!(inputs(&generous(), "tty: true"), inputs("{}", "tty: true"));
    let mut least = web("{}", "tty: true");
    least.settings.least_privilege = true;
    assert_ne!(least.desired().services[0].inputs, inputs("{}", "tty: true"));
}

//! Keys that one attribute takes the meaning from which another one has: nothing is dropped without a word.

use compose_operator::api::NetworkPolicyMode;
use compose_operator::translate::{Key, Kind, Object};
use serde_json::{Value, json};

use crate::support::{Stack, manifest};

/// A stack whose administrator allows what the cases ask for.
fn stack(text: &str) -> Stack {
    let mut stack = Stack::of(text).with_file("text.txt", "x").with_file("some.env", "A=1");
    let policy =
        "{hostPorts: [1-65535], nfs: [server], podOverlay: true, serviceAccounts: ['*'], runtimes: {kata: kata}, privileged: true}";
    stack.settings.policy = serde_yaml::from_str(policy).unwrap();
    stack
}

/// Codes and paths of what is said of a stack that is not refused.
#[track_caller]
fn told(text: &str) -> Vec<String> {
    let stack = stack(text);
    stack.desired();
    stack.codes()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

fn object(stack: &Stack, kind: Kind, name: &str) -> Value {
    serde_json::to_value(&stack.desired().objects[&Key::new(kind, name)]).unwrap()
}

#[test]
fn a_guest_decides_nothing_of_the_pod() {
    for (key, value) in [
        ("kind", "StatefulSet"),
        ("hpa", "{max: 3}"),
        ("pdb", "true"),
        ("serviceAccountName", "a"),
        ("automountToken", "true"),
        ("priorityClassName", "high"),
        ("tolerations", "[{operator: Exists}]"),
        ("nodeSelector", "{a: b}"),
        ("topologySpread", "[{topologyKey: zone}]"),
        ("runtimeClassName", "kata"),
        ("hostUsers", "false"),
        ("fsGroup", "1"),
        ("ndots", "1"),
        ("podOverlay", "{spec: {priority: 1}}"),
    ] {
        for join in ["network_mode", "ipc", "pid"] {
            let text = format!("services: {{db: {{image: x}}, web: {{image: y, {join}: 'service:db', x-kubernetes: {{{key}: {value}}}}}}}");
            check(&text, &[&format!("shared-pod services.web.x-kubernetes.{key}")]);
        }
        // What is said of all services is said of the pod's own.
        check(
            &format!("services: {{db: {{image: x}}, web: {{image: y, network_mode: 'service:db'}}}}\nx-kubernetes: {{{key}: {value}}}"),
            &[],
        );
    }
}

#[test]
fn what_a_guest_adds_to_the_pod_is_added() {
    let text = "services: {db: {image: x, x-kubernetes: {podLabels: {a: db}}}, web: {image: y, ports: ['80'], network_mode: 'service:db', \
                x-kubernetes: {podLabels: {a: web, b: web}, imagePullSecrets: [mine], runAsUser: 5}}}";
    let stack = stack(text);
    let template = object(&stack, Kind::Deployment, "db")["spec"]["template"].clone();
    assert_eq!((&template["metadata"]["labels"]["a"], &template["metadata"]["labels"]["b"]), (&json!("db"), &json!("web")));
    assert_eq!(template["spec"]["imagePullSecrets"], json!([{ "name": "mine" }]));
    assert_eq!(template["spec"]["securityContext"]["sysctls"][0]["name"], "net.ipv4.ip_unprivileged_port_start");
}

#[test]
fn a_guest_cannot_leave_a_sandbox_that_its_host_is_not_in() {
    let stack = stack("services: {db: {image: x}, web: {image: y, runtime: kata, network_mode: 'service:db'}}");
    assert!(stack.translate().0.is_none());
    assert_eq!(stack.codes(), ["shared-pod services.web.runtime"]);
}

#[test]
fn ports_that_are_not_published_leave_by_no_way() {
    let port = |of_port: &str, says: &str| {
        format!("services: {{web: {{image: x, ports: [{{target: 80, published: '8080', {of_port}, x-kubernetes: {{{says}}}}}]}}}}")
    };
    let at = "services.web.ports[0].x-kubernetes";
    for of_port in ["mode: host", "host_ip: 127.0.0.1"] {
        for (says, key) in [
            ("expose: loadBalancer", "expose"),
            ("nodePort: 30001", "nodePort"),
            ("loadBalancerClass: x", "loadBalancerClass"),
            ("externalTrafficPolicy: Local", "externalTrafficPolicy"),
        ] {
            check(&port(of_port, says), &[&format!("no-effect {at}.{key}")]);
        }
    }
    check(&port("mode: host", "expose: none"), &[&format!("no-effect {at}.expose")]);
    check(&port("protocol: tcp", "expose: none, nodePort: 30001"), &[&format!("no-effect {at}.nodePort")]);
    check(&port("host_ip: 127.0.0.1", "sourceRanges: [10.0.0.0/8]"), &[&format!("no-effect {at}.sourceRanges")]);
    let open = stack(&port("mode: host", "sourceRanges: [10.0.0.0/8]"));
    assert!(open.translate().0.is_none(), "a port of the node is open to all");
}

#[test]
fn what_runs_to_its_end_or_by_name_is_not_rolled() {
    let update =
        |service: &str, update: &str| format!("services: {{web: {{image: x, {service}, deploy: {{update_config: {{{update}}}}}}}}}");
    check(&update("restart: 'no'", "parallelism: 2"), &["no-effect services.web.deploy.update_config"]);
    check(&update("x-kubernetes: {schedule: '@daily'}", "order: stop-first"), &["no-effect services.web.deploy.update_config"]);
    let stateful = "x-kubernetes: {kind: StatefulSet}";
    check(&update(stateful, "order: start-first"), &["no-effect services.web.deploy.update_config.order"]);
    check(&update(stateful, "parallelism: 2"), &["no-effect services.web.deploy.update_config.parallelism"]);
    check(&update(stateful, "parallelism: 1, order: stop-first"), &[]);
}

#[test]
fn a_global_service_starts_new_pods_first_where_it_says_so() {
    let strategy = |update: &str| {
        let text = format!("services: {{web: {{image: x, deploy: {{mode: global, update_config: {{{update}}}}}}}}}");
        object(&stack(&text), Kind::DaemonSet, "web")["spec"]["updateStrategy"]["rollingUpdate"].clone()
    };
    assert_eq!(strategy("parallelism: 2"), json!({ "maxSurge": 0, "maxUnavailable": 2 }));
    assert_eq!(strategy("order: start-first, parallelism: 2"), json!({ "maxSurge": 2, "maxUnavailable": 0 }));
    check(
        "services: {web: {image: x, ports: [{target: 80, mode: host}], deploy: {mode: global, update_config: {order: start-first}}}}",
        &["no-effect services.web.deploy.update_config.order"],
    );
}

#[test]
fn attempts_are_counted_where_failures_are() {
    let policy = |policy: &str| format!("services: {{web: {{image: x, deploy: {{restart_policy: {{{policy}}}}}}}}}");
    let told = ["no-effect services.web.deploy.restart_policy.max_attempts"];
    check(&policy("condition: any, max_attempts: 3"), &told);
    check(&policy("max_attempts: 3"), &told);
    check(&policy("condition: on-failure, max_attempts: 3"), &[]);
}

#[test]
fn a_service_that_is_somewhere_else_has_no_pods_to_speak_of() {
    check(
        "services: {db: {image: postgres, command: run, environment: {A: b}, volumes: ['data:/x'], deploy: {labels: {a: b}}, restart: always, \
         depends_on: [web], container_name: the-db, x-kubernetes: {external: db.example.com, names: [sql], runAsUser: 5, podLabels: {a: b}}}, web: {image: x}}\n\
         volumes: {data: }\nx-kubernetes: {priorityClassName: high}",
        &[
            "no-effect services.db.image",
            "no-effect services.db.command",
            "no-effect services.db.environment",
            "no-effect services.db.volumes",
            "no-effect services.db.deploy",
            "no-effect services.db.restart",
            "no-effect services.db.depends_on",
            "no-effect services.db.x-kubernetes.runAsUser",
            "no-effect services.db.x-kubernetes.podLabels",
        ],
    );
}

#[test]
fn what_is_for_schedules_needs_one() {
    check(
        "services: {web: {image: x, x-kubernetes: {concurrencyPolicy: Forbid, backoffLimit: 1}}}",
        &["no-effect services.web.x-kubernetes.concurrencyPolicy", "no-effect services.web.x-kubernetes.backoffLimit"],
    );
    check("services: {web: {image: x, x-kubernetes: {schedule: '@daily', concurrencyPolicy: Forbid, backoffLimit: 1}}}", &[]);
    check("services: {web: {image: x}}\nx-kubernetes: {concurrencyPolicy: Forbid}", &[]);
}

#[test]
fn what_is_for_claims_needs_one() {
    let volume = |options: &str, more: &str| {
        format!("services: {{web: {{image: x, volumes: ['data:/d:ro']}}}}\nvolumes: {{data: {{driver_opts: {{{options}}}, {more}}}}}")
    };
    for options in ["type: tmpfs, device: tmpfs", "type: none, o: bind, device: ./text.txt", "type: nfs, o: addr=server, device: ':/x'"] {
        check(&volume(options, "x-kubernetes: {size: 5Gi}"), &["no-effect volumes.data.x-kubernetes"]);
        check(&volume(options, "labels: {a: b}"), &["no-effect volumes.data.labels"]);
        check(&volume(&format!("{options}, size: 5g"), ""), &["no-effect volumes.data.driver_opts.size"]);
    }
    check(&volume("device: ./x", ""), &["driver-option volumes.data.driver_opts.device"]);
}

#[test]
fn a_volume_in_memory_has_the_mode_and_owner_of_its_options() {
    let text = "services: {web: {image: x, volumes: ['data:/d']}}\n\
                volumes: {data: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=5m,mode=0700,uid=7,nosuid,noatime'}}}";
    let stack = stack(text);
    let pod = object(&stack, Kind::Deployment, "web")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["volumes"][0]["emptyDir"], json!({ "medium": "Memory", "sizeLimit": "5242880" }));
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["subPath"], "data");
    let helper = &pod["initContainers"][0];
    assert_eq!(helper["args"][2], "--directory=700:/.compose-operator/volumes/volume-data/data");
    assert_eq!(helper["securityContext"]["runAsUser"], 7);
    assert_eq!(stack.codes(), ["tmpfs-option volumes.data.driver_opts.o"]);
}

#[test]
fn configs_and_secrets_say_nothing_of_what_is_not_theirs() {
    let config = |declaration: &str| format!("services: {{web: {{image: x, configs: [c]}}}}\nconfigs: {{c: {{{declaration}}}}}");
    check(&config("content: a, x-kubernetes: {key: k}"), &["no-effect configs.c.x-kubernetes.key"]);
    check(&config("external: true, name: c, x-kubernetes: {immutable: false}"), &["no-effect configs.c.x-kubernetes.immutable"]);
    check(&config("external: true, name: c, labels: {a: b}"), &["no-effect configs.c.labels"]);
    let stack = stack(&config("content: a, name: official"));
    let maps: Vec<String> =
        stack.desired().objects.values().filter(|object| matches!(object, Object::ConfigMap(_))).map(manifest).collect();
    assert!(maps[0].contains("compose-operator.dev/content-name: official"), "{}", maps[0]);
}

#[test]
fn without_policies_nothing_is_shut() {
    let mut stack = stack(
        "services: {web: {image: x, networks: [n, m]}, job: {image: x, network_mode: none}}\n\
         networks: {n: {internal: true}, m: {x-kubernetes: {egress: [10.0.0.0/8], allowFrom: [other]}}}",
    );
    assert_eq!(stack.codes(), [""; 0]);
    stack.settings.network_policy = NetworkPolicyMode::Disabled;
    assert_eq!(
        stack.codes(),
        [
            "no-effect networks.n.internal",
            "no-effect networks.m.x-kubernetes.egress",
            "no-effect networks.m.x-kubernetes.allowFrom",
            "no-effect services.job.network_mode"
        ]
    );
}

#[test]
fn a_network_bound_to_the_loopback_address_publishes_nothing() {
    let text = "services: {web: {image: x, networks: [n], ports: ['8080:80', '0.0.0.0:8081:81']}}\n\
                networks: {n: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}}";
    let stack = stack(text);
    let ports = object(&stack, Kind::Service, "web--published")["spec"]["ports"].clone();
    assert_eq!(ports.as_array().unwrap().iter().map(|port| port["port"].clone()).collect::<Vec<_>>(), [8081]);
    assert!(stack.codes().contains(&"loopback-network services.web.ports".to_owned()), "{:?}", stack.codes());
    let policy = object(&stack, Kind::NetworkPolicy, "web--published")["spec"]["ingress"][0]["ports"].clone();
    assert_eq!(policy, json!([{ "port": 81, "protocol": "TCP" }]));
}

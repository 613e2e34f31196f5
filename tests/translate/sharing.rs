//! Services that share a pod: `network_mode: service:x` and the like.

use compose_operator::translate::{Desired, Key, Kind, Lifetime, Object, ServicePlan};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};

use crate::support::{Stack, render};

const VPN: &str = "
services:
  vpn:
    image: example/vpn:1
    ports: ['8080:8080']
    hostname: gate
    networks: [front]
    healthcheck: {test: [CMD, 'true']}
    tmpfs: /scratch
    deploy: {replicas: 2}
  app:
    image: example/app:1
    network_mode: service:vpn
    expose: [9000]
    volumes: ['data:/data']
    tmpfs: /scratch
    stop_grace_period: 1m
    depends_on: {db: {condition: service_healthy}}
  db: {image: 'postgres:16', networks: [front], healthcheck: {test: pg_isready}}
  web: {image: 'nginx:1', networks: [front], depends_on: [app]}
networks: {front: }
volumes: {data: }
";

fn template(desired: &Desired, service: &str) -> PodTemplateSpec {
    match &desired.objects[&desired.service(service).unwrap().workload] {
        Object::Deployment(o) => o.spec.clone().unwrap().template,
        Object::DaemonSet(o) => o.spec.clone().unwrap().template,
        Object::Job(o) => o.spec.clone().unwrap().template,
        other => panic!("{} is no workload", other.key()),
    }
}

fn pod(desired: &Desired, service: &str) -> PodSpec {
    template(desired, service).spec.unwrap()
}

fn selector(desired: &Desired, name: &str) -> String {
    let Object::Service(service) = &desired.objects[&compose_operator::translate::Key::new(Kind::Service, name)] else {
        panic!("no Service")
    };
    service.spec.clone().unwrap().selector.unwrap()["compose-operator.dev/service"].clone()
}

fn ports(desired: &Desired, name: &str) -> Vec<i32> {
    let Object::Service(service) = &desired.objects[&compose_operator::translate::Key::new(Kind::Service, name)] else {
        panic!("no Service")
    };
    service.spec.clone().unwrap().ports.unwrap_or_default().iter().map(|port| port.port).collect()
}

#[test]
fn a_guest_is_a_container_of_its_hosts_pod() {
    let desired = Stack::of(VPN).desired();
    let (vpn, app) = (desired.service("vpn").unwrap(), desired.service("app").unwrap());
    assert_eq!((&app.workload, &app.inputs, &*app.pod, &*app.container), (&vpn.workload, &vpn.inputs, "vpn", "app"));
    assert_eq!((&vpn.mates, &app.mates), (&vec!["app".to_owned()], &vec!["vpn".to_owned()]));
    assert!(app.is_guest() && !vpn.is_guest());
    assert_eq!((vpn.replicas, app.replicas), (2, 2));
    let workloads = desired.objects.keys().filter(|key| key.kind.is_workload()).map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(workloads, ["Deployment db", "Deployment vpn", "Deployment web"]);
    let pod = pod(&desired, "vpn");
    let names: Vec<_> = pod.containers.iter().map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["vpn", "app"]);
    assert_eq!(pod.termination_grace_period_seconds, Some(63), "the slowest of them decides");
    assert_eq!(pod.hostname.as_deref(), Some("gate"));
}

#[test]
fn each_container_has_its_own_probe_and_its_own_scratch() {
    let pod = pod(&Stack::of(VPN).desired(), "vpn");
    let [vpn, app] = &pod.containers[..] else { panic!("two containers") };
    assert!(vpn.readiness_probe.is_some() && app.readiness_probe.is_none());
    let scratch = |container: &k8s_openapi::api::core::v1::Container| {
        container.volume_mounts.clone().unwrap().into_iter().find(|mount| mount.mount_path == "/scratch").unwrap().name
    };
    assert_ne!(scratch(vpn), scratch(app), "nothing is shared that Compose doesn't share");
}

#[test]
fn names_and_ports_of_guests_lead_to_the_hosts_pod() {
    let desired = Stack::of(VPN).desired();
    assert_eq!((selector(&desired, "app").as_str(), selector(&desired, "vpn--published").as_str()), ("vpn", "vpn"));
    assert_eq!(ports(&desired, "vpn"), [8080, 9000], "what listens in the pod answers under the name of its network");
    assert_eq!(ports(&desired, "app"), [9000]);
    let labels = template(&desired, "vpn").metadata.unwrap().labels.unwrap();
    assert!(labels.contains_key("compose-operator.dev/net.front"));
}

#[test]
fn a_pod_waits_for_what_any_of_its_services_waits_for() {
    let desired = Stack::of(VPN).desired();
    let gates = |name: &str| desired.service(name).unwrap().gates.iter().map(|gate| gate.service.clone()).collect::<Vec<_>>();
    assert_eq!((gates("vpn"), gates("app"), gates("web")), (vec!["db".to_owned()], vec![], vec!["app".to_owned()]));
}

#[test]
fn a_pod_is_replaced_when_any_of_its_services_changes() {
    let inputs = |text: &str| Stack::of(text).desired().service("vpn").unwrap().inputs.clone();
    let base = inputs(VPN);
    assert_ne!(inputs(&VPN.replace("example/app:1", "example/app:2")), base);
    assert_ne!(inputs(&VPN.replace("example/vpn:1", "example/vpn:2")), base);
    assert_eq!(inputs(&VPN.replace("replicas: 2", "replicas: 3")), base);
    let mut stack = Stack::of(VPN);
    stack.settings.services.entry("app".to_owned()).or_default().restarted_at = Some("2026-01-01T00:00:00Z".to_owned());
    assert_ne!(stack.desired().service("vpn").unwrap().inputs, base, "a restart of a guest restarts the pod");
    assert_eq!(
        template(&stack.desired(), "vpn").metadata.unwrap().annotations.unwrap()["compose-operator.dev/restarted-at"],
        "2026-01-01T00:00:00Z"
    );
}

#[test]
fn a_guest_that_is_stopped_leaves_the_pod_and_a_host_takes_it_along() {
    let mut stack = Stack::of(VPN);
    stack.settings.services.entry("app".to_owned()).or_default().stopped = true;
    let desired = stack.desired();
    let state = |desired: &Desired, name: &str| {
        let ServicePlan { stopped, replicas, .. } = desired.service(name).unwrap();
        (*stopped, *replicas)
    };
    assert_eq!((state(&desired, "vpn"), state(&desired, "app")), ((false, 2), (true, 0)));
    assert_eq!(pod(&desired, "vpn").containers.len(), 1);
    let mut stack = Stack::of(VPN);
    stack.settings.services.entry("vpn".to_owned()).or_default().stopped = true;
    let desired = stack.desired();
    assert_eq!((state(&desired, "vpn"), state(&desired, "app")), ((true, 0), (true, 0)));
    assert_eq!(desired.service("vpn").unwrap().inputs, Stack::of(VPN).desired().service("vpn").unwrap().inputs);
}

#[test]
fn memory_and_processes_are_shared_where_the_file_says_so() {
    let text =
        "services: {db: {image: x, shm_size: 1g}, tool: {image: y, ipc: 'service:db'}, trace: {image: z, pid: 'service:db', shm_size: 2g}}";
    let desired = Stack::of(text).desired();
    let pod = pod(&desired, "db");
    assert_eq!(pod.share_process_namespace, Some(true));
    let shm = |name: &str| {
        let container = pod.containers.iter().find(|container| container.name == name).unwrap();
        container.volume_mounts.as_ref().unwrap().iter().find(|mount| mount.mount_path == "/dev/shm").unwrap().name.clone()
    };
    assert_eq!(shm("db"), shm("tool"));
    assert_ne!(shm("db"), shm("trace"));
}

#[test]
fn a_container_of_the_stack_is_joined_by_its_name() {
    let text = "services: {db: {image: x, container_name: main_db}, tool: {image: y, network_mode: 'container:main_db'}}";
    assert_eq!(Stack::of(text).desired().service("tool").unwrap().pod, "db");
}

#[track_caller]
fn check(tool: &str, expected: &str) {
    let stack = Stack::of(&format!(
        "services:\n  db: {{image: x, restart: always, expose: [80]}}\n  once: {{image: x, restart: 'no'}}\n  tool: {{image: y, {tool}}}\n  more: {{image: z}}\nnetworks: {{n: }}\n"
    ));
    assert!(stack.codes().iter().any(|code| code == expected), "{:?}", stack.codes());
}

#[test]
fn what_one_pod_can_not_hold_is_refused() {
    check("network_mode: 'container:elsewhere'", "shared-pod services.tool.network_mode");
    check("network_mode: 'service:tool'", "dependency-cycle services.tool.depends_on");
    check("network_mode: 'service:db', ipc: 'service:more'", "shared-pod services.tool.ipc");
    check("network_mode: 'service:db', expose: [80]", "port-clash services.tool.ports");
    check("network_mode: 'service:db', restart: 'no'", "shared-pod services.tool.restart");
    check("network_mode: 'service:once', restart: always", "shared-pod services.tool.restart");
    check("network_mode: 'service:db', deploy: {mode: global}", "shared-pod services.tool.deploy.mode");
    check("ipc: 'service:db', networks: [n]", "shared-pod services.tool.networks");
    check("network_mode: 'service:db', container_name: db", "name-collision services.tool.container_name");
    let chain = Stack::of("services: {a: {image: x}, b: {image: x, network_mode: 'service:a'}, c: {image: x, network_mode: 'service:b'}}");
    assert!(chain.codes().contains(&"shared-pod services.c.network_mode".to_owned()), "{:?}", chain.codes());
}

#[test]
fn what_the_host_decides_is_told_of_the_guest() {
    check("network_mode: 'service:db', scale: 3", "shared-pod services.tool.deploy.replicas");
    check("network_mode: 'service:db', hostname: tool", "shared-pod services.tool.hostname");
    check("network_mode: 'service:db', depends_on: {db: {condition: service_healthy}}", "shared-pod services.tool.depends_on.db");
    check("network_mode: 'service:db', restart: 'on-failure:3'", "shared-pod services.tool.restart");
}

#[test]
fn services_of_one_pod_that_wait_for_each_other_through_another_are_refused() {
    let text = "services: {a: {image: x, depends_on: [z]}, b: {image: x, network_mode: 'container:box'}, box: {image: x, container_name: box, depends_on: [z]}, z: {image: x, depends_on: [b]}}";
    let stack = Stack::of(text);
    let codes = stack.codes();
    assert_eq!(codes, ["dependency-cycle services.z.depends_on"]);
    assert!(render(&stack).contains("z -> b (in the pod of box) -> z"), "{}", render(&stack));
}

#[test]
fn a_signal_finds_its_process_where_a_pod_shares_them() {
    let text = "services: {db: {image: x, stop_signal: SIGINT}, tool: {image: y, pid: 'service:db'}}";
    let pod = pod(&Stack::of(text).desired(), "db");
    let script = serde_json::to_value(&pod.containers[0].lifecycle).unwrap()["preStop"]["exec"]["command"][2].as_str().unwrap().to_owned();
    assert!(script.contains("/ns/mnt") && script.contains("kill -INT $p"), "{script}");
}

#[test]
fn jobs_share_a_pod_and_a_restart_policy() {
    let desired = Stack::of("services: {a: {image: x, restart: 'no'}, b: {image: y, restart: 'no', network_mode: 'service:a'}}").desired();
    assert_eq!(desired.service("b").unwrap().kind(), Kind::Job);
    assert_eq!(pod(&desired, "a").containers.len(), 2);
}

#[test]
fn a_guest_that_runs_once_leaves_its_host_running() {
    let text = "services:
  web: {image: x, restart: always, expose: [80], ports: ['8080:80']}
  seed: {image: y, network_mode: 'service:web', RESTART}
  after: {image: z, depends_on: {seed: {condition: service_completed_successfully}}}
";
    for (restart, policy) in [("restart: 'no'", "Never"), ("restart: on-failure", "OnFailure"), ("tty: true", "Never")] {
        let stack = Stack::of(&text.replace("RESTART", restart));
        assert!(stack.codes().contains(&"shared-pod services.seed.restart".to_owned()), "{restart}");
        let desired = stack.desired();
        let seed = desired.service("seed").unwrap();
        assert_eq!((seed.kind(), seed.lifetime), (Kind::Deployment, Lifetime::Once), "{restart}");
        assert_eq!(desired.service("web").unwrap().lifetime, Lifetime::Forever);
        let Object::Deployment(web) = &desired.objects[&seed.workload] else { panic!("no Deployment") };
        let spec = web.spec.clone().unwrap();
        assert_eq!(spec.strategy.unwrap().type_.as_deref(), Some("Recreate"), "the old pod is never made room for otherwise");
        let containers = spec.template.spec.unwrap().containers;
        let policies: Vec<_> = containers.iter().map(|c| (c.name.as_str(), c.restart_policy.as_deref())).collect();
        assert_eq!(policies, [("web", None), ("seed", Some(policy))], "{restart}");
        for name in ["web", "web--published"] {
            let Object::Service(service) = &desired.objects[&Key::new(Kind::Service, name)] else { panic!("no Service {name}") };
            assert_eq!(service.spec.as_ref().unwrap().publish_not_ready_addresses, Some(true), "{name}");
        }
    }
}

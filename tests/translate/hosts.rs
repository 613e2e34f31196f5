//! Hosts files: which names stand in those of which services, and what they lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use compose_operator::translate::{Desired, Key, Kind, Object};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use proptest::prelude::*;

use crate::support::Stack;

fn template(desired: &Desired, service: &str) -> PodTemplateSpec {
    match &desired.objects[&desired.service(service).unwrap().workload] {
        Object::Deployment(object) => object.spec.clone().unwrap().template,
        other => panic!("{} is no Deployment", other.key()),
    }
}

fn pod(desired: &Desired, service: &str) -> PodSpec {
    template(desired, service).spec.unwrap()
}

fn writer(pod: &PodSpec) -> Option<&Container> {
    pod.init_containers.iter().flatten().find(|container| container.name.ends_with("--hosts"))
}

/// What the helper writes into a service's hosts file: `name service`, `name -` for the pod itself, `name address`.
fn lines(desired: &Desired, service: &str) -> Vec<String> {
    let pod = pod(desired, service);
    let args = writer(&pod).map(|container| container.args.clone().unwrap()).unwrap_or_default();
    let line = |arg: &String| {
        let (flag, value) = arg.split_once('=')?;
        match flag {
            "--name" => value.rsplit_once('=').map(|(name, service)| format!("{name} {service}")),
            "--own-name" => Some(format!("{value} -")),
            "--line" => value.split_once('=').map(|(address, name)| format!("{name} {address}")),
            _ => None,
        }
    };
    args.iter().filter_map(line).collect()
}

#[track_caller]
fn check(text: &str, service: &str, expected: &[&str]) {
    let stack = Stack::of(text);
    assert_eq!(lines(&stack.desired(), service), expected, "{service} of {text}");
}

#[test]
fn names_that_dns_cannot_carry_stand_in_the_hosts_files_of_all_who_share_a_network() {
    let text = "services: {my_db: {image: mysql, container_name: the.db}, web: {image: x}, far: {image: y, networks: [n]}, off: {image: z, network_mode: none}}\nnetworks: {n: }";
    check(text, "web", &["my_db my-db", "the.db my-db"]);
    check(text, "my_db", &["my_db -", "the.db -"]);
    check(text, "far", &[]);
    check(text, "off", &[]);
}

#[test]
fn aliases_of_a_network_stand_in_the_hosts_files_of_its_members_alone() {
    let text = "services: {db: {image: mysql, networks: {n: {aliases: [sql]}, m: }}, web: {image: y, networks: [n]}, other: {image: z, networks: [m]}}\nnetworks: {n: , m: }";
    check(text, "web", &["sql db"]);
    check(text, "db", &["sql -"]);
    check(text, "other", &[]);
}

#[test]
fn links_stand_in_the_hosts_files_of_those_who_link() {
    let text = "services: {a: {image: mysql}, b: {image: mysql}, web: {image: y, links: ['a:db']}, api: {image: z, links: ['b:db', 'a:sql']}, other: {image: z}}";
    check(text, "web", &["db a"]);
    check(text, "api", &["db b", "sql a"]);
    check(text, "other", &[]);
}

#[test]
fn a_name_that_a_service_has_leads_to_all_that_have_it() {
    let text = "services: {a: {image: mysql, container_name: db}, db: {image: mysql}, web: {image: x}}";
    check(text, "web", &["db a", "db db"]);
    check(text, "db", &["db -", "db a"]);
    let text = "services: {a: {image: mysql, networks: {default: {aliases: [the_pool]}}}, b: {image: mysql, networks: {default: {aliases: [The_Pool]}}}, web: {image: x}}";
    check(text, "web", &["The_Pool a", "The_Pool b", "the_pool a", "the_pool b"]);
}

#[test]
fn a_virtual_address_stands_behind_every_line() {
    let text = "services: {my_db: {image: nobody/knows, deploy: {endpoint_mode: dnsrr}}, web: {image: x}}";
    let stack = Stack::of(text);
    let desired = stack.desired();
    let service = |name: &str| match &desired.objects[&Key::new(Kind::Service, name)] {
        Object::Service(service) => service.spec.clone().unwrap(),
        other => panic!("{}", other.key()),
    };
    assert_eq!(service("my-db").cluster_ip, None);
    assert_eq!(service("my-db").ports.unwrap()[0].port, 1);
    assert_eq!(service("web").cluster_ip.as_deref(), Some("None"), "nothing leads to it");
    assert_eq!(stack.codes(), ["one-address services.my_db.deploy.endpoint_mode", "no-known-port services.my_db"]);
}

#[test]
fn extra_hosts_that_kubernetes_does_not_take_are_lines_and_win() {
    let text = "services: {my_db: {image: mysql}, web: {image: x, extra_hosts: ['my_db=1.2.3.4', 'Upper=[::1]', 'plain=5.6.7.8']}}";
    check(text, "web", &["my_db 1.2.3.4", "Upper ::1"]);
    let aliases = pod(&Stack::of(text).desired(), "web").host_aliases.unwrap();
    assert_eq!(aliases.iter().map(|alias| alias.ip.as_str()).collect::<Vec<_>>(), ["5.6.7.8"]);
}

#[test]
fn a_stack_that_needs_none_has_no_hosts_file() {
    check("services: {web: {image: x, container_name: box, hostname: h, links: [db]}, db: {image: mysql}}", "web", &[]);
    let pod = pod(&Stack::of("services: {web: {image: x}}").desired(), "web");
    assert_eq!((pod.init_containers, pod.volumes), (None, None));
}

#[test]
fn a_mounted_hosts_file_is_left_as_it_is() {
    let stack = Stack::of("services: {my_db: {image: memcached}, web: {image: x, volumes: ['./hosts:/etc/hosts:ro']}}")
        .with_file("hosts", "1.2.3.4 a");
    assert_eq!(lines(&stack.desired(), "web"), [""; 0]);
    assert_eq!(stack.codes(), ["hosts-file services.web"]);
}

#[test]
fn containers_of_one_pod_have_one_hosts_file() {
    let text = |volumes: &str| {
        format!("services: {{my_db: {{image: mysql}}, web: {{image: x{volumes}}}, side: {{image: y, network_mode: 'service:web'}}}}")
    };
    let containers = |stack: Stack| {
        let pod = pod(&stack.desired(), "web");
        let writers = pod.init_containers.iter().flatten().filter(|init| init.name.ends_with("--hosts")).count();
        let mounts = |container: &Container| {
            container.volume_mounts.iter().flatten().find(|mount| mount.mount_path == "/etc/hosts").map(|mount| mount.name.clone())
        };
        (writers, pod.containers.iter().map(mounts).collect::<Vec<_>>())
    };
    let shared = Some("helper--hosts".to_owned());
    assert_eq!(containers(Stack::of(&text(""))), (1, vec![shared.clone(), shared.clone()]));
    let own = Stack::of(&text(", volumes: ['./hosts:/etc/hosts:ro']")).with_file("hosts", "1.2.3.4 a");
    assert_eq!(containers(own), (1, vec![Some("file-hosts".to_owned()), shared]), "whoever needs it has it written");
}

#[test]
fn the_hosts_file_is_mounted_over_the_kubelets_and_nothing_needs_a_right() {
    let pod = pod(&Stack::of("services: {my_db: {image: mysql}, web: {image: x}}").desired(), "web");
    let mount = &pod.containers[0].volume_mounts.as_ref().unwrap()[0];
    assert_eq!((mount.mount_path.as_str(), mount.sub_path.as_deref(), mount.read_only), ("/etc/hosts", Some("hosts"), None));
    let writer = writer(&pod).unwrap();
    let security = writer.security_context.clone().unwrap();
    assert_eq!((security.run_as_non_root, security.allow_privilege_escalation), (Some(true), Some(false)));
    assert_eq!(security.capabilities.unwrap().drop, Some(vec!["ALL".to_owned()]));
    assert_eq!(writer.resources, pod.containers[0].resources);
}

/// A service of a drawn project.
#[derive(Clone, Debug, Default)]
struct Drawn {
    networks: BTreeSet<usize>,
    /// By network.
    aliases: Vec<(usize, String)>,
    container: Option<String>,
    hostname: Option<String>,
    /// Index of the service that is linked, and the alias.
    links: Vec<(usize, String)>,
}

const KEYS: [&str; 5] = ["db", "my_db", "web", "x.y", "API"];
const NETWORKS: [&str; 3] = ["default", "front", "back"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["sql", "SQL", "my_sql", "db", "web", "pool", "a.b", "-x", "my_db"]).prop_map(str::to_owned)
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let networks = prop::collection::btree_set(0..NETWORKS.len(), 1..3);
    let hostname = prop::option::of(prop::sample::select(vec!["box", "web", "h.example"]).prop_map(str::to_owned));
    let container = prop::option::of(prop::sample::select(vec!["one", "two_2", "db", "The.Box"]).prop_map(str::to_owned));
    let aliases = prop::collection::vec((0..NETWORKS.len(), name()), 0..3);
    let links = prop::collection::vec((0..KEYS.len(), name()), 0..2);
    (networks, aliases, container, hostname, links).prop_map(|(networks, mut aliases, container, hostname, links)| {
        aliases.retain(|(network, _)| networks.contains(network));
        Drawn { networks, aliases, container, hostname, links }
    })
}

/// The text of a project, and what Compose resolves in it: by user and name in lower case, the services that it leads to.
fn project(services: &[Drawn]) -> (String, BTreeMap<(usize, String), BTreeSet<usize>>) {
    let mut text = "services:\n".to_owned();
    let mut resolved: BTreeMap<(usize, String), BTreeSet<usize>> = BTreeMap::new();
    let mut give = |user: usize, name: &str, target: usize| {
        resolved.entry((user, name.to_ascii_lowercase())).or_default().insert(target);
    };
    for (index, service) in services.iter().enumerate() {
        let networks: Vec<String> = service
            .networks
            .iter()
            .map(|network| {
                let aliases: Vec<_> =
                    service.aliases.iter().filter(|(other, _)| other == network).map(|(_, alias)| format!("'{alias}'")).collect();
                format!("{}: {{aliases: [{}]}}", NETWORKS[*network], aliases.join(", "))
            })
            .collect();
        let _ = writeln!(text, "  {}:\n    image: mysql\n    networks: {{{}}}", KEYS[index], networks.join(", "));
        text += &service.container.as_ref().map_or_else(String::new, |name| format!("    container_name: {name}\n"));
        text += &service.hostname.as_ref().map_or_else(String::new, |name| format!("    hostname: {name}\n"));
        let links: Vec<_> = service.links.iter().filter(|(target, _)| *target < index).collect();
        if !links.is_empty() {
            let links: Vec<_> = links.iter().map(|(target, alias)| format!("'{}:{alias}'", KEYS[*target])).collect();
            let _ = writeln!(text, "    links: [{}]", links.join(", "));
        }
        for (target, alias) in service.links.iter().filter(|(target, _)| *target < index) {
            give(index, alias, *target);
        }
        for (user, other) in services.iter().enumerate() {
            let shared: Vec<usize> = service.networks.intersection(&other.networks).copied().collect();
            if !shared.is_empty() {
                for name in std::iter::once(KEYS[index]).chain(service.container.as_deref()).chain(service.hostname.as_deref()) {
                    give(user, name, index);
                }
            }
            for (_, alias) in service.aliases.iter().filter(|(network, _)| shared.contains(network)) {
                give(user, alias, index);
            }
        }
    }
    text += "networks: {front: , back: }\n";
    (text, resolved)
}

/// The services that DNS leads a name to, by their pods' labels.
fn of_dns(desired: &Desired, name: &str, count: usize) -> BTreeSet<usize> {
    let Some(Object::Service(service)) = desired.objects.get(&Key::new(Kind::Service, name)) else { return BTreeSet::new() };
    let selector = service.spec.clone().unwrap().selector.unwrap();
    let selects = |index: &usize| {
        let labels = template(desired, KEYS[*index]).metadata.unwrap().labels.unwrap();
        selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    (0..count).filter(selects).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_name_leads_where_it_does_in_compose_and_hosts_files_hold_only_what_dns_cannot_say(
        services in prop::collection::vec(drawn(), 2..=KEYS.len())
    ) {
        let mut taken = BTreeSet::new();
        let mut services = services;
        for service in &mut services {
            service.container = service.container.take().filter(|name| taken.insert(name.clone()));
        }
        let (text, resolved) = project(&services);
        let stack = Stack::of(&text);
        let desired = stack.desired();
        for (user, key) in KEYS.iter().copied().enumerate().take(services.len()) {
            let mut written: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
            for line in lines(&desired, key) {
                let (name, target) = line.split_once(' ').unwrap();
                let target = if target == "-" {
                    user
                } else {
                    (0..services.len()).find(|index| desired.service(KEYS[*index]).unwrap().object_name == target).unwrap()
                };
                written.entry(name.to_ascii_lowercase()).or_default().insert(target);
            }
            for (name, targets) in resolved.iter().filter(|((other, _), _)| *other == user).map(|((_, name), targets)| (name, targets)) {
                let dns = of_dns(&desired, name, services.len());
                let found = written.remove(name);
                prop_assert_eq!(found.is_some(), dns != *targets, "{} in {}: DNS says {:?}\n{}", name, key, dns, &text);
                if let Some(found) = found {
                    prop_assert_eq!(&found, targets, "{} in {}\n{}", name, key, &text);
                }
            }
            prop_assert!(written.is_empty(), "names that Compose doesn't resolve in {}: {:?}\n{}", key, written, &text);
        }
    }
}

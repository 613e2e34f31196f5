//! The table of who reaches whom, for random projects: worked out from the policies and the pods' labels, and held against what Compose says.

use std::fmt::Write as _;

use compose_operator::api::NetworkPolicyMode;
use proptest::prelude::*;

use crate::networks::Cluster;
use crate::support::Stack;

/// `sealed` is internal, `meet` is another stack's.
const NETWORKS: [&str; 5] = ["default", "front", "back", "sealed", "meet"];
const DEFAULT: u8 = 1;
const SEALED: u8 = 8;
const MEET: u8 = 16;

/// A service as it is drawn: the networks that it is on, a bit each; no bit is `network_mode: none`.
#[derive(Clone, Debug)]
struct Drawn {
    networks: u8,
    /// Publishes port 80.
    published: bool,
    /// Has a guest, which shares its pod and publishes port 81.
    guest: bool,
}

fn services() -> impl Strategy<Value = Vec<Drawn>> {
    let service = (0_u8..32, any::<bool>(), any::<bool>());
    prop::collection::vec(service.prop_map(|(networks, published, guest)| Drawn { networks, published, guest }), 2..6)
}

fn stack(services: &[Drawn]) -> Stack {
    let mut text = "services:\n".to_owned();
    for (index, service) in services.iter().enumerate() {
        let names: Vec<_> =
            NETWORKS.iter().enumerate().filter(|(bit, _)| service.networks >> bit & 1 == 1).map(|(_, name)| *name).collect();
        let networks = if names.is_empty() { "network_mode: none".to_owned() } else { format!("networks: [{}]", names.join(", ")) };
        let ports = if service.published { ", ports: ['8080:80']" } else { "" };
        let _ = writeln!(text, "  s{index}: {{image: x, {networks}{ports}}}");
        if service.guest {
            let _ = writeln!(text, "  g{index}: {{image: y, network_mode: 'service:s{index}', ports: ['8081:81']}}");
        }
    }
    text += "networks: {front: , back: , sealed: {internal: true}, meet: {external: true}}\n";
    Stack::of(&text)
}

/// Another stack of the namespace: one service on the network that it offers, one on its own default network.
fn neighbour() -> Stack {
    let text = "services: {there: {image: x, networks: [offered]}, alone: {image: x}}\nnetworks: {offered: {name: meet}}";
    Stack { name: "other".to_owned(), ..Stack::of(text) }
}

/// What Compose says: a pod by its networks (those of `other` have bits of their own), and whether a port of it is published.
#[derive(Clone, Debug)]
struct Pod {
    name: String,
    networks: u8,
    declared_only_default: bool,
    published: Vec<i32>,
}

const OTHERS_DEFAULT: u8 = 32;

fn pods(services: &[Drawn]) -> Vec<Pod> {
    let own = services.iter().enumerate().map(|(index, service)| {
        let published = [(service.published, 80), (service.guest, 81)];
        Pod {
            name: format!("app/s{index}"),
            networks: service.networks,
            declared_only_default: service.networks == DEFAULT,
            published: published.into_iter().filter(|(is, _)| *is).map(|(_, port)| port).collect(),
        }
    });
    let there = Pod { name: "other/there".to_owned(), networks: MEET, declared_only_default: false, published: Vec::new() };
    let alone = Pod { name: "other/alone".to_owned(), networks: OTHERS_DEFAULT, declared_only_default: true, published: Vec::new() };
    own.chain([there, alone]).collect()
}

/// Whether a pod gets out of its networks: not where all of them are internal, nor where it has none.
fn gets_out(pod: &Pod) -> bool {
    pod.networks & !SEALED != 0
}

fn reaches(mode: NetworkPolicyMode, from: &Pod, to: &Pod, port: i32) -> bool {
    if from.networks == 0 || to.networks == 0 {
        return false;
    }
    if from.networks & to.networks != 0 {
        return true;
    }
    // Services of the default network alone are open to all, where the file's own networks are all that is isolated.
    let open = mode == NetworkPolicyMode::Declared && to.declared_only_default;
    gets_out(from) && (open || to.published.contains(&port))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_reaches_whom_is_what_the_networks_say(services in services()) {
        let (mut stack, mut other) = (stack(&services), neighbour());
        for mode in [NetworkPolicyMode::Isolated, NetworkPolicyMode::Declared] {
            (stack.settings.network_policy, other.settings.network_policy) = (mode, mode);
            let cluster = Cluster::of(&[&stack.desired(), &other.desired()]);
            let pods = pods(&services);
            for from in &pods {
                for to in pods.iter().filter(|to| to.name != from.name) {
                    for port in [9, 80, 81] {
                        let (found, expected) = (cluster.reaches(&from.name, &to.name, port), reaches(mode, from, to, port));
                        prop_assert_eq!(found, expected, "{:?}: {:?} > {:?} on {}", mode, from, to, port);
                    }
                }
                prop_assert_eq!(cluster.leaves(&from.name), gets_out(from), "{:?}: {:?}", mode, from);
            }
        }
    }
}

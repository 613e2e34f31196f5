//! Who reaches whom, worked out from the policies and the pods' labels as a network plugin would.

use std::collections::BTreeMap;

use compose_operator::api::NetworkPolicyMode;
use compose_operator::translate::{Desired, Object};
use k8s_openapi::api::networking::v1::{NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::support::Stack;

type Labels = BTreeMap<String, String>;

pub struct Cluster {
    pub policies: Vec<NetworkPolicySpec>,
    pods: BTreeMap<String, Labels>,
}

impl Cluster {
    pub fn of(desired: &[&Desired]) -> Self {
        let mut cluster = Self { policies: Vec::new(), pods: BTreeMap::new() };
        for object in desired.iter().flat_map(|desired| desired.objects.values()) {
            match object {
                Object::NetworkPolicy(policy) => cluster.policies.push(policy.spec.clone().unwrap()),
                Object::Deployment(deployment) => {
                    let labels = deployment.spec.clone().unwrap().template.metadata.unwrap().labels.unwrap();
                    let name = format!("{}/{}", labels["compose-operator.dev/stack"], deployment.metadata.name.clone().unwrap());
                    cluster.pods.insert(name, labels);
                }
                _ => {}
            }
        }
        cluster
    }

    pub fn reaches(&self, from: &str, to: &str, port: i32) -> bool {
        let (from, to) = (&self.pods[from], &self.pods[to]);
        let ingress: Vec<_> = self.applying("Ingress", to).collect();
        let admitted = ingress.iter().flat_map(|policy| policy.ingress.iter().flatten()).any(|rule| {
            rule.from.as_ref().is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, from))) && has_port(rule.ports.as_ref(), port)
        });
        let egress: Vec<_> = self.applying("Egress", from).collect();
        let let_out = egress.iter().flat_map(|policy| policy.egress.iter().flatten()).any(|rule| {
            rule.to.as_ref().is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, to))) && has_port(rule.ports.as_ref(), port)
        });
        (ingress.is_empty() || admitted) && (egress.is_empty() || let_out)
    }

    pub fn leaves(&self, from: &str) -> bool {
        self.applying("Egress", &self.pods[from]).next().is_none()
    }

    fn applying<'a>(&'a self, direction: &'static str, pod: &'a Labels) -> impl Iterator<Item = &'a NetworkPolicySpec> {
        self.policies.iter().filter(move |policy| {
            policy.policy_types.iter().flatten().any(|kind| kind == direction) && selects(policy.pod_selector.as_ref().unwrap(), pod)
        })
    }
}

fn is_peer(peer: &NetworkPolicyPeer, pod: &Labels) -> bool {
    peer.ip_block.is_none()
        && peer.namespace_selector.is_none()
        && peer.pod_selector.as_ref().is_some_and(|selector| selects(selector, pod))
}

fn has_port(ports: Option<&Vec<NetworkPolicyPort>>, wanted: i32) -> bool {
    ports.is_none_or(|ports| ports.iter().any(|port| port.port == Some(IntOrString::Int(wanted))))
}

fn selects(selector: &LabelSelector, pod: &Labels) -> bool {
    let labels = selector.match_labels.iter().flatten().all(|(key, value)| pod.get(key) == Some(value));
    let expressions = selector.match_expressions.iter().flatten().all(|expression| {
        assert_eq!(expression.operator, "In");
        pod.get(&expression.key).is_some_and(|value| expression.values.as_ref().unwrap().contains(value))
    });
    labels && expressions
}

/// The pairs (from > to) that reach each other on a port that nobody publishes.
fn table(stack: &Stack) -> Vec<String> {
    let cluster = Cluster::of(&[&stack.desired()]);
    let names: Vec<&String> = cluster.pods.keys().collect();
    let mut pairs = Vec::new();
    for from in &names {
        for to in names.iter().filter(|to| *to != from) {
            if cluster.reaches(from, to, 9) {
                pairs.push(format!("{} > {}", from.trim_start_matches("app/"), to.trim_start_matches("app/")));
            }
        }
    }
    pairs
}

const FRONT_BACK: &str = "services:\n  proxy: {image: x, networks: [front], ports: ['8080:80']}\n  app: {image: x, networks: [front, back]}\n  db: {image: postgres, networks: [back]}\nnetworks: {front: , back: }\n";

#[test]
fn services_reach_each_other_where_they_share_a_network() {
    assert_eq!(table(&Stack::of(FRONT_BACK)), ["app > db", "app > proxy", "db > app", "proxy > app"]);
}

#[test]
fn published_ports_are_open_to_all_and_the_others_are_not() {
    let cluster = Cluster::of(&[&Stack::of(FRONT_BACK).desired()]);
    assert!(cluster.reaches("app/db", "app/proxy", 80));
    assert!(!cluster.reaches("app/db", "app/proxy", 8080), "the port outside is no port of the pod");
    assert!(!cluster.reaches("app/proxy", "app/db", 5432));
}

#[test]
fn the_default_network_stays_open_unless_it_is_to_be_isolated() {
    let text = "services: {a: {image: x}, b: {image: x}}";
    let mut stack = Stack::of(text);
    assert!(Cluster::of(&[&stack.desired()]).policies.is_empty());
    stack.settings.network_policy = NetworkPolicyMode::Isolated;
    assert_eq!(table(&stack), ["a > b", "b > a"]);
    let other = Stack { name: "other".to_owned(), ..Stack::of("services: {c: {image: x}}") };
    let cluster = Cluster::of(&[&stack.desired(), &other.desired()]);
    assert!(!cluster.reaches("other/c", "app/a", 9));
}

#[test]
fn a_member_of_two_networks_is_still_reached_from_the_default_one() {
    let text = "services: {a: {image: x}, b: {image: x, networks: [default, back]}, c: {image: x, networks: [back]}}\nnetworks: {back: }";
    // `a` is on the default network alone: it is open, as `Declared` says, also to `c`.
    assert_eq!(table(&Stack::of(text)), ["a > b", "b > a", "b > c", "c > a", "c > b"]);
    let mut isolated = Stack::of(text);
    isolated.settings.network_policy = NetworkPolicyMode::Isolated;
    assert_eq!(table(&isolated), ["a > b", "b > a", "b > c", "c > b"]);
    isolated.settings.network_policy = NetworkPolicyMode::Disabled;
    assert!(Cluster::of(&[&isolated.desired()]).policies.is_empty());
}

#[test]
fn services_on_internal_networks_alone_do_not_get_out() {
    let text = "services: {a: {image: x, networks: [in]}, b: {image: x, networks: [in, out]}, c: {image: x, networks: [out]}}\nnetworks: {in: {internal: true}, out: }";
    let stack = Stack::of(text);
    assert_eq!(table(&stack), ["a > b", "b > a", "b > c", "c > b"]);
    let cluster = Cluster::of(&[&stack.desired()]);
    assert_eq!(["a", "b", "c"].map(|name| cluster.leaves(&format!("app/{name}"))), [false, true, true]);
    let text = crate::support::render(&stack);
    assert!(text.contains("k8s-app: kube-dns") && text.contains("169.254.20.10/32"), "DNS always answers: {text}");
}

#[test]
fn a_service_without_network_is_closed_both_ways_and_has_no_name() {
    let stack = Stack::of("services: {a: {image: x, network_mode: none}, b: {image: x}}");
    assert_eq!(table(&stack), [] as [&str; 0]);
    let keys: Vec<String> = stack.desired().objects.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["NetworkPolicy a--none", "Service b", "Deployment a", "Deployment b"]);
}

#[test]
fn stacks_meet_on_external_networks_by_name() {
    let owner = Stack::of("services: {a: {image: x, networks: [n]}, x: {image: x, networks: [m]}}\nnetworks: {n: {name: meet}, m: }");
    let guest = Stack {
        name: "guest".to_owned(),
        ..Stack::of("services: {b: {image: x, networks: [theirs]}}\nnetworks: {theirs: {external: true, name: meet}}")
    };
    let (owner, guest) = (owner.desired(), guest.desired());
    assert_eq!(owner.networks["meet"], "n");
    assert!(guest.networks.is_empty());
    assert_eq!(guest.services[0].externals[0].path, "networks.theirs");
    let cluster = Cluster::of(&[&owner, &guest]);
    assert!(cluster.reaches("app/a", "guest/b", 9) && cluster.reaches("guest/b", "app/a", 9));
    assert!(!cluster.reaches("guest/b", "app/x", 9));
}

#[test]
fn a_static_address_is_dropped_unless_somebody_dials_it() {
    let text = |url: &str| {
        format!(
            "services: {{db: {{image: x, networks: {{n: {{ipv4_address: 10.5.0.5}}}}}}, web: {{image: y, networks: [n], environment: {{DB: '{url}'}}}}}}\nnetworks: {{n: {{ipam: {{config: [{{subnet: 10.5.0.0/16}}]}}}}}}"
        )
    };
    let path = "services.db.networks.n.ipv4_address";
    for url in ["db:1", "10.5.0.55:1", "110.5.0.5"] {
        let stack = Stack::of(&text(url));
        assert!(stack.translate().0.is_some(), "{url}");
        assert!(stack.codes().contains(&format!("no-effect {path}")), "{:?}", stack.codes());
    }
    let stack = Stack::of(&text("tcp://10.5.0.5:5432"));
    assert!(stack.translate().0.is_none());
    assert!(stack.codes().contains(&format!("static-address {path}")), "{:?}", stack.codes());
}

#[test]
fn networks_of_one_label_are_refused_by_both_names() {
    let stack = Stack::of("services: {a: {image: x, networks: [n_1, n-1]}}\nnetworks: {n_1: , n-1: }");
    assert!(stack.codes().contains(&"name-collision networks.n-1".to_owned()), "{:?}", stack.codes());
}

//! Networks → NetworkPolicies.
//!
//! A policy isolates whatever it selects, and several add up. So each network has one that selects its members and admits its members; the
//! published ports have one that admits everybody; a service on internal networks only has one that keeps it inside. Services of the default
//! network alone stay open unless the stack asks for `Isolated`, so that nobody is locked out by surprise.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value as Json, json};

use crate::api::{NetworkPolicyMode, keys};
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::hash;
use super::kubernetes;
use super::labels;
use super::names::{self, ObjectName};
use super::object::Object;
use super::object::StringMap;
use super::objects::{Objects, metadata, selector, service_labels, stack_labels, stack_selector};
use super::port::{Protocol, is_of_node};
use super::project::{DEFAULT_NETWORK, engine_network, networks_of, service_path};
use super::report::Report;
use super::service;
use super::stack::Stack;
use super::steps;

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
const DNS_PORTS: [i32; 2] = [53, 5353];

/// Makes every policy of the stack.
pub fn policies(stack: &Stack, objects: &mut Objects, report: &mut Report) {
    check_names(stack, report);
    if stack.settings.network_policy == NetworkPolicyMode::Disabled {
        return tell_what_stays_open(stack, report);
    }
    for (network, _) in stack.project.networks.iter().filter(|(_, declared)| engine_network(declared).is_none()) {
        of_network(stack, network, objects, report);
    }
    for (key, service, name) in stack.services().filter(|(key, ..)| stack.runs_here(key)) {
        of_service(stack, key, service, name, objects, report);
    }
}

/// What is to be shut and stays open where there are no policies.
fn tell_what_stays_open(stack: &Stack, report: &mut Report) {
    const OFF: &str = "has no effect: network policies are switched off for this stack";
    for (network, declared) in &stack.project.networks {
        let path = Path::of(&["networks", network]);
        let extension = stack.extensions.network(network);
        for (written, path) in [
            (declared.internal, path.key("internal")),
            (!extension.egress.is_empty(), path.key(kubernetes::KEY).key("egress")),
            (!extension.allow_from.is_empty(), path.key(kubernetes::KEY).key("allowFrom")),
        ] {
            if written {
                report.warn("no-effect", &path, OFF);
            }
        }
    }
    for (key, service, _) in stack.services().filter(|(_, service, _)| stack.is_without_network(service)) {
        if service.network_mode.as_deref() == Some("none") {
            report.warn("no-effect", &service_path(key).key("network_mode"), OFF);
        }
    }
}

/// Two networks with one label would be one network.
fn check_names(stack: &Stack, report: &mut Report) {
    let mut takers: BTreeMap<String, &str> = BTreeMap::new();
    for (network, declared) in &stack.project.networks {
        let path = Path::of(&["networks", network]);
        if engine_network(declared) == Some("host") && !stack.settings.policy.host_network {
            let at = if declared.external { path.clone() } else { path.key("driver") };
            report.forbidden("host-namespace", &at, "is the node's own network", "hostNetwork");
        }
        match names::network_label(network) {
            None => report.refuse("illegal-name", &path, format!("{network:?} holds no letter or digit that a label could be made of")),
            Some(label) => {
                if let Some(other) = takers.insert(label, network) {
                    report.refuse("name-collision", &path, format!("becomes the same label as networks.{other}"));
                }
            }
        }
    }
}

fn of_network(stack: &Stack, network: &str, objects: &mut Objects, report: &mut Report) {
    let path = Path::of(&["networks", network]);
    let hosts = stack.members(network).filter(|key| stack.host(key) == *key && stack.runs_here(key));
    let members: Vec<_> = hosts.filter_map(|key| stack.service(key)).collect();
    let mut chosen = None;
    let selected = if isolates(stack, network) {
        if members.is_empty() {
            return;
        }
        member_selector(stack, network)
    } else {
        // Members of this network alone stay open; those that another network isolates must still be reached by their peers here.
        let fenced = |service: &Service| networks_of(service).into_iter().any(|other| isolates(stack, other));
        let services: Vec<String> = members.iter().filter(|(_, service, _)| fenced(service)).map(|(.., name)| name.to_string()).collect();
        if services.is_empty() {
            return;
        }
        only(stack, Option::insert(&mut chosen, services).clone())
    };
    let Some(name) = ObjectName::of_network(&stack.project.name, network) else { return };
    let allow_from = stack.extensions.network(network).allow_from;
    let admitted = peers(stack, network).into_iter().chain(allow_from.iter().map(|namespace| of_namespace(namespace))).collect();
    let spec = NetworkPolicySpec {
        pod_selector: Some(selected),
        policy_types: Some(vec!["Ingress".to_owned()]),
        ingress: Some(vec![NetworkPolicyIngressRule { from: Some(admitted), ports: None }]),
        egress: None,
    };
    let annotations = stack
        .project
        .networks
        .get(network)
        .map(|declared| labels::as_annotations(&declared.labels, &stack.settings.policy, &path.key("labels"), report))
        .unwrap_or_default();
    let mut intent = json!({ "network": network, "name": engine_name(stack, network), "only": chosen, "annotations": &annotations });
    if !allow_from.is_empty() {
        intent["allowFrom"] = json!(allow_from);
    }
    tell_guests(stack, network, &mut intent);
    add(&name, (stack_labels(stack), annotations), spec, &intent, &path, objects, report);
}

fn of_service(stack: &Stack, key: &str, service: &Service, name: &ObjectName, objects: &mut Objects, report: &mut Report) {
    let path = service_path(key);
    let labels = service_labels(stack, key, name);
    let pod_name = stack.pod_name(key).unwrap_or(name);
    let pods = || LabelSelector { match_labels: Some(selector(stack, pod_name)), match_expressions: None };
    // What runs before them must not get farther than they do.
    let before = steps::runs_once(stack, stack.host(key)).then(|| pod_name.before());
    let confined = || match &before {
        Some(before) => only(stack, vec![pod_name.to_string(), before.to_string()]),
        None => pods(),
    };
    if stack.is_without_network(service) {
        let types = Some(vec!["Ingress".to_owned(), "Egress".to_owned()]);
        let spec = NetworkPolicySpec { pod_selector: Some(confined()), policy_types: types, ingress: None, egress: None };
        let intent = if before.is_some() { json!({ "none": key, "before": true }) } else { json!({ "none": key }) };
        add(&name.closed(), (labels, StringMap::new()), spec, &intent, &path.key("network_mode"), objects, report);
        return;
    }
    let networks = stack.networks(key);
    let published = service::published(stack, key, service);
    let mut ports: Vec<_> = published.iter().map(|published| (published.port.target, published.protocol)).collect();
    let of_node = service.ports.iter().filter(|port| is_of_node(port));
    ports.extend(of_node.filter_map(|port| Some((port.target, Protocol::parse(&port.protocol)?))));
    if !ports.is_empty() && networks.iter().any(|network| isolates(stack, network)) {
        ports.sort_unstable();
        ports.dedup();
        let intent = json!({ "published": stack.host(key), "ports": ports.iter().map(|(port, protocol)| format!("{port}/{}", protocol.lower())).collect::<Vec<_>>() });
        let ports = ports.into_iter().map(|(port, protocol)| policy_port(i32::from(port), protocol.as_str())).collect();
        let spec = NetworkPolicySpec {
            pod_selector: Some(pods()),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule { from: None, ports: Some(ports) }]),
            egress: None,
        };
        add(&name.published(), (labels.clone(), StringMap::new()), spec, &intent, &path.key("ports"), objects, report);
    }
    let is_internal = |network: &str| stack.project.networks.get(network).is_some_and(|declared| declared.internal);
    let outside: Vec<String> = networks.iter().flat_map(|network| stack.extensions.network(network).egress).collect();
    // A network that names what may be reached outside lets nothing else be reached.
    let internal = |network: &str| is_internal(network) || !stack.extensions.network(network).egress.is_empty();
    if networks.is_empty() || !networks.iter().all(|network| internal(network)) || stack.host(key) != key {
        return;
    }
    if !published.is_empty() && networks.iter().all(|network| is_internal(network)) {
        report.warn(
            "published-on-internal",
            &path.key("ports"),
            "Docker publishes nothing of a service that is on internal networks alone; here its ports are open",
        );
    }
    let addresses = outside
        .iter()
        .map(|cidr| NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.clone(), except: None }), ..NetworkPolicyPeer::default() });
    let inside = networks.iter().flat_map(|network| peers(stack, network)).chain(addresses).collect();
    let spec = NetworkPolicySpec {
        pod_selector: Some(confined()),
        policy_types: Some(vec!["Egress".to_owned()]),
        ingress: None,
        egress: Some(vec![NetworkPolicyEgressRule { to: Some(inside), ports: None }, to_dns(stack)]),
    };
    let dns = &stack.settings.dns;
    let mut intent = json!({
        "inside": networks.iter().map(|network| (network, engine_name(stack, network))).collect::<Vec<_>>(),
        "dns": [json!(dns.namespace), json!(dns.pod_labels), json!(dns.cidrs)],
    });
    if before.is_some() {
        intent["before"] = json!(true);
    }
    if !outside.is_empty() {
        intent["outside"] = json!(outside);
    }
    for network in &networks {
        tell_guests(stack, network, &mut intent);
    }
    add(&name.internal(), (labels, StringMap::new()), spec, &intent, &path.key("networks"), objects, report);
}

/// Whether a network's policy selects all of its members.
fn isolates(stack: &Stack, network: &str) -> bool {
    let declared = network != DEFAULT_NETWORK || stack.settings.network_policy == NetworkPolicyMode::Isolated;
    declared && !stack.extensions.network(network).open
}

/// Every pod of a namespace.
fn of_namespace(name: &str) -> NetworkPolicyPeer {
    let labels = StringMap::from([(NAMESPACE_NAME.to_owned(), name.to_owned())]);
    let selector = LabelSelector { match_labels: Some(labels), match_expressions: None };
    NetworkPolicyPeer { namespace_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

/// Puts into a policy's inputs which other namespaces' pods may join, where any may.
fn tell_guests(stack: &Stack, network: &str, intent: &mut Json) {
    let namespaces = &stack.settings.policy.external_networks;
    if !namespaces.is_empty()
        && engine_name(stack, network).is_some()
        && let Some(intent) = intent.as_object_mut()
    {
        intent.insert("namespaces".to_owned(), json!(namespaces));
    }
}

/// The members of a network: the stack's own by its key, those of other stacks by its engine-wide name, in the namespace and in those that the
/// administrator's policy names.
fn peers(stack: &Stack, network: &str) -> Vec<NetworkPolicyPeer> {
    let own = NetworkPolicyPeer { pod_selector: Some(member_selector(stack, network)), ..NetworkPolicyPeer::default() };
    let Some(name) = engine_name(stack, network) else { return vec![own] };
    let labels = StringMap::from([(names::network_name_label(name), "true".to_owned())]);
    let selector = LabelSelector { match_labels: Some(labels), match_expressions: None };
    let by_name = NetworkPolicyPeer { pod_selector: Some(selector), ..NetworkPolicyPeer::default() };
    let namespaces = &stack.settings.policy.external_networks;
    let guests = (!namespaces.is_empty())
        .then(|| NetworkPolicyPeer { namespace_selector: Some(in_namespaces(namespaces.iter().cloned().collect())), ..by_name.clone() });
    [own, by_name].into_iter().chain(guests).collect()
}

fn in_namespaces(names: Vec<String>) -> LabelSelector {
    let requirement = LabelSelectorRequirement { key: NAMESPACE_NAME.to_owned(), operator: "In".to_owned(), values: Some(names) };
    LabelSelector { match_labels: None, match_expressions: Some(vec![requirement]) }
}

fn member_selector(stack: &Stack, network: &str) -> LabelSelector {
    let mut labels = stack_selector(stack);
    labels.extend(names::network_label(network).map(|label| (label, "true".to_owned())));
    LabelSelector { match_labels: Some(labels), match_expressions: None }
}

fn only(stack: &Stack, mut services: Vec<String>) -> LabelSelector {
    services.sort();
    let requirement = LabelSelectorRequirement { key: keys::SERVICE.to_owned(), operator: "In".to_owned(), values: Some(services) };
    LabelSelector { match_labels: Some(stack_selector(stack)), match_expressions: Some(vec![requirement]) }
}

/// The cluster's DNS pods, wherever node-local DNS listens, on the ports that either uses.
fn to_dns(stack: &Stack) -> NetworkPolicyEgressRule {
    let dns = &stack.settings.dns;
    let namespace = StringMap::from([(NAMESPACE_NAME.to_owned(), dns.namespace.clone())]);
    let pods = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector { match_labels: Some(namespace), match_expressions: None }),
        pod_selector: Some(LabelSelector { match_labels: Some(dns.pod_labels.clone()), match_expressions: None }),
        ip_block: None,
    };
    let addresses = dns
        .cidrs
        .iter()
        .map(|cidr| NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.clone(), except: None }), ..NetworkPolicyPeer::default() });
    let ports = DNS_PORTS.into_iter().flat_map(|port| ["UDP", "TCP"].map(|protocol| policy_port(port, protocol)));
    NetworkPolicyEgressRule { to: Some(std::iter::once(pods).chain(addresses).collect()), ports: Some(ports.collect()) }
}

fn policy_port(port: i32, protocol: &str) -> NetworkPolicyPort {
    NetworkPolicyPort { port: Some(IntOrString::Int(port)), protocol: Some(protocol.to_owned()), end_port: None }
}

fn engine_name<'a>(stack: &Stack<'a>, network: &str) -> Option<&'a str> {
    stack.project.networks.get(network).map(|declared| declared.name.as_str()).filter(|name| !name.is_empty())
}

fn add(
    name: &ObjectName,
    (labels, annotations): (StringMap, StringMap),
    spec: NetworkPolicySpec,
    intent: &Json,
    path: &Path,
    objects: &mut Objects,
    report: &mut Report,
) {
    let policy = NetworkPolicy { metadata: metadata(name, labels, annotations, hash::of_json(intent)), spec: Some(spec) };
    objects.add(Object::NetworkPolicy(Box::new(policy)), path, report);
}

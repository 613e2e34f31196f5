//! Services: one that carries a service's name, further ones for its aliases, and one for its published ports.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use k8s_openapi::api::core::v1::{Service as KubeService, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value as Json, json};

use crate::api::PublishMode;
use crate::compose::model::{EndpointMode, HealthcheckTest, Port, Service};
use crate::compose::path::Path;

use super::aliases::Aliases;
use super::expose::Ports;
use super::hash;
use super::kubernetes::{Expose, KEY, PortExtension, Shape as NameShape};
use super::labels;
use super::names::{self, ObjectName};
use super::object::Object;
use super::object::StringMap;
use super::objects::{Objects, metadata, selector, service_labels, stack_labels, stack_selector};
use super::once;
use super::port::{Listen, Protocol, is_of_node};
use super::project::service_path;
use super::report::Report;
use super::stack::{Stack, wants_ipv6};

/// Option of networks: the address of the host that ports without one are bound to.
const HOST_BINDING: &str = "com.docker.network.bridge.host_binding_ipv4";

/// Node ports that a cluster gives out by default.
const NODE_PORTS: RangeInclusive<u16> = 30_000..=32_767;

/// Ports that one service may publish, or that its virtual address forwards.
const MAX_PORTS: usize = 256;
pub const PREFER_DUAL_STACK: &str = "PreferDualStack";

/// Makes every Service of the stack.
pub fn services(stack: &Stack, ports: &Ports, aliases: &Aliases, objects: &mut Objects, report: &mut Report) {
    for (key, service, name) in stack.services().filter(|(key, ..)| stack.has_network(key)) {
        let path = service_path(key);
        if let Some(host) = &stack.extension(key).external {
            let user = labels::of_deploy(service, &stack.settings.policy, &path, report);
            let labels = user.labels.into_iter().chain(service_labels(stack, key, name)).collect();
            objects.add(outside(name, labels, user.annotations, host), &path, report);
            continue;
        }
        let mut shape = Shape::of(stack, key, service, ports.get(key), report);
        if aliases.addressed.contains(key) {
            shape.fix_address(&path, report);
        } else if shape.ports.len() > MAX_PORTS {
            let message =
                format!("more than {MAX_PORTS} ports: the name answers with the addresses of the pods, which reach every port but change");
            report.warn("too-many-ports", &path.key("expose"), message);
        }
        let user = labels::of_deploy(service, &stack.settings.policy, &path, report);
        let mut intent = json!({ "service": key, "labels": &user.labels, "annotations": &user.annotations });
        if stack.host(key) != key {
            intent["host"] = json!(stack.host(key));
        }
        let labels = user.labels.into_iter().chain(service_labels(stack, key, name)).collect();
        let service = shape.service(name, labels, user.annotations, selector(stack, stack.pod_name(key).unwrap_or(name)), &intent);
        objects.add(Object::Service(Box::new(service)), &path, report);
    }
    for alias in &aliases.services {
        let targets: Vec<_> =
            alias.targets.iter().filter_map(|key| stack.service(key)).filter(|(key, ..)| stack.has_network(key)).collect();
        if let Some((key, name, host)) =
            targets.iter().find_map(|(key, _, name)| Some((*key, *name, stack.extension(key).external.as_ref()?)))
        {
            if targets.len() > 1 {
                let message = format!("{key} is somewhere else (x-kubernetes.external), which no other service can share a name with");
                report.refuse("conflict", &alias.path, message);
            }
            objects.add(outside(&alias.name, service_labels(stack, key, name), StringMap::new(), host), &alias.path, report);
            continue;
        }
        let shape = Shape {
            ports: targets.iter().filter_map(|(key, ..)| ports.get(key)).flatten().copied().collect(),
            headless: targets.iter().any(|(key, service, _)| is_headless(stack, key, service)),
            not_ready: targets.iter().any(|(key, service, _)| asks_itself(service) || once::ends_in_part(stack, key)),
            dual_stack: targets.iter().any(|(key, ..)| wants_ipv6(stack, key)),
        };
        let (labels, selector) = match targets.as_slice() {
            [] => continue,
            [(key, _, name)] => (service_labels(stack, key, name), selector(stack, stack.pod_name(key).unwrap_or(name))),
            _ => {
                let mut shared = stack_selector(stack);
                shared.insert(names::alias_label(alias.name.as_str()), "true".to_owned());
                (stack_labels(stack), shared)
            }
        };
        let service = shape.service(&alias.name, labels, StringMap::new(), selector, &json!({ "alias": hosted(stack, &alias.targets) }));
        objects.add(Object::Service(Box::new(service)), &alias.path, report);
    }
}

/// Services, each with the service whose pods it shares.
fn hosted(stack: &Stack, targets: &[&str]) -> Vec<String> {
    let spelled = |key: &&str| if stack.host(key) == *key { (*key).to_owned() } else { format!("{key}@{}", stack.host(key)) };
    targets.iter().map(spelled).collect()
}

/// What decides the form of a Service that carries a name.
struct Shape {
    ports: BTreeSet<Listen>,
    /// Asked for by `endpoint_mode: dnsrr`.
    headless: bool,
    /// Pods that aren't ready stay in it.
    not_ready: bool,
    dual_stack: bool,
}

impl Shape {
    fn of(stack: &Stack, key: &str, service: &Service, ports: Option<&BTreeSet<Listen>>, report: &mut Report) -> Self {
        let ports = ports.cloned().unwrap_or_default();
        if stack.extension(key).shape == Some(NameShape::ClusterIp) && ports.is_empty() {
            let path = service_path(key).key(super::kubernetes::KEY).key("service");
            report.refuse("no-port", &path, "a virtual address forwards ports that are known; name them in `expose` or x-kubernetes.ports");
        }
        let not_ready = asks_itself(service) || once::ends_in_part(stack, key);
        Self { ports, headless: is_headless(stack, key, service), not_ready, dual_stack: wants_ipv6(stack, key) }
    }

    /// Makes it a Service with an address of its own, which lines of hosts files can hold.
    fn fix_address(&mut self, path: &Path, report: &mut Report) {
        if self.headless {
            let message = "has names that stand in hosts files, and so one address for all its pods";
            report.warn("one-address", &path.key("deploy").key("endpoint_mode"), message);
            self.headless = false;
        }
        if self.ports.is_empty() {
            let message = "has names that stand in hosts files, but no port of it is known: its address forwards only what `expose` lists";
            report.warn("no-known-port", path, message);
            self.ports.insert(Listen { port: 1, protocol: Protocol::Tcp });
        }
        if self.ports.len() > MAX_PORTS {
            report.warn("too-many-ports", &path.key("expose"), format!("only the first {MAX_PORTS} ports are forwarded by its address"));
            self.ports = std::mem::take(&mut self.ports).into_iter().take(MAX_PORTS).collect();
        }
    }

    /// `intent`: what else user and admin determine of it.
    fn service(&self, name: &ObjectName, labels: StringMap, annotations: StringMap, selector: StringMap, intent: &Json) -> KubeService {
        let headless = self.headless || self.ports.is_empty() || self.ports.len() > MAX_PORTS;
        let listed: Vec<String> = self.ports.iter().map(|listen| format!("{}/{}", listen.port, listen.protocol.lower())).collect();
        let inputs = hash::of_json(&json!({
            "of": intent, "headless": headless, "ports": if headless { Vec::new() } else { listed }, "notReady": self.not_ready,
            "dualStack": self.dual_stack,
        }));
        let ports = self.ports.iter().map(|listen| ServicePort {
            name: Some(port_name(*listen)),
            port: i32::from(listen.port),
            target_port: Some(IntOrString::Int(i32::from(listen.port))),
            protocol: Some(listen.protocol.as_str().to_owned()),
            ..ServicePort::default()
        });
        let spec = ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: headless.then(|| "None".to_owned()),
            ports: if headless { None } else { Some(ports.collect()) },
            // The API server drops a `false`: a rendering with it would never be what stands there.
            publish_not_ready_addresses: (headless || self.not_ready).then_some(true),
            ip_family_policy: self.dual_stack.then(|| PREFER_DUAL_STACK.to_owned()),
            selector: Some(selector),
            ..ServiceSpec::default()
        };
        KubeService { metadata: metadata(name, labels, annotations, inputs), spec: Some(spec), ..KubeService::default() }
    }
}

/// `p-53-udp`: one number may stand for two protocols.
fn port_name(listen: Listen) -> String {
    format!("p-{}-{}", listen.port, listen.protocol.lower())
}

/// The name of something that runs somewhere else.
fn outside(name: &ObjectName, labels: StringMap, annotations: StringMap, host: &str) -> Object {
    let inputs = hash::of_json(&json!({ "external": host, "labels": &labels, "annotations": &annotations }));
    let spec = ServiceSpec { type_: Some("ExternalName".to_owned()), external_name: Some(host.to_owned()), ..ServiceSpec::default() };
    Object::Service(Box::new(KubeService {
        metadata: metadata(name, labels, annotations, inputs),
        spec: Some(spec),
        ..KubeService::default()
    }))
}

/// Whether the name is to answer with the pods' own addresses.
fn is_headless(stack: &Stack, key: &str, service: &Service) -> bool {
    match stack.extension(key).shape {
        Some(NameShape::Headless) => true,
        Some(NameShape::ClusterIp) => false,
        Some(NameShape::Auto) | None => is_round_robin(service),
    }
}

fn is_round_robin(service: &Service) -> bool {
    service.deploy.as_ref().and_then(|deploy| deploy.endpoint_mode) == Some(EndpointMode::Dnsrr)
}

/// Whether a service's own healthcheck dials it by name: it would wait for itself to be ready.
fn asks_itself(service: &Service) -> bool {
    let script = match service.healthcheck.as_ref().and_then(|check| check.test.as_ref()) {
        Some(HealthcheckTest::Command(words)) => words.join(" "),
        Some(HealthcheckTest::Shell(script)) => script.clone(),
        _ => return false,
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let names = [Some(&service.name), service.container_name.as_ref(), service.hostname.as_ref()];
    script.split(|c| !in_name(c)).any(|word| names.iter().flatten().any(|name| word.eq_ignore_ascii_case(name)))
}

/// A port that is to be reached from outside.
pub struct Published<'a> {
    /// Which of the service's ports it is.
    pub index: usize,
    pub port: &'a Port,
    pub protocol: Protocol,
    pub path: Path,
}

/// The ports that a service publishes, those bound to the loopback address aside: these are for the plugin alone.
pub fn published<'a>(stack: &Stack, key: &str, service: &'a Service) -> Vec<Published<'a>> {
    let path = service_path(key).key("ports");
    let all = service.ports.iter().enumerate();
    let shut = |index: usize| stack.extensions.port(key, index).expose == Some(Expose::None);
    let kept_inside = loopback_network(stack, key).is_some();
    let bound = |port: &Port| is_loopback(port.host_ip.as_deref()) || (kept_inside && port.host_ip.is_none());
    let outside = all.filter(|(index, port)| !is_of_node(port) && !bound(port) && !shut(*index));
    outside
        .filter_map(|(index, port)| Some(Published { index, port, protocol: Protocol::parse(&port.protocol)?, path: path.index(index) }))
        .collect()
}

/// The network of a service that binds what its members publish to the loopback address.
fn loopback_network<'a>(stack: &Stack<'a>, key: &str) -> Option<&'a str> {
    let binds = |network: &&str| {
        let declared = stack.project.networks.get(*network);
        is_loopback(declared.and_then(|declared| declared.driver_opts.get(HOST_BINDING)).map(String::as_str))
    };
    stack.networks(key).into_iter().find(binds)
}

fn is_loopback(address: Option<&str>) -> bool {
    address.is_some_and(|text| text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

/// What a port that isn't published says of how it leaves the cluster.
fn check_extension(extension: &PortExtension, port: &Port, at: &Path, report: &mut Report) {
    let why = if is_of_node(port) {
        "the port is its node's (mode: host)"
    } else if is_loopback(port.host_ip.as_deref()) {
        "the port is bound to the loopback address and not published"
    } else if extension.expose == Some(Expose::None) {
        "the port is not published"
    } else {
        return;
    };
    if is_of_node(port) && !extension.source_ranges.is_empty() {
        let message = "would be open to all: only a load balancer (expose: loadBalancer) keeps others out";
        report.refuse("no-effect", &at.key("sourceRanges"), message);
    } else if !extension.source_ranges.is_empty() {
        report.warn("no-effect", &at.key("sourceRanges"), format!("has no effect: {why}"));
    }
    let expose = extension.expose.as_ref().is_some_and(|expose| *expose != Expose::None || is_of_node(port));
    for (written, key) in [
        (expose, "expose"),
        (extension.node_port.is_some(), "nodePort"),
        (extension.load_balancer_class.is_some(), "loadBalancerClass"),
        (extension.external_traffic_policy.is_some(), "externalTrafficPolicy"),
    ] {
        if written {
            report.warn("no-effect", &at.key(key.to_owned()), format!("has no effect: {why}"));
        }
    }
}

/// Refuses ports that can't be published.
pub fn check_ports(stack: &Stack, key: &str, service: &Service, path: &Path, report: &mut Report) {
    let most = stack.settings.policy.max_ports;
    for (index, port) in service.ports.iter().enumerate() {
        let path = path.index(index);
        if port.target == 0 {
            report.refuse("port", &path.key("target"), "0 is not a port (1-65535)");
        }
        check_extension(stack.extensions.port(key, index), port, &path.key(KEY), report);
        let Some(address) = port.host_ip.as_deref() else { continue };
        match address.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            Err(_) => report.refuse("host-ip", &path.key("host_ip"), format!("{address:?} is not an IP address")),
            Ok(ip) if !ip.is_loopback() && !ip.is_unspecified() && !is_of_node(port) => {
                report.refuse(
                    "host-ip",
                    &path.key("host_ip"),
                    format!("would publish wider than asked: a cluster can't bind to {address} alone"),
                );
            }
            Ok(_) => {}
        }
    }
    if service.ports.len() > most {
        let what = format!("publishes {} ports, of at most {most}; use `network_mode: host`", service.ports.len());
        report.forbidden("too-many-ports", path, &what, "maxPorts");
    }
    if let Some(network) =
        loopback_network(stack, key).filter(|_| service.ports.iter().any(|port| port.host_ip.is_none() && !is_of_node(port)))
    {
        let message = format!("the network {network} binds ports to the loopback address ({HOST_BINDING}): they are not published");
        report.warn("loopback-network", path, message);
    }
    if !stack.has_network(key) && !service.ports.is_empty() {
        report.warn("unreachable-port", path, "a service without network (network_mode: none) can't be reached on its ports");
    }
}

/// The port of the nodes that the file asks for, where that is one.
pub fn node_port(mode: PublishMode, port: &Port, number: u16, path: &Path, report: &mut Report) -> Option<u16> {
    let written = port.published.as_deref().is_some_and(|text| !text.is_empty() && text != "0");
    if mode != PublishMode::NodePort || !written {
        return None;
    }
    if NODE_PORTS.contains(&number) {
        return Some(number);
    }
    let message = format!("{number} is no node port (30000-32767): the cluster chooses one, which the status tells");
    report.warn("node-port-chosen", path, message);
    None
}

/// The name of a published port: its own, where that is legal.
pub fn published_name(port: &Port, number: u16, protocol: Protocol) -> String {
    let own = port.name.as_deref().and_then(|name| names::label_form(name, 63));
    own.unwrap_or_else(|| port_name(Listen { port: number, protocol }))
}

/// Port names are unique within a Service, in Compose they need not be.
pub fn distinguish_names(ports: &mut [ServicePort]) {
    let mut seen = BTreeSet::new();
    for port in ports {
        let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
        let name = port.name.clone().unwrap_or_default();
        if !seen.insert(name) {
            let fallback = format!("p-{}-{protocol}", port.port);
            seen.insert(fallback.clone());
            port.name = Some(fallback);
        }
    }
}

/// A port's protocol above TCP, in Kubernetes' spelling.
pub fn app_protocol(port: &Port, path: &Path, report: &mut Report) -> Option<String> {
    let written = port.app_protocol.as_deref()?;
    match written {
        "grpc" => Some("kubernetes.io/h2c".to_owned()),
        "ws" => Some("kubernetes.io/ws".to_owned()),
        _ if names::is_label_key(written) => Some(written.to_owned()),
        _ => {
            report.warn("app-protocol", &path.key("app_protocol"), format!("{written:?} is no legal protocol name; it has no effect"));
            None
        }
    }
}

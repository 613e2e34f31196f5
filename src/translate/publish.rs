//! Published ports: the Services that lead to them from outside, an Ingress or a route, and what of it a user is told.
//!
//! Ports that say nothing of their own are in one Service, `<service>--published`, of the stack's type. Those that do are in further ones, by
//! type, so that what is said of one port moves no other.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service as KubeService, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value as Json, json};

use crate::api::{PublishMode, keys};
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::desired::Endpoint;
use super::hash;
use super::kubernetes::{Expose, GatewayRoute, IngressRule, KEY, PortExtension};
use super::names::ObjectName;
use super::object::Object;
use super::object::StringMap;
use super::objects::{Objects, metadata, selector, service_labels};
use super::once;
use super::port::{Protocol, candidates, only};
use super::project::service_path;
use super::report::Report;
use super::routes::{self, Url, Way};
use super::service::{PREFER_DUAL_STACK, Published, app_protocol, check_ports, distinguish_names, node_port, published, published_name};
use super::stack::{Stack, wants_ipv6};

/// Which of a service's Services a port is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// As the stack publishes.
    Plain,
    Balancer,
    NodePort,
    /// For what leads to it from inside the cluster.
    Cluster,
}

impl Group {
    fn of(expose: Option<&Expose>) -> Self {
        match expose {
            None | Some(Expose::None) => Self::Plain,
            Some(Expose::LoadBalancer) => Self::Balancer,
            Some(Expose::NodePort) => Self::NodePort,
            Some(Expose::ClusterIp | Expose::Ingress(_) | Expose::Gateway(_)) => Self::Cluster,
        }
    }

    fn mode(self, stack: &Stack) -> PublishMode {
        match self {
            Self::Plain => stack.settings.publish,
            Self::Balancer => PublishMode::LoadBalancer,
            Self::NodePort => PublishMode::NodePort,
            Self::Cluster => PublishMode::ClusterIp,
        }
    }

    fn name(self, service: &ObjectName) -> ObjectName {
        match self {
            Self::Plain => service.published(),
            Self::Balancer => service.balancer(),
            Self::NodePort => service.node_port(),
            Self::Cluster => service.cluster(),
        }
    }
}

/// One Service under construction.
#[derive(Default)]
struct Draft {
    ports: Vec<ServicePort>,
    intents: Vec<Json>,
    /// Targets of the numbers that the file leaves no choice about.
    fixed: BTreeMap<(u16, Protocol), u16>,
    taken: BTreeMap<(u16, Protocol), u16>,
    /// The names that the file gives ports, where those are none in Kubernetes.
    names: StringMap,
    load_balancer_class: Option<String>,
    source_ranges: Vec<String>,
    external_traffic_policy: Option<String>,
}

/// Where published ports answer.
#[derive(Default)]
pub struct Publication {
    pub endpoints: Vec<Endpoint>,
    pub urls: Vec<Url>,
}

/// Makes what leads to a service's published ports.
pub fn publish(stack: &Stack, key: &str, service: &Service, name: &ObjectName, objects: &mut Objects, report: &mut Report) -> Publication {
    let path = service_path(key).key("ports");
    let published = published(stack, key, service);
    check_ports(stack, key, service, &path, report);
    let mut drafts: BTreeMap<Group, Draft> = BTreeMap::new();
    let mut endpoints = Vec::new();
    let mut ingress: Vec<Way<IngressRule>> = Vec::new();
    let mut routes: Vec<Way<GatewayRoute>> = Vec::new();
    for one in &published {
        if let Some(number) = candidates(one.port).ok().and_then(|numbers| only(&numbers)) {
            let group = Group::of(stack.extensions.port(key, one.index).expose.as_ref());
            drafts.entry(group).or_default().fixed.insert((number, one.protocol), one.port.target);
        }
    }
    for one in &published {
        let extension = stack.extensions.port(key, one.index);
        let group = Group::of(extension.expose.as_ref());
        let draft = drafts.entry(group).or_default();
        let Some(number) = add(stack, group, draft, one, extension, report) else { continue };
        let port = i32::from(number);
        let at = one.path.key(KEY).key("expose");
        match &extension.expose {
            Some(Expose::Ingress(rule)) => ingress.push(Way { rule: rule.clone(), port, path: at }),
            Some(Expose::Gateway(rule)) => routes.push(Way { rule: rule.clone(), port, path: at }),
            _ => endpoints.push(Endpoint {
                service: group.name(name).into_string(),
                port,
                target: i32::from(one.port.target),
                protocol: one.protocol.lower().to_owned(),
            }),
        }
    }
    for (group, draft) in drafts {
        if !draft.ports.is_empty() {
            let made = draft.finish(stack, group, key, name);
            objects.add(Object::Service(Box::new(made)), &path, report);
        }
    }
    let mut urls = routes::ingress(stack, key, name, &ingress, objects, report);
    urls.extend(routes::http_route(stack, key, name, &routes, objects, report));
    Publication { endpoints, urls }
}

/// Adds a port to its Service; the number that it is offered under. `None`: it is there already, or refused.
fn add(stack: &Stack, group: Group, draft: &mut Draft, one: &Published, extension: &PortExtension, report: &mut Report) -> Option<u16> {
    let Published { port, protocol, path, .. } = one;
    let number = match candidates(port) {
        Ok(mut numbers) => {
            let first = *numbers.start();
            let leads_there =
                |held: &BTreeMap<(u16, Protocol), u16>, number| held.get(&(number, *protocol)).is_none_or(|target| *target == port.target);
            numbers.find(|number| leads_there(&draft.fixed, *number) && leads_there(&draft.taken, *number)).unwrap_or(first)
        }
        Err(found) => {
            report.refuse("port", &path.key("published"), format!("{found:?} is not a port or a range of ports (1-65535)"));
            return None;
        }
    };
    match draft.taken.insert((number, *protocol), port.target) {
        Some(target) if target == port.target => return None,
        Some(target) => {
            let message = format!("port {number}/{} leads to {target} already, it can't lead to {} too", protocol.lower(), port.target);
            report.refuse("port", path, message);
            return None;
        }
        None => {}
    }
    let mode = group.mode(stack);
    draft.settle(mode, extension, &path.key(KEY), report);
    let on_node = match extension.node_port {
        Some(wanted) if mode != PublishMode::ClusterIp => Some(wanted),
        _ => node_port(mode, port, number, path, report),
    };
    draft.intents.push(json!([number, port.target, protocol.lower(), &port.name, &port.app_protocol, on_node]));
    let name = published_name(port, number, *protocol);
    if let Some(written) = port.name.as_ref().filter(|written| !written.is_empty() && **written != name) {
        draft.names.insert(format!("{number}/{}", protocol.lower()), written.clone());
    }
    draft.ports.push(ServicePort {
        name: Some(name),
        port: i32::from(number),
        target_port: Some(IntOrString::Int(i32::from(port.target))),
        protocol: Some(protocol.as_str().to_owned()),
        app_protocol: app_protocol(port, path, report),
        node_port: on_node.map(i32::from),
    });
    Some(number)
}

impl Draft {
    /// Takes over what a port says of the Service as a whole.
    fn settle(&mut self, mode: PublishMode, extension: &PortExtension, at: &Path, report: &mut Report) {
        if extension.node_port.is_some() && mode == PublishMode::ClusterIp {
            report.warn("no-effect", &at.key("nodePort"), "has no effect: the port is not on the nodes");
        }
        if let Some(class) = &extension.load_balancer_class {
            if mode == PublishMode::LoadBalancer {
                one(&mut self.load_balancer_class, class, &at.key("loadBalancerClass"), report);
            } else {
                report.warn("no-effect", &at.key("loadBalancerClass"), "has no effect: the port has no load balancer");
            }
        }
        if !extension.source_ranges.is_empty() {
            let at = at.key("sourceRanges");
            if mode != PublishMode::LoadBalancer {
                report.refuse("no-effect", &at, "would be open to all: only a load balancer (expose: loadBalancer) keeps others out");
            } else if self.source_ranges.is_empty() {
                self.source_ranges.clone_from(&extension.source_ranges);
            } else if self.source_ranges != extension.source_ranges {
                report.refuse("conflict", &at, "the ports of one load balancer are open to the same addresses");
            }
        }
        if let Some(policy) = &extension.external_traffic_policy {
            if mode == PublishMode::ClusterIp {
                report.warn("no-effect", &at.key("externalTrafficPolicy"), "has no effect: nothing from outside comes here by itself");
            } else {
                one(&mut self.external_traffic_policy, policy, &at.key("externalTrafficPolicy"), report);
            }
        }
    }

    fn finish(mut self, stack: &Stack, group: Group, key: &str, name: &ObjectName) -> KubeService {
        distinguish_names(&mut self.ports);
        let kind = match group.mode(stack) {
            PublishMode::LoadBalancer => "LoadBalancer",
            PublishMode::NodePort => "NodePort",
            PublishMode::ClusterIp => "ClusterIP",
        };
        let mut intent = json!({ "service": key, "type": kind, "ports": self.intents, "dualStack": wants_ipv6(stack, key) });
        if stack.host(key) != key {
            intent["host"] = json!(stack.host(key));
        }
        let ends_in_part = once::ends_in_part(stack, key);
        if ends_in_part {
            intent["notReady"] = json!(true);
        }
        let said = json!([self.load_balancer_class, self.source_ranges, self.external_traffic_policy]);
        if said != json!([null, [], null]) {
            intent["said"] = said;
        }
        let spec = ServiceSpec {
            type_: Some(kind.to_owned()),
            ports: Some(self.ports),
            ip_family_policy: wants_ipv6(stack, key).then(|| PREFER_DUAL_STACK.to_owned()),
            publish_not_ready_addresses: ends_in_part.then_some(true),
            selector: Some(selector(stack, stack.pod_name(key).unwrap_or(name))),
            load_balancer_class: self.load_balancer_class,
            load_balancer_source_ranges: (!self.source_ranges.is_empty()).then_some(self.source_ranges),
            external_traffic_policy: self.external_traffic_policy,
            ..ServiceSpec::default()
        };
        let labels = service_labels(stack, key, name);
        let names = (!self.names.is_empty()).then(|| (keys::PORT_NAMES.to_owned(), json!(self.names).to_string()));
        let metadata = metadata(&group.name(name), labels, names.into_iter().collect(), hash::of_json(&intent));
        KubeService { metadata, spec: Some(spec), ..KubeService::default() }
    }
}

/// A value that the ports of one Service must agree on.
fn one(slot: &mut Option<String>, found: &str, at: &Path, report: &mut Report) {
    match slot {
        None => *slot = Some(found.to_owned()),
        Some(other) if other == found => {}
        Some(other) => report.refuse("conflict", at, format!("another port of the same Service says {other:?}")),
    }
}

//! The extension on ports: how each leaves the cluster.

use serde::Serialize;

use crate::compose::path::Path;
use crate::translate::report::Report;
use crate::yaml::Node;

use super::keys::{Keys, text};
use super::value::{cidrs, legal_name, object_name};

const KEYS: [&str; 5] = ["expose", "nodePort", "loadBalancerClass", "sourceRanges", "externalTrafficPolicy"];
const WAYS: [&str; 6] = ["loadBalancer", "nodePort", "clusterIP", "ingress", "gateway", "none"];

/// What a port says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortExtension {
    pub expose: Option<Expose>,
    pub node_port: Option<u16>,
    pub load_balancer_class: Option<String>,
    pub source_ranges: Vec<String>,
    /// `Cluster` or `Local`.
    pub external_traffic_policy: Option<String>,
}

/// The way that a port leaves the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expose {
    LoadBalancer,
    NodePort,
    ClusterIp,
    Ingress(IngressRule),
    Gateway(GatewayRoute),
    /// Not at all.
    None,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngressRule {
    /// None: every host.
    pub hosts: Vec<Host>,
    /// Of hosts that have none of their own.
    pub path: String,
    pub tls: Option<Tls>,
    pub class: Option<String>,
}

/// A host, perhaps with a path of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Host {
    pub name: String,
    pub path: Option<String>,
}

/// Where the certificate lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Tls {
    /// In the Secret `<service>--tls`, which somebody else writes.
    Own,
    Secret(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GatewayRoute {
    pub gateway: String,
    pub namespace: Option<String>,
    pub listener: Option<String>,
    pub hosts: Vec<String>,
    pub path: String,
}

impl PortExtension {
    pub const NOTHING: Self =
        Self { expose: None, node_port: None, load_balancer_class: None, source_ranges: Vec::new(), external_traffic_policy: None };
}

pub fn read(node: Option<&Node>, path: &Path, report: &mut Report) -> PortExtension {
    let keys = Keys::open(node, path, &KEYS, report);
    let policies = [("Cluster", "Cluster"), ("Local", "Local"), ("cluster", "Cluster"), ("local", "Local")];
    PortExtension {
        expose: keys.node("expose").and_then(|(node, path)| expose(node, &path, report)),
        node_port: keys.number("nodePort", 1..=65535, report).and_then(|port| u16::try_from(port).ok()),
        load_balancer_class: keys.text("loadBalancerClass", report),
        source_ranges: cidrs(&keys, "sourceRanges", report),
        external_traffic_policy: keys.word("externalTrafficPolicy", &policies, report).map(str::to_owned),
    }
}

fn expose(node: &Node, path: &Path, report: &mut Report) -> Option<Expose> {
    if node.as_mapping().is_none() {
        let word = text(node, path, report)?;
        return match word.as_str() {
            "loadBalancer" => Some(Expose::LoadBalancer),
            "nodePort" => Some(Expose::NodePort),
            "clusterIP" => Some(Expose::ClusterIp),
            "none" => Some(Expose::None),
            "ingress" => Some(Expose::Ingress(IngressRule { path: "/".to_owned(), ..IngressRule::default() })),
            "gateway" => {
                report.refuse("missing", path, "the name of the Gateway is missing; write gateway: {name: …}");
                None
            }
            _ => {
                report.refuse("invalid-value", path, crate::compose::diagnostic::not_allowed(&word, &WAYS));
                None
            }
        };
    }
    let keys = Keys::open(Some(node), path, &["ingress", "gateway"], report);
    match (keys.node("ingress"), keys.node("gateway")) {
        (Some(_), Some(_)) => {
            report.refuse("conflict", path, "one of ingress and gateway");
            None
        }
        (Some((node, path)), None) => Some(Expose::Ingress(ingress(node, &path, report))),
        (None, Some((node, path))) => gateway(node, &path, report).map(Expose::Gateway),
        (None, None) => None,
    }
}

fn ingress(node: &Node, path: &Path, report: &mut Report) -> IngressRule {
    let keys = Keys::open(Some(node), path, &["host", "path", "tls", "class"], report);
    let tls = keys.node("tls").and_then(|(node, path)| match node.as_bool().or_else(|| node.as_str()?.parse().ok()) {
        Some(true) => Some(Tls::Own),
        Some(false) => None,
        None => legal_name(text(node, &path, report)?, &path, report).map(Tls::Secret),
    });
    let hosts = hosts(&keys, report).into_iter().map(|name| Host { name, path: None }).collect();
    IngressRule { hosts, path: url_path(&keys, report), tls, class: object_name(&keys, "class", report) }
}

fn gateway(node: &Node, path: &Path, report: &mut Report) -> Option<GatewayRoute> {
    let keys = Keys::open(Some(node), path, &["name", "namespace", "listener", "host", "path"], report);
    if keys.node("name").is_none() {
        report.refuse("missing", path, "the name of the Gateway is missing");
    }
    Some(GatewayRoute {
        namespace: object_name(&keys, "namespace", report),
        listener: object_name(&keys, "listener", report),
        hosts: hosts(&keys, report),
        path: url_path(&keys, report),
        gateway: object_name(&keys, "name", report)?,
    })
}

fn hosts(keys: &Keys, report: &mut Report) -> Vec<String> {
    let mut hosts = Vec::new();
    for (host, path) in keys.texts("host", report) {
        if is_host(&host) {
            hosts.push(host);
        } else {
            report.refuse("invalid-value", &path, format!("{host:?} is no host name such as shop.example.com or *.example.com"));
        }
    }
    hosts
}

/// A host name in lower case, the first part of which may be `*`.
pub fn is_host(host: &str) -> bool {
    let rest = host.strip_prefix("*.").unwrap_or(host);
    crate::translate::names::is_subdomain(rest) && rest.parse::<std::net::IpAddr>().is_err()
}

fn url_path(keys: &Keys, report: &mut Report) -> String {
    let Some((_, path)) = keys.node("path") else { return "/".to_owned() };
    let text = keys.text("path", report).unwrap_or_else(|| "/".to_owned());
    if !text.starts_with('/') {
        report.refuse("invalid-value", &path, format!("{text:?} does not begin with /"));
    }
    text
}

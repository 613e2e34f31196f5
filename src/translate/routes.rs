//! Ways from outside to published ports by name: an Ingress, or an HTTPRoute of the Gateway API.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule as KubeRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};
use serde_json::json;

use crate::compose::path::Path;

use super::hash;
use super::http_route::{BackendReference, HttpRoute, HttpRouteMatch, HttpRouteRule, HttpRouteSpec, ParentReference, PathMatch};
use super::kubernetes::{GatewayRoute, Host, IngressRule, Tls, is_to_be_had};
use super::names::ObjectName;
use super::object::StringMap;
use super::object::{Key, Kind, Object};
use super::objects::{Objects, metadata, service_labels};
use super::report::Report;
use super::stack::Stack;

/// A way to one port of the Service that the routes of a service lead to.
pub struct Way<R> {
    pub rule: R,
    pub port: i32,
    pub path: Path,
}

/// A name under which a service answers, and the object that sees to it.
pub type Url = (Key, String);

/// The Ingress of a service.
pub fn ingress(
    stack: &Stack,
    key: &str,
    name: &ObjectName,
    ways: &[Way<IngressRule>],
    objects: &mut Objects,
    report: &mut Report,
) -> Vec<Url> {
    let Some(first) = ways.first() else { return Vec::new() };
    if !is_to_be_had(Kind::Ingress, stack.settings, stack.facts, &first.path, report) {
        return Vec::new();
    }
    if let Some(other) = ways.iter().find(|way| way.rule.class != first.rule.class) {
        report.refuse("conflict", &other.path, "the ports of one service go by one class of Ingress");
    }
    let mut rules = Vec::new();
    let mut certificates = Vec::new();
    let mut urls = Vec::new();
    for way in ways {
        let backend = IngressServiceBackend {
            name: name.cluster().into_string(),
            port: Some(ServiceBackendPort { number: Some(way.port), name: None }),
        };
        let rule = |host: Option<&Host>| {
            let path = HTTPIngressPath {
                path: Some(path_of(&way.rule, host).to_owned()),
                path_type: "Prefix".to_owned(),
                backend: IngressBackend { service: Some(backend.clone()), resource: None },
            };
            KubeRule { host: host.map(|host| host.name.clone()), http: Some(HTTPIngressRuleValue { paths: vec![path] }) }
        };
        rules.extend(way.rule.hosts.iter().map(|host| rule(Some(host))));
        if way.rule.hosts.is_empty() {
            rules.push(rule(None));
        }
        if let Some(tls) = &way.rule.tls {
            let secret = match tls {
                Tls::Own => name.tls().into_string(),
                Tls::Secret(secret) => secret.clone(),
            };
            let hosts: Vec<String> = way.rule.hosts.iter().map(|host| host.name.clone()).collect();
            let hosts = (!hosts.is_empty()).then_some(hosts);
            certificates.push(IngressTLS { hosts, secret_name: Some(secret) });
        }
        let scheme = if way.rule.tls.is_some() { "https" } else { "http" };
        urls.extend(way.rule.hosts.iter().map(|host| format!("{scheme}://{}{}", host.name, path_of(&way.rule, Some(host)))));
    }
    let inputs = hash::of_json(&json!({ "service": key, "ways": ways.iter().map(|way| json!([way.rule, way.port])).collect::<Vec<_>>() }));
    let spec = IngressSpec {
        ingress_class_name: first.rule.class.clone(),
        rules: Some(rules),
        tls: (!certificates.is_empty()).then_some(certificates),
        default_backend: None,
    };
    let metadata = metadata(name, service_labels(stack, key, name), StringMap::new(), inputs);
    let object = Object::Ingress(Box::new(Ingress { metadata, spec: Some(spec), status: None }));
    let made = object.key();
    objects.add(object, &first.path, report);
    urls.into_iter().map(|url| (made.clone(), url)).collect()
}

fn path_of<'r>(rule: &'r IngressRule, host: Option<&'r Host>) -> &'r str {
    host.and_then(|host| host.path.as_deref()).unwrap_or(&rule.path)
}

/// The HTTPRoute of a service.
pub fn http_route(
    stack: &Stack,
    key: &str,
    name: &ObjectName,
    ways: &[Way<GatewayRoute>],
    objects: &mut Objects,
    report: &mut Report,
) -> Vec<Url> {
    let Some(first) = ways.first() else { return Vec::new() };
    if !is_to_be_had(Kind::HttpRoute, stack.settings, stack.facts, &first.path, report) {
        return Vec::new();
    }
    let parent = |rule: &GatewayRoute| ParentReference {
        name: rule.gateway.clone(),
        namespace: rule.namespace.clone(),
        section_name: rule.listener.clone(),
    };
    let differs = |rule: &GatewayRoute| parent(rule) != parent(&first.rule) || rule.hosts != first.rule.hosts;
    if let Some(other) = ways.iter().find(|way| differs(&way.rule)) {
        report.refuse("conflict", &other.path, "the ports of one service go by one listener of one Gateway, under the same hosts");
    }
    let rules = ways.iter().map(|way| HttpRouteRule {
        matches: vec![HttpRouteMatch { path: PathMatch { kind: "PathPrefix".to_owned(), value: way.rule.path.clone() } }],
        backend_refs: vec![BackendReference { name: name.cluster().into_string(), port: way.port }],
    });
    let spec = HttpRouteSpec { parent_refs: vec![parent(&first.rule)], hostnames: first.rule.hosts.clone(), rules: rules.collect() };
    let inputs = hash::of_json(&json!({ "service": key, "ways": ways.iter().map(|way| json!([way.rule, way.port])).collect::<Vec<_>>() }));
    let metadata = metadata(name, service_labels(stack, key, name), StringMap::new(), inputs);
    let object = Object::HttpRoute(Box::new(HttpRoute { metadata, spec }));
    let made = object.key();
    objects.add(object, &first.path, report);
    let urls = ways.iter().flat_map(|way| way.rule.hosts.iter().map(|host| format!("http://{host}{}", way.rule.path)));
    urls.map(|url| (made.clone(), url)).collect()
}

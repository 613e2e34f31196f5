//! The ports of a container, and those of its node that lead to them (`mode: host`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use k8s_openapi::api::core::v1::ContainerPort;

use crate::compose::model::{Port, Service};
use crate::compose::path::Path;

use super::names;
use super::policy::Policy;
use super::port::{Protocol, is_of_node, offered};
use super::report::Report;

/// A port of the node: its number and the address that it is bound to.
type HostPort = (u16, Option<String>);

/// The container's ports, each number once for a protocol.
pub fn ports(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Vec<ContainerPort> {
    let mut found: BTreeMap<(u16, Protocol), Option<HostPort>> = BTreeMap::new();
    for (index, port) in service.ports.iter().enumerate() {
        let Some(protocol) = Protocol::parse(&port.protocol) else { continue };
        let path = path.key("ports").index(index);
        let of_node = is_of_node(port).then(|| host_port(port, policy, &path, report)).flatten();
        match (found.entry((port.target, protocol)), of_node) {
            (Entry::Vacant(entry), of_node) => {
                entry.insert(of_node);
            }
            (Entry::Occupied(_), None) => {}
            (Entry::Occupied(mut entry), Some(of_node)) => match entry.get() {
                Some(other) if *other != of_node => {
                    report.refuse(
                        "host-port",
                        &path,
                        format!("port {} of the container has another port of the node already", port.target),
                    );
                }
                _ => {
                    entry.insert(Some(of_node));
                }
            },
        }
    }
    let mut names = names(service);
    let made = |((port, protocol), of_node): ((u16, Protocol), Option<HostPort>)| {
        let (host_port, host_ip) = of_node.map_or((None, None), |(port, ip)| (Some(i32::from(port)), ip));
        ContainerPort {
            name: names.remove(&(port, protocol)),
            container_port: i32::from(port),
            protocol: Some(protocol.as_str().to_owned()),
            host_port,
            host_ip,
        }
    };
    found.into_iter().map(made).collect()
}

/// The names that ports have in the file, where they are names of a container's ports too.
fn names(service: &Service) -> BTreeMap<(u16, Protocol), String> {
    let mut found: BTreeMap<(u16, Protocol), String> = BTreeMap::new();
    for port in &service.ports {
        let Some(protocol) = Protocol::parse(&port.protocol) else { continue };
        let name = port.name.as_deref().and_then(names::port_name).filter(|name| found.values().all(|other| other != name));
        if let Some(name) = name {
            found.entry((port.target, protocol)).or_insert(name);
        }
    }
    found
}

fn host_port(port: &Port, policy: &Policy, path: &Path, report: &mut Report) -> Option<HostPort> {
    let number = match offered(port) {
        Ok(number) => number,
        Err(found) => {
            report.refuse("port", &path.key("published"), format!("{found:?} is not a port or a range of ports (1-65535)"));
            return None;
        }
    };
    if !policy.allows_host_port(number) {
        report.forbidden("host-port", &path.key("mode"), &format!("port {number} of the node itself"), "hostPorts");
        return None;
    }
    let address = port.host_ip.as_deref().map(|address| address.trim_matches(['[', ']'])).filter(|address| !address.is_empty());
    Some((number, address.map(str::to_owned)))
}

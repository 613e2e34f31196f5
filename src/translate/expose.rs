//! Which ports a service listens on, as far as the stack's text tells: the ports of its Service.
//!
//! The set is wide on purpose: a virtual address forwards listed ports only, so a port that peers use and that stands nowhere in `ports` must
//! be found elsewhere: in `expose`, among those of well-known images, or beside the service's name in a URL or `host:port` value.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::compose::model::{Command, FileSource, HealthcheckTest, MountKind, Service};
use crate::compose::path::Path;

use super::images;
use super::port::{Listen, Protocol, declared, exposed};
use super::project::service_path;
use super::report::Report;
use super::stack::Stack;

/// The ports of every service, by its key.
pub type Ports<'a> = BTreeMap<&'a str, BTreeSet<Listen>>;

/// Works out the ports of every service. `names`: each name by which a service may be dialled, in lower case, with its services.
pub fn ports<'a>(stack: &Stack<'a>, names: &BTreeMap<String, BTreeSet<&'a str>>, report: &mut Report) -> Ports<'a> {
    let mut all: Ports = BTreeMap::new();
    for (key, service, _) in stack.services() {
        let ports = all.entry(key).or_default();
        ports.extend(declared(service));
        for (index, text) in service.expose.iter().enumerate().filter(|(_, text)| exposed(text).is_none()) {
            report.refuse(
                "port",
                &service_path(key).key("expose").index(index),
                format!("{text:?} is not a port or a range of ports (1-65535)"),
            );
        }
        ports.extend(stack.extension(key).ports.iter().copied());
        let image = service.image.as_deref().unwrap_or_default();
        ports.extend(images::known_ports(image).iter().map(|port| Listen { port: *port, protocol: Protocol::Tcp }));
    }
    for (_, service, _) in stack.services() {
        for text in texts(stack, service) {
            for (name, port) in mentions(&text) {
                for target in names.get(&name.to_ascii_lowercase()).into_iter().flatten() {
                    all.entry(target).or_default().insert(Listen { port, protocol: Protocol::Tcp });
                }
            }
        }
    }
    for (guest, ..) in stack.services().filter(|(key, ..)| stack.host(key) != *key) {
        // They listen on the same addresses, so the host's name leads to all of them.
        let ports = all.get(guest).cloned().unwrap_or_default();
        if let Some((host, ..)) = stack.service(stack.host(guest)) {
            all.entry(host).or_default().extend(ports);
        }
    }
    all
}

/// Refuses static addresses that other texts of the stack dial: pods have addresses of the cluster's choice.
pub fn refuse_dialled_addresses(stack: &Stack, report: &mut Report) {
    let mut written = Vec::new();
    for (key, service, _) in stack.services() {
        for (network, attachment) in &service.networks {
            let path = service_path(key).key("networks").key(network.to_owned());
            let addresses = [("ipv4_address", &attachment.ipv4_address), ("ipv6_address", &attachment.ipv6_address)];
            for (attribute, address) in addresses {
                let Some(address) = address.as_deref() else { continue };
                check_subnet(stack, network, address, &path.key(attribute.to_owned()), report);
                written.push((address, path.key(attribute.to_owned())));
            }
        }
    }
    if written.is_empty() {
        return;
    }
    let mut all: Vec<String> = stack.services().flat_map(|(_, service, _)| texts(stack, service)).collect();
    all.extend(stack.services().flat_map(|(_, service, _)| &service.extra_hosts).map(|entry| entry.address.clone()));
    for (address, path) in written {
        if all.iter().any(|text| names_address(text, address)) {
            let message = format!(
                "{address} is dialled elsewhere in the stack, but pods have no address of their own choice; use the service's name there"
            );
            report.refuse("static-address", &path, message);
        }
    }
}

/// An address outside of all the subnets that its network is given is a mistake, in Docker too.
fn check_subnet(stack: &Stack, network: &str, address: &str, path: &Path, report: &mut Report) {
    let Ok(address) = address.parse::<IpAddr>() else {
        report.refuse("static-address", path, format!("{address:?} is not an IP address"));
        return;
    };
    let config = stack.project.networks.get(network).map(|declared| declared.ipam_config.as_slice()).unwrap_or_default();
    let subnets: Vec<&str> = config.iter().filter_map(|config| config.subnet.as_deref()).collect();
    let of_family = |subnet: &&&str| subnet.contains(':') == address.is_ipv6();
    if subnets.iter().any(|subnet| of_family(&subnet)) && !subnets.iter().any(|subnet| is_in(address, subnet)) {
        report.refuse("static-address", path, format!("{address} is in none of the network's subnets: {}", subnets.join(", ")));
    }
}

/// Whether an address is in a subnet; one that can't be read holds everything.
fn is_in(address: IpAddr, subnet: &str) -> bool {
    let Some((base, length)) = subnet.split_once('/') else { return true };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<u32>()) else { return true };
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
            u32::from(address) & mask == u32::from(base) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length)).unwrap_or(0);
            u128::from(address) & mask == u128::from(base) & mask
        }
        _ => false,
    }
}

fn names_address(text: &str, address: &str) -> bool {
    let part_of_more = |c: char| c.is_ascii_alphanumeric() || c == '.';
    text.match_indices(address).any(|(at, _)| {
        let after = &text[at + address.len()..];
        !text[..at].ends_with(part_of_more) && !after.starts_with(part_of_more)
    })
}

/// Every text of a service in which a peer's address may stand.
pub fn texts(stack: &Stack, service: &Service) -> Vec<String> {
    let mut texts = Vec::new();
    let not_image = |name: &str| !name.to_ascii_lowercase().contains("image");
    for (name, value) in &service.environment {
        if let Some(value) = value.as_ref().filter(|_| not_image(name)) {
            texts.push(value.clone());
        }
    }
    for file in &service.env_files {
        texts.extend(file.variables.iter().flatten().filter(|(name, _)| not_image(name)).map(|(_, value)| value.clone()));
    }
    for command in [&service.command, &service.entrypoint] {
        if let Command::Words(words) = command {
            texts.extend(words.iter().cloned());
        }
    }
    match service.healthcheck.as_ref().and_then(|check| check.test.as_ref()) {
        Some(HealthcheckTest::Command(words)) => texts.extend(words.iter().cloned()),
        Some(HealthcheckTest::Shell(script)) => texts.push(script.clone()),
        Some(HealthcheckTest::None) | None => {}
    }
    for mount in service.volumes.iter().filter(|mount| mount.kind == MountKind::Bind) {
        texts.extend(packed_texts(stack, mount.source.as_deref().unwrap_or_default()));
    }
    for (mounts, declared) in [(&service.configs, &stack.project.configs), (&service.secrets, &stack.project.secrets)] {
        for source in mounts.iter().filter_map(|mount| declared.get(&mount.source)).map(|object| &object.source) {
            match source {
                FileSource::File(path) => texts.extend(packed_texts(stack, path)),
                FileSource::Content(content) => texts.push(content.clone()),
                FileSource::Environment { value, .. } => texts.extend(value.clone()),
                FileSource::External => {}
            }
        }
    }
    texts
}

/// The packed text files at or below a path. Compose files are none of them: what stands there is read as what it means.
fn packed_texts(stack: &Stack, path: &str) -> Vec<String> {
    let inside = super::files::below(&stack.project.files, path);
    inside.filter(|(path, _)| !is_compose_file(path)).filter_map(|(_, file)| String::from_utf8(file.content.to_vec()).ok()).collect()
}

fn is_compose_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    yaml && (name.starts_with("compose") || name.starts_with("docker-compose"))
}

/// The `host:port` of a text: in the authority of a URL, or standing free. An image reference (`app:2`) is none.
fn mentions(text: &str) -> Vec<(&str, u16)> {
    let bytes = text.as_bytes();
    let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut found = Vec::new();
    for (colon, _) in text.match_indices(':') {
        let start = colon - bytes[..colon].iter().rev().take_while(|byte| in_host(byte)).count();
        let end = colon + 1 + bytes[colon + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Ok(port) = text[colon + 1..end].parse::<u16>() else { continue };
        let before_fits = match &bytes[..start] {
            [] | [.., b'/', b'/'] => true,
            [.., last] => last.is_ascii_whitespace() || b"@,=\"'([{;|<>`!".contains(last),
        };
        let after_fits = bytes.get(end).is_none_or(|next| next.is_ascii_whitespace() || b"/,\"')]};?#|&<>`\\".contains(next));
        if port > 0 && start < colon && before_fits && after_fits && !names_image(&text[..start]) {
            found.push((&text[start..colon], port));
        }
    }
    found
}

/// Whether what stands before a `name:number` on its line says that it is an image.
fn names_image(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before).to_ascii_lowercase();
    line.contains("image") || line.contains("docker ") || line.trim_start().starts_with("from")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, u16)]) {
        assert_eq!(mentions(text), expected, "{text}");
    }

    #[test]
    fn addresses_are_found_in_urls_and_standing_free() {
        check("proxy_pass http://backend:8000/;", &[("backend", 8000)]);
        check("postgres://user:pw@db:5432/app", &[("db", 5432)]);
        check("mongodb://a:27017,b:27018", &[("a", 27017), ("b", 27018)]);
        check("server app1 app1:8001 check", &[("app1", 8001)]);
        check("es:9200", &[("es", 9200)]);
        check("--registry=\"consul:8500\"", &[("consul", 8500)]);
        check("nc -z db 3306", &[]);
    }

    #[test]
    fn image_references_times_and_versions_are_no_addresses() {
        check("image: redis:7", &[]);
        check("FROM app:2", &[]);
        check("docker run app:2", &[]);
        check("registry/app:2", &[]);
        check("app:2.1", &[]);
        check("app:2-alpine", &[]);
        check("db:70000", &[]);
        check("db:0", &[]);
        check(":8080", &[]);
    }

    #[test]
    fn subnets_hold_their_addresses() {
        for (address, subnet, expected) in [
            ("10.5.0.5", "10.5.0.0/16", true),
            ("10.6.0.5", "10.5.0.0/16", false),
            ("10.6.0.5", "0.0.0.0/0", true),
            ("fd00::5", "fd00::/64", true),
            ("fd01::5", "fd00::/64", false),
        ] {
            assert_eq!(address.parse().is_ok_and(|address| is_in(address, subnet)), expected, "{address} in {subnet}");
        }
    }

    #[test]
    fn expose_takes_ports_ranges_and_protocols() {
        let tcp = |port| Listen { port, protocol: Protocol::Tcp };
        assert_eq!(exposed("80"), Some(vec![tcp(80)]));
        assert_eq!(exposed("80-82/tcp"), Some(vec![tcp(80), tcp(81), tcp(82)]));
        assert_eq!(exposed("53/udp"), Some(vec![Listen { port: 53, protocol: Protocol::Udp }]));
        for wrong in ["0", "82-80", "x", "80/icmp", "70000", ""] {
            assert_eq!(exposed(wrong), None, "{wrong}");
        }
    }
}

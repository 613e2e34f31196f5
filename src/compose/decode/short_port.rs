//! `services.*.ports[]` in the short form: `[host_ip:][published:]target[/protocol]`, with ranges.

use std::net::IpAddr;

/// Ports that the ranges of one load may stand for.
pub const MAX_PORTS: usize = 10_240;

/// One port of a short form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortPort {
    pub host_ip: Option<String>,
    /// A port, or a range `a-b` of which one is taken.
    pub published: Option<String>,
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// The ports that a text stands for, in the reference parser's order (as text, by target). `budget` is what is left of [`MAX_PORTS`].
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn parse(text: &str, budget: &mut usize) -> Result<Vec<ShortPort>, String> {
    let (address, container) = match text.rsplit_once(':') {
        Some((address, container)) => (Some(address), container),
        None => (None, text),
    };
    let (host_ip, published) = match address.map(|address| address.rsplit_once(':').ok_or(address)) {
        None => (None, None),
        Some(Ok((host, published))) => (Some(host), Some(published)),
        Some(Err(published)) => (None, Some(published)),
    };
    let (ports, protocol) = container.split_once('/').unwrap_or((container, ""));
    if ports.is_empty() {
        return Err(format!("{text:?} has no container port; write [[host_ip:]published:]target[/protocol]"));
    }
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("{protocol:?} is not a protocol (tcp, udp or sctp)"));
    }
    let host_ip = host_ip.filter(|host| !host.is_empty()).map(host_address).transpose()?;
    let (first, last) = range(ports)?;
    let published = published.filter(|published| !published.is_empty()).map(range).transpose()?;
    let count = usize::from(last - first) + 1;
    if let Some((from, to)) = published
        && to - from != last - first
        && first != last
    {
        return Err(format!("{text:?} maps {} published ports to {count} container ports; the ranges must be equally long", to - from + 1));
    }
    *budget = budget.checked_sub(count).ok_or_else(|| format!("the port ranges stand for more than {MAX_PORTS} ports"))?;
    let mut all: Vec<ShortPort> = (first..=last)
        .map(|target| {
            let published = published.map(|(from, to)| match from + (target - first) {
                port if count == 1 && from != to => format!("{port}-{to}"),
                port => port.to_string(),
            });
            ShortPort { host_ip: host_ip.clone(), published, target, protocol: protocol.clone() }
        })
        .collect();
    all.sort_by_cached_key(|port| format!("{}/{}", port.target, port.protocol));
    Ok(all)
}

/// `a` or `a-b`, each 0 to 65535.
pub fn range(text: &str) -> Result<(u16, u16), String> {
    let port = |part: &str| part.parse::<u16>().map_err(|_| format!("{part:?} is not a port (1-65535)"));
    let Some((first, last)) = text.split_once('-') else {
        let port = port(text)?;
        return Ok((port, port));
    };
    let (from, to) = (port(first)?, port(last)?);
    if from <= to { Ok((from, to)) } else { Err(format!("{text:?} is a range that ends before it starts")) }
}

fn host_address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(_) => Ok(bare.to_owned()),
        Err(_) => Err(format!("{text:?} is not an IP address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let ports = parse(text, &mut { MAX_PORTS }).map(|ports| {
            let show = |port: ShortPort| {
                format!("{}|{}|{}|{}", port.host_ip.unwrap_or_default(), port.published.unwrap_or_default(), port.target, port.protocol)
            };
            ports.into_iter().map(show).collect::<Vec<_>>()
        });
        assert_eq!(ports, Ok(expected.iter().map(|port| (*port).to_owned()).collect()), "{text}");
    }

    #[track_caller]
    fn fails(text: &str, expected: &str) {
        assert_eq!(parse(text, &mut { MAX_PORTS }), Err(expected.to_owned()), "{text}");
    }

    #[test]
    fn every_part_but_the_target_is_optional() {
        check("80", &["||80|tcp"]);
        check("8080:80", &["|8080|80|tcp"]);
        check("127.0.0.1:8080:80/udp", &["127.0.0.1|8080|80|udp"]);
        check("127.0.0.1::80", &["127.0.0.1||80|tcp"]);
        check("[::1]:8080:80/TCP", &["::1|8080|80|tcp"]);
        check("::1:8080:80", &["::1|8080|80|tcp"]);
        check(":80", &["||80|tcp"]);
        check("80/", &["||80|tcp"]);
    }

    #[test]
    fn ranges_stand_for_many_ports_or_for_a_choice() {
        check("9-11", &["||10|tcp", "||11|tcp", "||9|tcp"]);
        check("8000-8001:80-81", &["|8000|80|tcp", "|8001|81|tcp"]);
        check("8000-8010:80", &["|8000-8010|80|tcp"]);
        fails("8000:80-81", "\"8000:80-81\" maps 1 published ports to 2 container ports; the ranges must be equally long");
        fails("11-9", "\"11-9\" is a range that ends before it starts");
    }

    #[test]
    fn what_is_no_port_is_refused() {
        fails("abc", "\"abc\" is not a port (1-65535)");
        fails("65536", "\"65536\" is not a port (1-65535)");
        fails("80/http", "\"http\" is not a protocol (tcp, udp or sctp)");
        fails("8080:", "\"8080:\" has no container port; write [[host_ip:]published:]target[/protocol]");
        fails("host:8080:80", "\"host\" is not an IP address");
        fails("", "\"\" has no container port; write [[host_ip:]published:]target[/protocol]");
        let mut budget = 10;
        assert_eq!(parse("1-11", &mut budget), Err("the port ranges stand for more than 10240 ports".to_owned()));
    }
}

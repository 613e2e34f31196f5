//! Ports as a service writes them: those that it listens on, and those that they are offered under.

use std::ops::RangeInclusive;

use crate::compose::model::{Port, Service};

/// The first port on which every user may listen.
pub const FIRST_FREE: u16 = 1024;
/// The parameter that says which one that is.
pub const PORT_START: &str = "net.ipv4.ip_unprivileged_port_start";

/// A port that a container listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listen {
    pub port: u16,
    pub protocol: Protocol,
}

/// A transport protocol, as Kubernetes writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "sctp" => Some(Self::Sctp),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// As Compose writes it.
    pub fn lower(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// The ports that a service says it listens on.
pub fn declared(service: &Service) -> impl Iterator<Item = Listen> {
    let published = service.ports.iter().filter_map(|port| Some(Listen { port: port.target, protocol: Protocol::parse(&port.protocol)? }));
    published.chain(service.expose.iter().filter_map(|text| exposed(text)).flatten())
}

/// `port[-port][/protocol]`.
pub fn exposed(text: &str) -> Option<Vec<Listen>> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = Protocol::parse(protocol)?;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    if first == 0 || last < first {
        return None;
    }
    Some((first..=last).map(|port| Listen { port, protocol }).collect())
}

/// Whether a port is bound on the node that the pod runs on, and nowhere else.
pub fn is_of_node(port: &Port) -> bool {
    port.mode == "host"
}

/// The port that is offered where none is taken: the written one, the first of a range, or the container's.
pub fn offered(port: &Port) -> Result<u16, String> {
    candidates(port).map(|numbers| *numbers.start())
}

/// The ports that may be offered: the written one, those of a range, or the container's and what follows it.
pub fn candidates(port: &Port) -> Result<RangeInclusive<u16>, String> {
    let any = port.target..=u16::MAX;
    let Some(text) = port.published.as_deref().filter(|text| !text.is_empty()) else { return Ok(any) };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
        (Ok(0), _) => Ok(any),
        (Ok(first), Ok(last)) => Ok(first..=last.max(first)),
        _ => Err(text.to_owned()),
    }
}

/// The number that a port must have.
pub fn only(numbers: &RangeInclusive<u16>) -> Option<u16> {
    (numbers.start() == numbers.end()).then(|| *numbers.start())
}

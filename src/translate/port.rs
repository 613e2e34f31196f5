//! Ports that a service says it listens on.

use crate::compose::model::Service;

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

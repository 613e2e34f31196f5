//! Values of a policy that not every text is.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::translate::linux_capability;

/// A prefix of paths of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostPath {
    /// Absolute and clean; it and all below it.
    #[serde(deserialize_with = "path")]
    pub path: String,
    /// Whether only mounts that can't write are allowed; they are unless this says otherwise.
    #[serde(default = "yes")]
    pub read_only: bool,
}

fn yes() -> bool {
    true
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    absolute(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not an absolute path without . and ..")))
}

/// An absolute path without a slash at its end; none for any other and for one that leads back up.
pub fn absolute(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty()).collect();
    (!parts.iter().any(|part| matches!(*part, "." | ".."))).then(|| format!("/{}", parts.join("/")))
}

/// Whether a clean path is another one or below it.
pub fn is_within(path: &str, prefix: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Some consecutive ports: `53`, `8000-8999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
        (range.first > 0 && range.first <= range.last).then_some(range)
    }

    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}-{}", self.first, self.last))
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortRangeVisitor)
    }
}

struct PortRangeVisitor;

impl Visitor<'_> for PortRangeVisitor {
    type Value = PortRange;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a port or a range of ports (1-65535)")
    }

    fn visit_u64<E: Error>(self, port: u64) -> Result<PortRange, E> {
        self.visit_str(&port.to_string())
    }

    fn visit_i64<E: Error>(self, port: i64) -> Result<PortRange, E> {
        Err(E::invalid_value(Unexpected::Signed(port), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PortRange, E> {
        PortRange::parse(text).ok_or_else(|| E::custom(format!("{text:?} is not a port or a range of ports (1-65535)")))
    }
}

/// A capability of Linux, or `ALL`, without `CAP_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Capability(String);

impl Capability {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let name = linux_capability::capability(&written);
        if linux_capability::is_capability(&name) {
            Ok(Self(name))
        } else {
            Err(D::Error::custom(format!("{written:?} is no capability of Linux")))
        }
    }
}

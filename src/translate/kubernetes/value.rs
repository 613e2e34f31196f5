//! Values that several parts of the extension have.

use crate::compose::path::Path;
use crate::translate::names::is_subdomain;
use crate::translate::object::Kind;
use crate::translate::report::Report;
use crate::translate::settings::{Facts, Settings};

use super::keys::Keys;

/// The extension's key.
pub const KEY: &str = "x-kubernetes";

/// Says that a kind can't be had, if so: the cluster doesn't serve it, or the administrator does without it.
pub fn is_to_be_had(kind: Kind, settings: &Settings, facts: &Facts, path: &Path, report: &mut Report) -> bool {
    let why = if settings.without.contains(&kind) {
        "is switched off by the administrator (--optional-kinds)"
    } else if facts.unserved.contains(&kind) {
        "is not known to this cluster: install the Gateway API's resource definitions"
    } else {
        return true;
    };
    report.warn("kind-missing", path, format!("the kind {kind} {why}; all the rest goes on without it"));
    false
}

/// A list of CIDRs.
pub fn cidrs(keys: &Keys, key: &str, report: &mut Report) -> Vec<String> {
    let is_cidr = |text: &str| {
        let Some((address, bits)) = text.split_once('/') else { return false };
        let most = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    };
    let mut found = Vec::new();
    for (text, path) in keys.texts(key, report) {
        if is_cidr(&text) {
            found.push(text);
        } else {
            report.refuse("invalid-value", &path, format!("{text:?} is no range of addresses such as 10.0.0.0/8"));
        }
    }
    found
}

/// A name that must be legal for an object that is not ours.
pub fn object_name(keys: &Keys, key: &str, report: &mut Report) -> Option<String> {
    let (_, path) = keys.node(key)?;
    let name = keys.text(key, report)?;
    legal_name(name, &path, report)
}

pub fn legal_name(name: String, path: &Path, report: &mut Report) -> Option<String> {
    let legal = is_subdomain(&name);
    if !legal {
        report.refuse("invalid-value", path, format!("{name:?} is no name of an object: lower case letters, digits, - and ."));
    }
    legal.then_some(name)
}

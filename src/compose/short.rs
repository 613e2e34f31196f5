//! Short forms as the nodes that their long forms would be.

use crate::yaml::Node;

use super::decode::{short_device, short_port, short_volume};
use super::tree::{derived, made, made_mapping, put};

/// The ports that a short form stands for. `budget` bounds those of one load.
pub fn ports(short: &str, from: &Node, budget: &mut usize) -> Result<Vec<Node>, String> {
    let ports = short_port::parse(short, budget)?;
    if ports.iter().any(|port| port.target == 0) {
        return Err("\"0\" is not a port (1-65535)".to_owned());
    }
    Ok(ports
        .into_iter()
        .map(|port| {
            let mut node = made_mapping([("mode", made("ingress", from))], from);
            if let Some(address) = port.host_ip.filter(|address| !address.is_empty()) {
                put(&mut node, "host_ip", derived(address, from));
            }
            put(&mut node, "target", Node { tainted: from.tainted, ..made(i64::from(port.target), from) });
            if let Some(published) = port.published.filter(|published| !published.is_empty()) {
                put(&mut node, "published", derived(published, from));
            }
            put(&mut node, "protocol", derived(port.protocol, from));
            node
        })
        .collect())
}

/// The long form of a volume, and the options of the short form that mean nothing.
pub fn volume(short: &str, from: &Node) -> Result<(Node, Vec<String>), String> {
    let volume = short_volume::parse(short)?;
    let mut node = made_mapping([("type", made(if volume.is_bind { "bind" } else { "volume" }, from))], from);
    if let Some(source) = volume.source {
        put(&mut node, "source", derived(source, from));
    }
    put(&mut node, "target", derived(volume.target, from));
    if volume.read_only {
        put(&mut node, "read_only", made(true, from));
    }
    if let Some(short) = volume.bind {
        let mut bind = made_mapping([], from);
        for (key, value) in [("propagation", short.propagation), ("selinux", short.selinux)] {
            if let Some(value) = value {
                put(&mut bind, key, derived(value, from));
            }
        }
        if short.create_host_path {
            put(&mut bind, "create_host_path", made(true, from));
        }
        put(&mut node, "bind", bind);
    }
    if let Some(nocopy) = volume.nocopy {
        let mut options = made_mapping([], from);
        if nocopy {
            put(&mut options, "nocopy", made(true, from));
        }
        put(&mut node, "volume", options);
    }
    Ok((node, volume.unknown))
}

/// What tells apart the volumes of a list: their target.
pub fn volume_target(short: &str) -> Option<String> {
    short_volume::parse(short).ok().map(|volume| volume.target)
}

/// The long form of a device.
pub fn device(short: &str, from: &Node) -> Result<Node, String> {
    let device = short_device::parse(short)?;
    Ok(made_mapping(
        [
            ("source", derived(device.source, from)),
            ("target", derived(device.target, from)),
            ("permissions", derived(device.permissions, from)),
        ],
        from,
    ))
}

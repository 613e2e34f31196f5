use indexmap::IndexMap;

use crate::compose::checks::RESOLVED;
use crate::compose::model::{FileObject, FileSource, IpamConfig, ModelConfig, Network, Volume};
use crate::yaml::Node;

use super::fields::Fields;

pub fn network(node: &Node, explicit_name: bool) -> Network {
    let fields = Fields(node);
    let nothing = Node::default();
    let ipam = fields.object("ipam").unwrap_or(Fields(&nothing));
    Network {
        name: fields.text("name").unwrap_or_default(),
        explicit_name,
        driver: fields.text("driver"),
        driver_opts: fields.map("driver_opts"),
        ipam_driver: ipam.text("driver"),
        ipam_options: ipam.map("options"),
        ipam_config: ipam
            .objects("config")
            .map(|item| IpamConfig {
                subnet: item.text("subnet"),
                ip_range: item.text("ip_range"),
                gateway: item.text("gateway"),
                aux_addresses: item.map("aux_addresses"),
            })
            .collect(),
        external: fields.flag("external"),
        internal: fields.flag("internal"),
        attachable: fields.flag("attachable"),
        enable_ipv4: fields.optional_flag("enable_ipv4"),
        enable_ipv6: fields.optional_flag("enable_ipv6"),
        labels: fields.map("labels"),
        extensions: fields.extensions(),
    }
}

pub fn volume(node: &Node, explicit_name: bool) -> Volume {
    let fields = Fields(node);
    Volume {
        name: fields.text("name").unwrap_or_default(),
        explicit_name,
        driver: fields.text("driver"),
        driver_opts: fields.map("driver_opts"),
        external: fields.flag("external"),
        labels: fields.map("labels"),
        extensions: fields.extensions(),
    }
}

pub fn file_object(node: &Node, explicit_name: bool) -> FileObject {
    let fields = Fields(node);
    FileObject {
        name: fields.text("name").unwrap_or_default(),
        explicit_name,
        source: source(fields),
        labels: fields.map("labels"),
        driver: fields.text("driver"),
        driver_opts: fields.map("driver_opts"),
        template_driver: fields.text("template_driver"),
        extensions: fields.extensions(),
    }
}

fn source(fields: Fields<'_>) -> FileSource {
    if let Some(file) = fields.text("file") {
        return FileSource::File(file);
    }
    if let Some(variable) = fields.text("environment") {
        let value = fields.node(RESOLVED);
        return FileSource::Environment {
            variable,
            value: value.and_then(Node::as_str).map(str::to_owned),
            tainted: value.is_some_and(|value| value.tainted),
        };
    }
    match fields.node("content").and_then(Node::as_str) {
        Some(content) => FileSource::Content(content.to_owned()),
        None => FileSource::External,
    }
}

pub fn model(node: &Node) -> ModelConfig {
    let fields = Fields(node);
    ModelConfig {
        model: fields.text("model").unwrap_or_default(),
        name: fields.text("name"),
        context_size: fields.int("context_size"),
        runtime_flags: fields.texts("runtime_flags"),
        extensions: fields.extensions(),
    }
}

/// The entries of a top-level section.
pub fn each<T>(root: &Node, section: &str, read: impl Fn(&str, &Node) -> T) -> IndexMap<String, T> {
    let Some(mapping) = root.get(section).and_then(Node::as_mapping) else { return IndexMap::new() };
    // Services are large: a map that grows would hold them twice for a while.
    let mut all = IndexMap::with_capacity(mapping.len());
    all.extend(mapping.iter().map(|(name, entry)| (name.clone(), read(name, &entry.value))));
    all
}

//! Reading typed values out of a conformed mapping.

use std::time::Duration;

use indexmap::IndexMap;

use crate::compose::checks::RESOLVED;
use crate::compose::decode::units;
use crate::compose::model::{Command, Extensions};
use crate::yaml::{Mapping, Node};

/// A mapping whose values have the types of the table; a value of another type reads as absent.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a Node);

impl<'a> Fields<'a> {
    pub fn node(self, key: &str) -> Option<&'a Node> {
        self.0.get(key).filter(|node| !node.is_null())
    }

    pub fn object(self, key: &str) -> Option<Fields<'a>> {
        self.node(key).filter(|node| node.as_mapping().is_some()).map(Fields)
    }

    /// The items of a list. Their number is known, so that what is made of them takes no more room than they need.
    pub fn objects(self, key: &str) -> impl ExactSizeIterator<Item = Fields<'a>> + use<'a> {
        self.node(key).and_then(Node::as_sequence).unwrap_or_default().iter().map(Fields)
    }

    /// The entries of a mapping, whose number is known too.
    pub fn entries(self, key: &str) -> impl ExactSizeIterator<Item = (&'a String, Fields<'a>)> + use<'a> {
        let entries = self.node(key).and_then(Node::as_mapping).map(Mapping::iter).unwrap_or_default();
        entries.map(|(key, entry)| (key, Fields(&entry.value)))
    }

    /// A text that is not empty, as the reference leaves empty ones out.
    pub fn text(self, key: &str) -> Option<String> {
        self.node(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub fn flag(self, key: &str) -> bool {
        self.optional_flag(key).unwrap_or_default()
    }

    pub fn optional_flag(self, key: &str) -> Option<bool> {
        self.node(key)?.as_bool()
    }

    pub fn int(self, key: &str) -> Option<i64> {
        self.node(key)?.as_i64()
    }

    pub fn unsigned(self, key: &str) -> Option<u64> {
        self.int(key).and_then(|number| u64::try_from(number).ok())
    }

    pub fn bits(self, key: &str) -> Option<u32> {
        self.int(key).and_then(|number| u32::try_from(number).ok())
    }

    pub fn float(self, key: &str) -> Option<f64> {
        self.node(key)?.as_f64()
    }

    pub fn texts(self, key: &str) -> Vec<String> {
        self.node(key).map(texts).unwrap_or_default()
    }

    pub fn command(self, key: &str) -> Command {
        self.node(key).map_or(Command::Image, |node| Command::Words(texts(node)))
    }

    /// A length of time; a negative one reads as absent.
    pub fn duration(self, key: &str) -> Option<Duration> {
        units::duration(self.node(key)?.as_str()?).and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).map(Duration::from_nanos)
    }

    /// Texts by key; a key without value has an empty one.
    pub fn map(self, key: &str) -> IndexMap<String, String> {
        self.optional_map(key).into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
    }

    pub fn optional_map(self, key: &str) -> IndexMap<String, Option<String>> {
        let mapping = self.node(key).and_then(Node::as_mapping);
        mapping.into_iter().flatten().map(|(key, entry)| (key.clone(), entry.value.scalar_text())).collect()
    }

    pub fn extensions(self) -> Extensions {
        let mapping = self.0.as_mapping().into_iter().flatten();
        mapping
            .filter(|(key, _)| key.starts_with("x-") && *key != RESOLVED)
            .map(|(key, entry)| (key.clone(), entry.value.clone()))
            .collect()
    }
}

fn texts(node: &Node) -> Vec<String> {
    node.as_sequence().into_iter().flatten().filter_map(Node::scalar_text).collect()
}

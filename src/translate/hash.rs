//! Content hashes: names of immutable objects, and the `inputs` that decide whether a live object stands.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::yaml::{self, Node, Value};

/// First 16 hex digits of the SHA-256 of some bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing into a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hash of a JSON value, whatever the order of its keys.
pub fn of_json(value: &Json) -> String {
    let mut text = Vec::new();
    write_sorted(value, &mut text);
    of_bytes(&text)
}

/// A JSON object under construction, each value as the bytes that are hashed.
#[derive(Default)]
pub struct Fields(BTreeMap<&'static str, Vec<u8>>);

impl Fields {
    /// Sets a field to something whose mappings, if it has any, are in the order of their keys.
    pub fn set(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        self.write(name, |text| write_scalar(value, text));
    }

    /// Sets a field to a JSON value, or leaves it out where that is null.
    pub fn set_json(&mut self, name: &'static str, value: &Json) {
        if !value.is_null() {
            self.write(name, |text| write_sorted(value, text));
        }
    }

    /// Sets a field to what a work writes.
    pub fn write(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        let mut text = Vec::new();
        write(&mut text);
        self.0.insert(name, text);
    }

    /// The object as compact JSON.
    pub fn into_text(self) -> Vec<u8> {
        let mut text = Vec::new();
        write_entries(self.0.into_iter(), &mut text, |_, value, text| text.extend(value));
        text
    }
}

/// Compact JSON of an object whose entries come in the order of their keys.
pub fn write_entries<'a, T>(entries: impl Iterator<Item = (&'a str, T)>, text: &mut Vec<u8>, mut write: impl FnMut(&str, T, &mut Vec<u8>)) {
    text.push(b'{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_scalar(key, text);
        text.push(b':');
        write(key, value, text);
    }
    text.push(b'}');
}

/// Compact JSON of a list.
pub fn write_items<T>(items: impl Iterator<Item = T>, text: &mut Vec<u8>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    text.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(item, text);
    }
    text.push(b']');
}

/// Compact JSON of a node, with the keys in order.
pub fn write_node(node: &Node, text: &mut Vec<u8>) {
    match &node.value {
        Value::Sequence(items) => write_items(items.iter(), text, write_node),
        Value::Mapping(_) => write_entries(sorted(node).into_iter(), text, |_, node, text| write_node(node, text)),
        Value::String(value) => write_scalar(value, text),
        _ => write_scalar(&yaml::to_json(node), text),
    }
}

/// The entries of a mapping in the order of their keys.
pub fn sorted(node: &Node) -> Vec<(&str, &Node)> {
    let mut entries: Vec<_> = node.as_mapping().into_iter().flatten().map(|(key, entry)| (key.as_str(), &entry.value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// Compact JSON with the keys in order.
fn write_sorted(value: &Json, text: &mut Vec<u8>) {
    match value {
        Json::Array(items) => write_items(items.iter(), text, write_sorted),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            write_entries(entries.into_iter(), text, |_, value, text| write_sorted(value, text));
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    // Writing texts and numbers into memory can't fail.
    let _ = serde_json::to_writer(text, value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_does_not_count_and_that_of_items_does() {
        assert_eq!(of_json(&json!({"a": 1, "b": {"c": 2, "d": 3}})), of_json(&json!({"b": {"d": 3, "c": 2}, "a": 1})));
        assert_ne!(of_json(&json!([1, 2])), of_json(&json!([2, 1])));
        assert_ne!(of_json(&json!({"a": "1"})), of_json(&json!({"a": 1})));
    }

    #[test]
    fn what_is_hashed_is_compact_json_with_its_keys_in_order() {
        let mut text = Vec::new();
        write_sorted(&json!({"b": [1, null, {"d": "\"ä\n", "c": 1.5}], "a": {}, "\"": []}), &mut text);
        assert_eq!(String::from_utf8_lossy(&text), r#"{"\"":[],"a":{},"b":[1,null,{"c":1.5,"d":"\"ä\n"}]}"#);
    }

    #[test]
    fn a_node_and_fields_are_written_as_their_json_is() {
        let value =
            json!({"b": [1, -1, null, {"d": "\"ä\n", "c": 1.5, "e": 1e300, "f": 18_446_744_073_709_551_615_u64}], "a": {}, "\"": [true]});
        let (mut plain, mut of_node) = (Vec::new(), Vec::new());
        write_sorted(&value, &mut plain);
        write_node(&yaml::from_json(&value, yaml::FileId::default()), &mut of_node);
        assert_eq!(String::from_utf8_lossy(&plain), String::from_utf8_lossy(&of_node));

        let mut fields = Fields::default();
        fields.set("names", &["z", "a"]);
        fields.set_json("json", &value);
        fields.set_json("nothing", &Json::Null);
        let (expected, mut text) = (json!({"names": ["z", "a"], "json": value}), Vec::new());
        write_sorted(&expected, &mut text);
        assert_eq!(fields.into_text(), text);
    }

    #[test]
    fn hashes_are_sixteen_hex_digits_and_stay_the_same() {
        assert_eq!(of_bytes(b""), "e3b0c44298fc1c14");
    }
}

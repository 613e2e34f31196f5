//! Content hashes: names of immutable objects, and the `inputs` that decide whether a live object stands.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

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

/// Compact JSON with the keys in order.
fn write_sorted(value: &Json, text: &mut Vec<u8>) {
    match value {
        Json::Array(items) => {
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_sorted(item, text);
            }
            text.push(b']');
        }
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            text.push(b'{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_scalar(key, text);
                text.push(b':');
                write_sorted(value, text);
            }
            text.push(b'}');
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
    fn hashes_are_sixteen_hex_digits_and_stay_the_same() {
        assert_eq!(of_bytes(b""), "e3b0c44298fc1c14");
    }
}

//! Content hashes: names of immutable objects, and the `inputs` that decide whether a live object stands.

use std::fmt::Write;

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
    of_bytes(sorted(value).to_string().as_bytes())
}

fn sorted(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(sorted).collect(),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        scalar => scalar.clone(),
    }
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
    fn hashes_are_sixteen_hex_digits_and_stay_the_same() {
        assert_eq!(of_bytes(b""), "e3b0c44298fc1c14");
    }
}

use serde_json::{Map, Number, Value as Json};

use super::{Entry, FileId, Mapping, Node, Span, Value};

/// The tree as JSON. Infinities and NaN, which JSON can't say, become text as YAML writes them.
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Uint(value) => Json::from(*value),
        Value::Float(value) => Number::from_f64(*value).map_or_else(|| Json::String(super::format_float(*value)), Json::Number),
        Value::String(text) => Json::String(text.clone()),
        Value::Sequence(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Mapping(entries) => {
            Json::Object(entries.iter().map(|(key, entry)| (key.clone(), to_json(&entry.value))).collect::<Map<_, _>>())
        }
    }
}

/// A tree from structured data. Every node stands at the empty span at the start of `file`, which then names the object it came from.
pub fn from_json(json: &Json, file: FileId) -> Node {
    let span = Span { file, start: 0, end: 0 };
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::Uint))
            .or_else(|| number.as_f64().map(Value::Float))
            .unwrap_or_default(),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Sequence(items.iter().map(|item| from_json(item, file)).collect()),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), Entry { key_span: span, value: from_json(value, file) }));
            Value::from(entries.collect::<Mapping>())
        }
    };
    Node::new(value, span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_keeps_order_integers_and_floats() {
        let value = json!({"b": [1, 1.5, null, true, "x"], "a": {"n": 18_446_744_073_709_551_615_u64}});
        let node = from_json(&value, FileId(3));
        assert_eq!(to_json(&node), value);
        assert_eq!(to_json(&node).to_string(), value.to_string());
        assert_eq!(node.at("b[0]").map(|item| item.span), Some(Span { file: FileId(3), start: 0, end: 0 }));
    }
}

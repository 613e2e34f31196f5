//! Making and comparing [`Node`]s, which every pass needs.

use crate::yaml::{Entry, Mapping, Node, Span, Value};

use super::path::Place;

/// A mapping without entries that no file wrote.
pub fn empty() -> Node {
    Node::new(Value::from(Mapping::default()), Span::default())
}

/// Whether `key` is there, with whatever value.
pub fn has(node: &Node, key: &str) -> bool {
    node.get(key).is_some()
}

/// The text under `key`.
pub fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_str)
}

/// Runs over the entries of a top-level section.
pub fn each(root: &mut Node, section: &str, mut with: impl FnMut(&mut Node, &Place<'_>)) {
    if let Some(mapping) = root.get_mut(section).and_then(Node::as_mapping_mut) {
        for (name, entry) in mapping.iter_mut() {
            with(&mut entry.value, &Place::Entry(section, name));
        }
    }
}

/// Puts a value that no file wrote, at the position of what it was derived from.
pub fn put(node: &mut Node, key: &str, value: Node) {
    if let Some(mapping) = node.as_mapping_mut() {
        mapping.insert(key.to_owned(), Entry { key_span: value.span, value });
    }
}

/// Puts a value unless the key is there.
pub fn put_default(node: &mut Node, key: &str, value: impl Into<Value>) {
    if !has(node, key) {
        let value = made(value, node);
        put(node, key, value);
    }
}

/// Takes a key out.
pub fn remove(node: &mut Node, key: &str) -> Option<Node> {
    node.as_mapping_mut()?.shift_remove(key).map(|entry| entry.value)
}

/// A value that no file wrote, at the position of what it was derived from.
pub fn made(value: impl Into<Value>, from: &Node) -> Node {
    Node::new(value, from.span)
}

/// A text that was derived from another, taint included.
pub fn derived(text: impl Into<String>, from: &Node) -> Node {
    Node { tainted: from.tainted, ..made(text.into(), from) }
}

/// A mapping of keys and values, each key at its value's position.
pub fn made_mapping<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>, from: &Node) -> Node {
    let entries: Mapping = entries.into_iter().map(|(key, value)| (key.to_owned(), Entry { key_span: value.span, value })).collect();
    made(Value::from(entries), from)
}

/// Whether two nodes say the same, wherever they stand.
pub fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Sequence(a), Value::Sequence(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len() && a.iter().all(|(key, entry)| b.get(key).is_some_and(|other| same(&entry.value, &other.value)))
        }
        (a, b) => a == b,
    }
}

/// What a node says, as a text that two nodes share exactly when they are the [`same`].
pub fn fingerprint(node: &Node) -> String {
    let mut text = String::new();
    write_fingerprint(node, &mut text);
    text
}

fn write_fingerprint(node: &Node, text: &mut String) {
    match &node.value {
        Value::Null => text.push('n'),
        Value::String(value) => text.extend(["s", &value.len().to_string(), ":", value]),
        Value::Sequence(items) => {
            text.push('[');
            for item in items {
                write_fingerprint(item, text);
            }
            text.push(']');
        }
        Value::Mapping(mapping) => {
            text.push('{');
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, entry) in entries {
                text.extend([&key.len().to_string(), ":", key]);
                write_fingerprint(&entry.value, text);
            }
            text.push('}');
        }
        scalar => text.extend([&format!("{scalar:?}"), ";"]),
    }
}

/// A text in quotes for a message, which never quotes what comes from a Secret.
pub fn shown(node: &Node) -> String {
    match node.as_str() {
        Some(text) if !node.tainted => format!("\"{text}\""),
        _ => "the value".to_owned(),
    }
}

/// How many values a tree has.
pub fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Sequence(items) => items.iter().map(count).sum(),
        Value::Mapping(mapping) => mapping.values().map(|entry| count(&entry.value)).sum(),
        _ => 0,
    }
}

/// Whether any part of a node is tainted.
pub fn tainted(node: &Node) -> bool {
    node.tainted
        || match &node.value {
            Value::Sequence(items) => items.iter().any(tainted),
            Value::Mapping(mapping) => mapping.values().any(|entry| tainted(&entry.value)),
            _ => false,
        }
}

/// Marks every value of a tree as coming from a Secret.
pub fn taint(node: &mut Node) {
    node.tainted = true;
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(taint),
        Value::Mapping(mapping) => mapping.values_mut().for_each(|entry| taint(&mut entry.value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Span;

    #[test]
    fn nodes_are_the_same_wherever_they_stand() {
        let here = Node::new(1, Span::default());
        let there = Node::new(1, Span { start: 7, end: 8, ..Span::default() });
        assert!(same(&here, &there));
        assert!(!same(&here, &Node::default()));
        assert_eq!(fingerprint(&here), fingerprint(&there));
    }

    #[test]
    fn different_nodes_have_different_fingerprints() {
        let texts = [
            "a: b",
            "a: [b]",
            "a: [b, c]",
            "a: bc",
            "{a: b, c: d}",
            "a: 1",
            "a: '1'",
            "a: null",
            "a: true",
            "[a, b]",
            "[ab]",
            "[[a], b]",
            "[[a, b]]",
        ];
        let prints: std::collections::BTreeSet<String> =
            texts.iter().map(|text| fingerprint(&crate::yaml::parse(text, crate::yaml::FileId::default()).0[0])).collect();
        assert_eq!(prints.len(), texts.len());
    }
}

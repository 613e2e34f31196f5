use indexmap::IndexMap;

/// The [`Node::tag`] of a plain date or time; its value is text, written as the reference parser prints it
/// (`2020-01-31 00:00:00 +0000 UTC`).
pub const TIMESTAMP: &str = "!!timestamp";

/// Index of a source file in the load's `SourceMap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where something stands: a half-open range of bytes of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

/// What a node holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// Integers past `i64::MAX`.
    Uint(u64),
    Float(f64),
    String(String),
    Sequence(Vec<Node>),
    /// In a box, since it is large and most nodes are texts.
    Mapping(Box<Mapping>),
}

/// One entry of a mapping; its key's own position is kept for messages about the key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub key_span: Span,
    pub value: Node,
}

/// A mapping with string keys, in the order of the file. Its hashes are quick ones with a seed of the process: keys come from strangers.
pub type Mapping = IndexMap<String, Entry, foldhash::fast::RandomState>;

/// A value with its position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
    /// A local tag such as `!reset`, or [`TIMESTAMP`]; other tags of the core schema are resolved away.
    pub tag: Option<Box<str>>,
    /// Whether part of the value comes from a Secret; such a value never reaches a message, a status or a log.
    pub tainted: bool,
}

impl Node {
    /// A value at a position, without tag and taint.
    pub fn new(value: impl Into<Value>, span: Span) -> Self {
        Self { value: value.into(), span, tag: None, tainted: false }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether the node is a date without quotes, which is a time to YAML.
    pub fn is_timestamp(&self) -> bool {
        self.tag.as_deref() == Some(TIMESTAMP)
    }

    /// What the node is, in the words of messages: `text`, `a number`, `a list`, ...
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Uint(_) => "an integer",
            Value::Float(_) => "a number",
            Value::String(_) if self.is_timestamp() => "a timestamp",
            Value::String(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// An integer that fits `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Any number.
    #[expect(clippy::cast_precision_loss, reason = "as the reference parser converts integers where a number is asked for")]
    pub fn as_f64(&self) -> Option<f64> {
        match self.value {
            Value::Int(value) => Some(value as f64),
            Value::Uint(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_sequence_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// A scalar as the reference parser prints it where it wants text (Go's `fmt.Sprint`): `1.0` is `1`, `0440` is `288`. `None` for null,
    /// lists and mappings.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Uint(value) => Some(value.to_string()),
            Value::Float(value) => Some(super::format_float(*value)),
            Value::String(text) => Some(text.clone()),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key).map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_mapping_mut()?.get_mut(key).map(|entry| &mut entry.value)
    }

    /// The value at a path such as `services.web.ports[0]`. Keys may hold dots and brackets themselves.
    pub fn at(&self, path: &str) -> Option<&Node> {
        if path.is_empty() {
            return Some(self);
        }
        match &self.value {
            Value::Sequence(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                items.get(index.parse::<usize>().ok()?)?.at(rest.strip_prefix('.').unwrap_or(rest))
            }
            Value::Mapping(entries) => {
                let ends = path.match_indices(['.', '[']).map(|(at, _)| at).chain([path.len()]);
                ends.filter(|end| *end > 0).find_map(|end| {
                    let rest = &path[end..];
                    entries.get(&path[..end])?.value.at(rest.strip_prefix('.').unwrap_or(rest))
                })
            }
            _ => None,
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Vec<Node>> for Value {
    fn from(items: Vec<Node>) -> Self {
        Self::Sequence(items)
    }
}

impl From<Mapping> for Value {
    fn from(entries: Mapping) -> Self {
        Self::Mapping(Box::new(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[track_caller]
    fn at(text: &str, path: &str) -> Option<String> {
        let (documents, errors) = parse(text, FileId(0));
        assert_eq!(errors, []);
        documents[0].at(path).and_then(Node::scalar_text)
    }

    #[test]
    fn a_path_finds_its_value() {
        let text = "services:\n  web:\n    ports: [80, {target: 443}]\n  a.b: {image: x}\nx: [[1, 2]]\n";
        assert_eq!(at(text, "services.web.ports[0]"), Some("80".to_owned()));
        assert_eq!(at(text, "services.web.ports[1].target"), Some("443".to_owned()));
        assert_eq!(at(text, "services.a.b.image"), Some("x".to_owned()));
        assert_eq!(at(text, "x[0][1]"), Some("2".to_owned()));
        assert_eq!(at(text, "services.web.ports[2]"), None);
        assert_eq!(at(text, "services.db"), None);
    }
}

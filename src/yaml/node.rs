use indexmap::IndexMap;

/// Index of a source file in the load's `SourceMap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    Mapping(Mapping),
}

/// One entry of a mapping; its key's own position is kept for messages about the key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub key_span: Span,
    pub value: Node,
}

/// A mapping with string keys, in the order of the file.
pub type Mapping = IndexMap<String, Entry>;

/// A value with its position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
    /// A local tag such as `!reset`; tags of the core schema are resolved away.
    pub tag: Option<String>,
    /// Whether part of the value comes from a Secret; such a value never reaches a message, a status or a log.
    pub tainted: bool,
}

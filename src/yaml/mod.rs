//! YAML text → a tree of [`Node`]s with byte spans and go-yaml's scalar rules. Knows nothing of Compose.

mod node;

pub use node::{Entry, FileId, Mapping, Node, Span, Value};

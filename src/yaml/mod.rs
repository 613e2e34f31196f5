//! YAML text → a tree of [`Node`]s with byte spans and go-yaml's scalar rules. Knows nothing of Compose.
//!
//! What a hostile file may cost is bounded, and an error names the bound that it met: [`MAX_BYTES`], [`MAX_NODES`] (copies that aliases
//! make included), [`MAX_DEPTH`], [`MAX_DOCUMENTS`], [`MAX_ERRORS`].

mod emit;
mod error;
mod limits;
mod node;
mod parse;
pub mod path;
mod scalar;
mod timestamp;
mod write;

pub use emit::{from_json, to_json};
pub use error::Error;
pub use limits::{Limits, MAX_BYTES, MAX_DEPTH, MAX_DOCUMENTS, MAX_ERRORS, MAX_NODES, text};
pub use node::{Entry, FileId, Mapping, Node, Span, TIMESTAMP, Value};
pub use parse::{parse, parse_within};
pub use scalar::{format_float, is_text, parse_float};
pub use timestamp::rfc3339;
pub use write::write;

//! What bounds the cost of one YAML file.

use super::{Error, FileId, Span};

/// Bytes of one YAML file.
pub const MAX_BYTES: usize = 1 << 20;
/// Values of one file, the copies that aliases make included.
pub const MAX_NODES: usize = 40_000;
/// How many times the bytes that a file may have the texts that anchors and aliases copy may have together.
pub const MAX_COPIES: usize = 2;
/// Lists and mappings inside each other.
pub const MAX_DEPTH: usize = 128;
/// Documents of one file.
pub const MAX_DOCUMENTS: usize = 100;
/// Errors that are reported of one file.
pub const MAX_ERRORS: usize = 50;

/// How large a file may be: what bounds its cost that a caller may set otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`MAX_BYTES`]. Positions count up to `u32::MAX`.
    pub bytes: usize,
    /// See [`MAX_NODES`].
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, nodes: MAX_NODES }
    }
}

/// The file's bytes as text.
///
/// # Errors
/// The first byte that is not UTF-8, or the size if it passes [`Limits::bytes`].
pub fn text(bytes: &[u8], file: FileId, limits: Limits) -> Result<&str, Error> {
    if bytes.len() > limits.bytes {
        return Err(too_large(bytes.len(), file, limits));
    }
    std::str::from_utf8(bytes).map_err(|cause| {
        // Files are at most MAX_BYTES long.
        let offset = u32::try_from(cause.valid_up_to()).unwrap_or(u32::MAX);
        let at = Span { file, start: offset, end: offset };
        Error { path: String::new(), message: "the file is not UTF-8 text".to_owned(), span: at, note: None }
    })
}

/// The refusal of a file by its size.
pub fn too_large(bytes: usize, file: FileId, limits: Limits) -> Error {
    let message = format!("the file has {bytes} bytes; the limit is {}", limits.bytes);
    Error { path: String::new(), message, span: Span { file, ..Span::default() }, note: None }
}

use super::Span;

/// Why a file, or a part of it, could not be read as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Path of the mapping or value it is about (`services.web`); empty for the whole document and for syntax errors.
    pub path: String,
    /// What was found and what is allowed. It may quote keys and anchors, never values: the file may come from a Secret.
    pub message: String,
    pub span: Span,
    /// A second place that explains the first, such as where a duplicate key was defined before.
    pub note: Option<(String, Span)>,
}

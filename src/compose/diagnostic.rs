//! What is wrong with the files, as data: every pass collects [`Diagnostic`]s, the plugin and the operator render them.

mod origins;
mod render;
mod source_map;
mod suggest;

pub use origins::Origins;
pub use render::{render, render_plain};
pub use source_map::{Position, SourceMap};
pub use suggest::{closest, not_allowed};

use crate::yaml::{self, Span};

/// Bytes of a message, a note or a help text; longer ones are cut.
pub const MAX_MESSAGE: usize = 1024;

/// Code of what is wrong with the YAML itself; other problems of such a file may only follow from it.
pub const INVALID_YAML: &str = "invalid-yaml";

/// Whether the project can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem of the user's input. No field ever holds a tainted value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Kebab-case name of the rule, such as `unknown-attribute`; stable, for tools.
    pub code: &'static str,
    /// `services.web.ports[0]`; empty for what concerns a whole file.
    pub path: String,
    /// What was found and what is allowed.
    pub message: String,
    pub span: Option<Span>,
    /// Other places that explain it.
    pub notes: Vec<Note>,
    /// What to write instead.
    pub help: Option<String>,
    /// Whether it is the administrator's policy that decides.
    pub of_policy: bool,
}

/// A further place, or fact, that explains a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    pub message: String,
    pub span: Option<Span>,
}

impl Diagnostic {
    pub fn error(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, path.into(), message.into())
    }

    pub fn warning(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, path.into(), message.into())
    }

    fn new(severity: Severity, code: &'static str, path: String, message: String) -> Self {
        Self { severity, code, path: bounded(path), message: bounded(message), span: None, notes: Vec::new(), help: None, of_policy: false }
    }

    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    #[must_use]
    pub fn note(mut self, message: impl Into<String>, span: Option<Span>) -> Self {
        self.notes.push(Note { message: bounded(message.into()), span });
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(help.into()));
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether any of them keeps the project from being used.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

impl From<yaml::Error> for Diagnostic {
    fn from(error: yaml::Error) -> Self {
        let diagnostic = Self::error(INVALID_YAML, error.path, error.message).at(error.span);
        match error.note {
            Some((message, span)) => diagnostic.note(message, Some(span)),
            None => diagnostic,
        }
    }
}

fn bounded(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let ellipsis = '…';
        text.truncate(text.floor_char_boundary(MAX_MESSAGE - ellipsis.len_utf8()));
        text.push(ellipsis);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_never_passes_its_bound() {
        let diagnostic = Diagnostic::error("x", "é".repeat(2000), "é".repeat(2000)).help("y".repeat(2000));
        assert!(diagnostic.message.len() <= MAX_MESSAGE && diagnostic.message.ends_with('…'));
        assert!(diagnostic.path.len() <= MAX_MESSAGE);
        assert!(diagnostic.help.is_some_and(|help| help.len() <= MAX_MESSAGE));
    }
}

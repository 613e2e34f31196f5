//! The problems that the passes of one load find.

use crate::yaml::{Node, Span};

use super::diagnostic::Diagnostic;
use super::path::Path;
use super::tree;

/// How many problems are kept; a file that has more is broken as a whole.
pub const MAX_PROBLEMS: usize = 200;

/// Collects diagnostics, each once.
#[derive(Default)]
pub struct Problems {
    found: Vec<Diagnostic>,
    dropped: usize,
}

impl Problems {
    /// Notes a diagnostic unless the same was found before.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        if self.found.contains(&diagnostic) {
            return;
        }
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// An error at a place.
    pub fn error(&mut self, code: &'static str, path: &Path, span: Span, message: impl Into<String>) {
        self.add(located(Diagnostic::error(code, path.to_string(), message), span));
    }

    /// A warning at a place.
    pub fn warn(&mut self, code: &'static str, path: &Path, span: Span, message: impl Into<String>) {
        self.add(located(Diagnostic::warning(code, path.to_string(), message), span));
    }

    /// An error whose message quotes a value; where the value is tainted, the message is left out.
    pub fn hidden_error(&mut self, code: &'static str, path: &Path, node: &Node, message: &str) {
        let message = if tree::tainted(node) { "the value, which comes from a Secret, is not allowed here" } else { message };
        self.error(code, path, node.span, message);
    }

    /// Whether anything found so far keeps the project from being used.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// Whether an error was found at a path or below it; another one there may follow from it.
    pub fn concerns(&self, path: &Path) -> bool {
        let path = path.to_string();
        self.found.iter().any(|found| {
            found.is_error() && found.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// What was found, in the order of the passes.
    pub fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            self.found.push(Diagnostic::error("too-many-problems", "", format!("and {} more problems", self.dropped)));
        }
        self.found
    }
}

/// What no file wrote has no position.
fn located(diagnostic: Diagnostic, span: Span) -> Diagnostic {
    if span == Span::default() { diagnostic } else { diagnostic.at(span) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Value;

    #[test]
    fn a_problem_is_told_once() {
        let mut problems = Problems::default();
        for _ in 0..2 {
            problems.error("x", &Path::of(&["services"]), Span::default(), "wrong");
        }
        assert_eq!(problems.into_diagnostics().len(), 1);
    }

    #[test]
    fn a_tainted_value_is_never_quoted() {
        let mut problems = Problems::default();
        let node = Node { tainted: true, ..Node::new(Value::from("s3cret"), Span::default()) };
        problems.hidden_error("x", &Path::root(), &node, "\"s3cret\" is not a port");
        assert!(!problems.into_diagnostics()[0].message.contains("s3cret"));
    }

    #[test]
    fn the_number_of_problems_is_bounded() {
        let mut problems = Problems::default();
        for index in 0..MAX_PROBLEMS + 10 {
            problems.error("x", &Path::root().index(index), Span::default(), "wrong");
        }
        let found = problems.into_diagnostics();
        assert_eq!(found.len(), MAX_PROBLEMS + 1);
        assert_eq!(found[MAX_PROBLEMS].message, "and 10 more problems");
    }
}

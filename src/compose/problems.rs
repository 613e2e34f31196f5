//! The problems that the passes of one load find.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use crate::yaml::{Node, Span};

use super::diagnostic::{Diagnostic, INVALID_YAML, Origins, closest};
#[cfg(test)]
use super::path::Place;
use super::tree;

/// How many problems are kept; a file that has more is broken as a whole.
pub const MAX_PROBLEMS: usize = 200;

/// Values below this length are words like any other: hiding them would only garble messages.
const SHORTEST_SECRET: usize = 4;

/// Collects diagnostics, each once.
#[derive(Default)]
pub struct Problems {
    found: Vec<Diagnostic>,
    dropped: usize,
    /// Hashes of all that was noted, as it was noted.
    noted: HashSet<u64>,
    /// Values that no message may hold.
    secrets: BTreeSet<String>,
    /// Where merged and extended values come from.
    pub origins: Origins,
}

impl Problems {
    /// Tells of a value that no message may hold. Passes hide tainted values themselves; this is the net below them.
    pub fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// Notes a diagnostic unless the same was found before.
    pub fn add(&mut self, mut diagnostic: Diagnostic) {
        let mut hasher = DefaultHasher::new();
        diagnostic.hash(&mut hasher);
        if !self.noted.insert(hasher.finish()) {
            return;
        }
        if self.found.len() >= MAX_PROBLEMS {
            self.dropped += 1;
            return;
        }
        if !self.secrets.is_empty() {
            let notes = diagnostic.notes.iter_mut().map(|note| &mut note.message);
            for text in notes.chain([&mut diagnostic.message, &mut diagnostic.path]).chain(&mut diagnostic.help) {
                *text = without(text, &self.secrets);
            }
        }
        // Those that differ in a secret alone are one.
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// The name that a misspelt one most likely means; none once there are so many problems that it would not be read.
    pub fn closest<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        if self.found.len() < MAX_PROBLEMS { closest(word, candidates) } else { None }
    }

    /// An error at a place.
    pub fn error(&mut self, code: &'static str, path: &dyn fmt::Display, span: Span, message: impl Into<String>) {
        self.add(located(Diagnostic::error(code, path.to_string(), message), span));
    }

    /// A warning at a place.
    pub fn warn(&mut self, code: &'static str, path: &dyn fmt::Display, span: Span, message: impl Into<String>) {
        self.add(located(Diagnostic::warning(code, path.to_string(), message), span));
    }

    /// An error whose message quotes a value; where the value is tainted, the message is left out.
    pub fn hidden_error(&mut self, code: &'static str, path: &dyn fmt::Display, node: &Node, message: &str) {
        let message = if tree::tainted(node) { "the value, which comes from a Secret, is not allowed here" } else { message };
        self.error(code, path, node.span, message);
    }

    /// Whether anything found so far keeps the project from being used.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// Whether an error was found at a path or below it; another one there may follow from it.
    pub fn concerns(&self, path: &dyn fmt::Display) -> bool {
        let path = path.to_string();
        self.found.iter().any(|found| {
            found.is_error() && found.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// What was found, errors first, in the order of the files. What is wrong with the YAML itself comes before what may follow from it.
    pub fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.severity, found.code != INVALID_YAML, found.span.map(|span| (span.file, span.start))));
        if self.dropped > 0 {
            self.found.push(Diagnostic::error("too-many-problems", "", format!("and {} more problems", self.dropped)));
        }
        self.found
    }
}

/// The text with stars for every secret in it. Looks at each place once, however many secrets there are.
fn without(text: &str, secrets: &BTreeSet<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if let Some(secret) = longest_prefix(rest, secrets) {
            out.push_str("***");
            secret.len()
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// The longest of the secrets that a text starts with: none stands behind the text in order, and each that doesn't match shortens what can.
fn longest_prefix<'a>(text: &str, secrets: &'a BTreeSet<String>) -> Option<&'a str> {
    let mut start = text;
    loop {
        let nearest = secrets.range::<str, _>((Bound::Unbounded, Bound::Included(start))).next_back()?;
        if start.starts_with(nearest.as_str()) {
            return Some(nearest);
        }
        let common = start.char_indices().zip(nearest.chars()).find(|((_, a), b)| a != b).map_or(nearest.len(), |((at, _), _)| at);
        if common < SHORTEST_SECRET {
            return None;
        }
        start = &start[..common];
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
            problems.error("x", &Place::Root.key("services"), Span::default(), "wrong");
        }
        assert_eq!(problems.into_diagnostics().len(), 1);
    }

    #[test]
    fn broken_yaml_is_told_before_what_follows_from_it() {
        let mut problems = Problems::default();
        let at = |start| Span { start, ..Span::default() };
        problems.error("wrong-type", &Place::Entry("services", "image"), at(3), "must be a mapping");
        problems.error(INVALID_YAML, &Place::Root.key("services"), at(9), "key \"image\" is defined twice in this mapping");
        assert_eq!(problems.into_diagnostics()[0].code, INVALID_YAML);
    }

    #[test]
    fn a_tainted_value_is_never_quoted() {
        let mut problems = Problems::default();
        let node = Node { tainted: true, ..Node::new(Value::from("s3cret"), Span::default()) };
        problems.hidden_error("x", &Place::Root, &node, "\"s3cret\" is not a port");
        assert!(!problems.into_diagnostics()[0].message.contains("s3cret"));
    }

    #[test]
    fn a_secret_that_slips_into_a_message_is_hidden() {
        let mut problems = Problems::default();
        problems.hide("hunter22");
        problems.error("x", &Place::Entry("services", "hunter22"), Span::default(), "no service hunter22");
        let found = problems.into_diagnostics();
        assert_eq!((found[0].path.as_str(), found[0].message.as_str()), ("services.***", "no service ***"));
    }

    #[test]
    fn of_secrets_inside_each_other_the_longest_is_hidden() {
        let secrets: BTreeSet<String> = ["abcd", "abcdef", "abcz", "bcde"].map(str::to_owned).into();
        for (text, expected) in
            [("abcdef!", "***!"), ("abcde!", "***e!"), ("xabcy", "xabcy"), ("abcdabcz", "******"), ("abcx bcde", "abcx ***")]
        {
            assert_eq!(without(text, &secrets), expected, "{text}");
        }
    }

    #[test]
    fn the_number_of_problems_is_bounded() {
        let mut problems = Problems::default();
        for index in 0..MAX_PROBLEMS + 10 {
            problems.error("x", &Place::Root.index(index), Span::default(), "wrong");
        }
        let found = problems.into_diagnostics();
        assert_eq!(found.len(), MAX_PROBLEMS + 1);
        assert_eq!(found[MAX_PROBLEMS].message, "and 10 more problems");
    }
}

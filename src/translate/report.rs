//! The problems that translation finds, each with its path and its position in the files.

use std::collections::BTreeSet;

use crate::compose::diagnostic::Diagnostic;
use crate::compose::path::{Path, Step};
use crate::yaml::{Node, Span};

/// How many errors, and how many warnings, are kept; a file that has more is broken as a whole.
const MAX_PROBLEMS: usize = 1000;

/// Collects diagnostics; positions are looked up in the canonical tree of the project.
pub struct Report<'a> {
    root: &'a Node,
    found: Vec<Diagnostic>,
    /// What was found, by path, code and message: each is told once.
    told: BTreeSet<(String, &'static str, String)>,
    errors: usize,
    /// Errors and warnings that were not kept.
    dropped: [usize; 2],
}

impl<'a> Report<'a> {
    pub fn new(root: &'a Node) -> Self {
        Self { root, found: Vec::new(), told: BTreeSet::new(), errors: 0, dropped: [0; 2] }
    }

    /// What stands at `path` is dropped or approximated; the program most likely still runs.
    pub fn warn(&mut self, code: &'static str, path: &Path, message: impl Into<String>) {
        self.add(Diagnostic::warning(code, path.to_string(), message), path);
    }

    /// What stands at `path` can't be had: nothing of the stack is applied.
    pub fn refuse(&mut self, code: &'static str, path: &Path, message: impl Into<String>) {
        self.add(Diagnostic::error(code, path.to_string(), message), path);
    }

    /// What stands at `path` is the administrator's to allow, by a field of the policy.
    pub fn forbidden(&mut self, code: &'static str, path: &Path, what: &str, field: &str) {
        let message = format!("{what}: allowed by the administrator's policy.{field} only");
        self.add(Diagnostic { of_policy: true, ..Diagnostic::error(code, path.to_string(), message) }, path);
    }

    /// What stands at `path` has its row in the mapping, which this version doesn't follow yet.
    pub fn unsupported(&mut self, path: &Path, what: &str) {
        self.refuse("not-supported-yet", path, format!("{what} is not supported yet"));
    }

    /// Whether a step before a service says something else than it inherits from the service.
    pub fn written_in_step(&self, step: &Path, key: &str) -> bool {
        let at = |path: &Path| node(self.root, &path.key(key.to_owned())).map(crate::yaml::to_json);
        at(step) != at(&of_service(step))
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether no further error is kept: what only serves a better message needn't be worked out any more.
    pub fn is_full(&self) -> bool {
        self.errors >= MAX_PROBLEMS
    }

    /// Whether a problem of this code was found.
    pub fn has(&self, code: &str) -> bool {
        self.found.iter().any(|diagnostic| diagnostic.code == code)
    }

    /// What was found, in the order of translation.
    pub fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        let [errors, warnings] = self.dropped;
        if errors > 0 {
            self.found.push(Diagnostic::error("too-many-problems", "", format!("and {errors} more problems")));
        }
        if warnings > 0 {
            self.found.push(Diagnostic::warning("too-many-problems", "", format!("and {warnings} more warnings")));
        }
        self.found
    }

    /// Whether one more of its severity is kept.
    fn has_room(&mut self, diagnostic: &Diagnostic) -> bool {
        let error = diagnostic.is_error();
        let kept = if error { self.errors } else { self.found.len() - self.errors };
        if kept < MAX_PROBLEMS {
            return true;
        }
        self.dropped[usize::from(!error)] += 1;
        false
    }

    fn add(&mut self, diagnostic: Diagnostic, path: &Path) {
        if !self.has_room(&diagnostic) {
            return;
        }
        // What a step inherits is told of the service alone.
        let inherited = of_service(path);
        if inherited != *path && self.told.contains(&(inherited.to_string(), diagnostic.code, diagnostic.message.clone())) {
            return;
        }
        let diagnostic = match span(self.root, path) {
            Some(span) => diagnostic.at(span),
            None => diagnostic,
        };
        if self.told.insert((diagnostic.path.clone(), diagnostic.code, diagnostic.message.clone())) {
            self.errors += usize::from(diagnostic.is_error());
            self.found.push(diagnostic);
        }
    }
}

/// The path at which a service says what a step before it inherits: `services.web.user` for `services.web.pre_start[0].user`.
fn of_service(path: &Path) -> Path {
    let inside = matches!(path.steps().get(2), Some(Step::Key(key)) if key == "pre_start");
    let steps = path.steps().into_iter().enumerate().filter(|(at, _)| !(inside && (*at == 2 || *at == 3)));
    steps.fold(Path::root(), |path, (_, step)| match step {
        Step::Key(key) => path.key(key.clone()),
        Step::Index(index) => path.index(*index),
    })
}

/// The node at a path of the canonical tree.
pub fn node<'a>(root: &'a Node, path: &Path) -> Option<&'a Node> {
    path.steps().into_iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.as_sequence()?.get(*index),
    })
}

/// Position of the key (or item) at a path, or of the nearest thing around it that a file wrote.
fn span(root: &Node, path: &Path) -> Option<Span> {
    let mut node = root;
    let mut nearest = None;
    for step in path.steps() {
        let (span, next) = match step {
            Step::Key(key) => match node.as_mapping().and_then(|mapping| mapping.get(key.as_ref())) {
                Some(entry) => (entry.key_span, &entry.value),
                None => break,
            },
            Step::Index(index) => match node.as_sequence().and_then(|items| items.get(*index)) {
                Some(item) => (item.span, item),
                None => break,
            },
        };
        if span != Span::default() {
            nearest = Some(span);
        }
        node = next;
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, parse};

    #[test]
    fn of_very_many_problems_the_first_are_told_and_an_error_is_never_lost() {
        let root = Node::default();
        let mut report = Report::new(&root);
        for index in 0..MAX_PROBLEMS + 5 {
            report.warn("a", &Path::of(&["services"]), format!("warning {index}"));
        }
        assert!(!report.has_errors());
        report.refuse("b", &Path::of(&["services"]), "wrong");
        assert!(report.has_errors());
        let found = report.into_diagnostics();
        assert_eq!(found.iter().filter(|diagnostic| diagnostic.is_error()).count(), 1);
        assert_eq!(found.last().map(|last| last.message.as_str()), Some("and 5 more warnings"));
    }

    #[test]
    fn a_problem_points_at_its_key_or_at_the_nearest_one_around_it() {
        let text = "services:\n  web:\n    ports: [\"1\"]\n";
        let root = parse(text, FileId(0)).0.remove(0);
        let at = |path: &Path| span(&root, path).map(|span| &text[span.start as usize..span.end as usize]);
        let web = Path::of(&["services", "web"]);
        assert_eq!(at(&web), Some("web"));
        assert_eq!(at(&web.key("ports").index(0)), Some("\"1\""));
        assert_eq!(at(&web.key("image")), Some("web"));
        assert_eq!(at(&Path::of(&["networks"])), None);
    }
}

//! `kubectl compose report`: what becomes of each key of a file, and how much of it is kept.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::compose::diagnostic::{Diagnostic, SourceMap};
use crate::compose::model::Project;
use crate::translate::{Fate, Written, written};
use crate::yaml::Span;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Applied,
    /// Nothing that the program can see or do changes.
    Silent,
    /// Dropped or approximated.
    Warned,
    Refused,
}

/// The report, in the form that `--format json` prints; docs/report.md describes it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Of this form; it is raised when a field changes or goes.
    version: u32,
    project: Option<String>,
    /// Keys that are applied or need no effect, in a hundred, rounded down.
    score: usize,
    keys: Keys,
    /// Every key that is not plainly applied, the refused first.
    entries: Vec<Entry>,
}

#[derive(Debug, Default, Serialize)]
struct Keys {
    applied: usize,
    silent: usize,
    warned: usize,
    refused: usize,
}

#[derive(Debug, Serialize)]
struct Entry {
    path: String,
    fate: Outcome,
    /// Name of the rule, stable.
    code: String,
    reason: String,
    /// What to do about it.
    change: Option<String>,
    at: Option<Place>,
    /// Other places that the value comes from.
    also: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    /// The line; absent where the file comes from a Secret.
    text: Option<String>,
}

impl Report {
    /// What `diagnostics` of loading and translating, and the table of attributes, say of a project; `None`: it can't be read.
    pub fn new(project: Option<&Project>, diagnostics: &[Diagnostic], sources: &SourceMap) -> Self {
        let keys = project.map(|project| written(&project.root)).unwrap_or_default();
        let mut outcomes: BTreeMap<(u32, u32, u32), Outcome> = BTreeMap::new();
        let mut judged = vec![false; diagnostics.len()];
        let mut entries = Vec::new();
        for key in &keys {
            let path = key.path.to_string();
            let mut outcome = if matches!(key.fate, Fate::Silent(_)) { Outcome::Silent } else { Outcome::Applied };
            for (index, diagnostic) in diagnostics.iter().enumerate().filter(|(_, diagnostic)| speaks_of(&diagnostic.path, &path)) {
                outcome = outcome.max(of(diagnostic));
                judged[index] = true;
            }
            if outcome == Outcome::Silent {
                entries.push(silent(key, path, sources));
            }
            let known = outcomes.entry((key.span.file.0, key.span.start, key.span.end)).or_insert(outcome);
            *known = outcome.max(*known);
        }
        let mut counts = Keys::default();
        let others = diagnostics.iter().zip(&judged).filter(|(_, judged)| !**judged).map(|(diagnostic, _)| of(diagnostic));
        for outcome in outcomes.into_values().chain(others) {
            match outcome {
                Outcome::Applied => counts.applied += 1,
                Outcome::Silent => counts.silent += 1,
                Outcome::Warned => counts.warned += 1,
                Outcome::Refused => counts.refused += 1,
            }
        }
        entries.extend(diagnostics.iter().map(|diagnostic| entry(diagnostic, sources)));
        entries.sort_by(|a, b| {
            let place = |entry: &Entry| entry.at.as_ref().map(|at| (at.file.clone(), at.line, at.column));
            (b.fate, place(a), &a.path).cmp(&(a.fate, place(b), &b.path))
        });
        let all = counts.applied + counts.silent + counts.warned + counts.refused;
        let score = ((counts.applied + counts.silent) * 100).checked_div(all).unwrap_or(if project.is_some() { 100 } else { 0 });
        Self { version: 1, project: project.map(|project| project.name.clone()), score, keys: counts, entries }
    }

    /// Whether anything is dropped, approximated or refused.
    pub fn loses(&self) -> bool {
        self.keys.warned + self.keys.refused > 0
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let word = match entry.fate {
                Outcome::Refused => "refused",
                Outcome::Warned => "warned",
                Outcome::Silent | Outcome::Applied => "no effect needed",
            };
            let place = entry.at.as_ref().map(|at| format!("{}: ", at.name())).unwrap_or_default();
            let _ = writeln!(text, "{word}: {place}{}: {}", entry.path, entry.reason);
            for at in entry.at.iter().chain(&entry.also) {
                if let Some(line) = &at.text {
                    let _ = writeln!(text, "  {} | {line}", at.line);
                }
            }
            if let Some(change) = &entry.change {
                let _ = writeln!(text, "  {change}");
            }
        }
        let Keys { applied, silent, warned, refused } = self.keys;
        let all = applied + silent + warned + refused;
        let _ = writeln!(
            text,
            "{} % of {all} keys are kept: {applied} applied, {silent} without need of effect, {warned} warned, {refused} refused",
            self.score
        );
        text
    }
}

impl Place {
    fn of(span: Option<Span>, sources: &SourceMap) -> Option<Self> {
        let span = span?;
        let position = sources.position(span)?;
        let text = sources.excerpt(span).map(|(_, line, _)| line.trim_end().to_owned());
        Some(Self { file: position.file, line: position.line, column: position.column, text })
    }

    fn name(&self) -> String {
        if self.line == 0 { self.file.clone() } else { format!("{}:{}:{}", self.file, self.line, self.column) }
    }
}

fn of(diagnostic: &Diagnostic) -> Outcome {
    if diagnostic.is_error() { Outcome::Refused } else { Outcome::Warned }
}

/// Whether what is said at one path is about the key at another: the same, one inside the key, or the item of a list that holds it.
fn speaks_of(said: &str, key: &str) -> bool {
    let within = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']));
    said == key || within(key, said) || (said.ends_with(']') && within(said, key))
}

fn silent(key: &Written, path: String, sources: &SourceMap) -> Entry {
    Entry {
        path,
        fate: Outcome::Silent,
        code: "silent".to_owned(),
        reason: key.fate.reason().to_owned(),
        change: None,
        at: Place::of(Some(key.span), sources),
        also: Vec::new(),
    }
}

fn entry(diagnostic: &Diagnostic, sources: &SourceMap) -> Entry {
    let change = match (&diagnostic.help, diagnostic.code) {
        (Some(help), _) => Some(help.clone()),
        (None, "no-effect" | "obsolete") => Some("leave it out: it does nothing here".to_owned()),
        (None, "not-supported-yet") => Some("leave it out until it is supported".to_owned()),
        (None, "refused") => Some("leave it out: it can't be had on a cluster".to_owned()),
        _ => None,
    };
    Entry {
        path: diagnostic.path.clone(),
        fate: of(diagnostic),
        code: diagnostic.code.to_owned(),
        reason: diagnostic.message.clone(),
        change,
        at: Place::of(diagnostic.span, sources),
        also: sources.notes(diagnostic).into_iter().filter_map(|note| Place::of(note.span, sources)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_item_or_of_a_part_is_said_of_the_key() {
        #[track_caller]
        fn check(said: &str, key: &str, expected: bool) {
            assert_eq!(speaks_of(said, key), expected, "{said} of {key}");
        }
        check("services.web.image", "services.web.image", true);
        check("services.web.command[0]", "services.web.command", true);
        check("services.web.ports[0]", "services.web.ports[0].target", true);
        check("services.web", "services.web.image", false);
        check("services.web.image_", "services.web.image", false);
    }
}

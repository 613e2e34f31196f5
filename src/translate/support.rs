//! What becomes of each attribute: one table names every one of them, and every attribute that a project sets is held against it.
//!
//! So nothing is dropped without a word: what this version doesn't follow yet is refused by its path.

mod page;
mod table;
mod written;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::compose::diagnostic::not_allowed;
use crate::compose::path::Place;
use crate::compose::schema::{Kind, Object, ROOT};
use crate::yaml::{Node, Value};

use super::kubernetes;
use super::report::Report;

pub use page::page;
pub use table::rows;
pub use written::{Written, written};

/// What becomes of an attribute that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Translated, or judged by its value, elsewhere in this layer or before it, into this.
    Applied(&'static str),
    /// Nothing that the program can see or do changes, for this reason.
    Silent(&'static str),
    /// Dropped, with this reason.
    Warned(&'static str),
    /// Dropping it would break the program, lose data or open more than was asked.
    Refused(&'static str),
    /// Has its row in the mapping, which this version doesn't follow yet.
    NotYet,
}

impl Fate {
    /// The fate in a word.
    pub const fn word(self) -> &'static str {
        match self {
            Fate::Applied(_) => "applied",
            Fate::Silent(_) => "no effect needed",
            Fate::Warned(_) => "no effect, warned",
            Fate::Refused(_) => "refused",
            Fate::NotYet => "refused as yet",
        }
    }

    /// What the attribute becomes, or why it becomes nothing.
    pub const fn reason(self) -> &'static str {
        match self {
            Fate::Applied(text) | Fate::Silent(text) | Fate::Warned(text) | Fate::Refused(text) => text,
            Fate::NotYet => "not supported yet",
        }
    }
}

/// One attribute, or a part of the file that is read as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Path of the attribute; `*` stands for a name that the user chooses. Items of lists have no step of their own.
    pub at: &'static str,
    pub fate: Fate,
    /// Values that mean what is the case anyway.
    pub unless: &'static [&'static str],
    /// The only values that mean anything, where the specification's schema lets others pass; none: any.
    pub only: &'static [&'static str],
}

impl Row {
    fn allows(&self, word: &str) -> bool {
        // Docker reads protocols in any case.
        let same = |only: &&str| *only == word || (self.at.ends_with(".protocol") && only.eq_ignore_ascii_case(word));
        self.only.is_empty() || self.only.iter().any(same)
    }
}

/// The table as a tree of steps.
#[derive(Default)]
struct Steps {
    row: Option<&'static Row>,
    below: BTreeMap<&'static str, Steps>,
}

static STEPS: LazyLock<Steps> = LazyLock::new(|| {
    let mut root = Steps::default();
    for row in table::rows() {
        let steps = row.at.split('.').fold(&mut root, |steps, step| steps.below.entry(step).or_default());
        steps.row = Some(row);
    }
    root
});

/// Every attribute of the specification, in the order of the schema.
pub fn attributes() -> Vec<String> {
    let mut found = Vec::new();
    collect(&ROOT, "", &mut found);
    found
}

fn collect(object: &'static Object, at: &str, found: &mut Vec<String>) {
    for attribute in object.all() {
        let at = if at.is_empty() { attribute.name.to_owned() } else { format!("{at}.{}", attribute.name) };
        found.push(at.clone());
        match attribute.kind {
            Kind::Object(object) | Kind::Struct(object) | Kind::Objects(object) => collect(object, &at, found),
            Kind::Keyed(keyed) => collect(keyed.object, &format!("{at}.*"), found),
            Kind::Ulimits(_) => found.extend(["", ".soft", ".hard"].map(|part| format!("{at}.*{part}"))),
            Kind::External => found.push(format!("{at}.name")),
            _ => {}
        }
    }
}

/// The row that speaks for an attribute: its own, or one around it that is read as a whole.
pub fn row_of(at: &str) -> Option<&'static Row> {
    let mut steps = &*STEPS;
    for step in at.split('.') {
        match steps.below.get(step) {
            Some(next) => steps = next,
            None => return steps.row.filter(|_| steps.below.is_empty()),
        }
    }
    steps.row
}

/// Code of the refusal of a value from a Secret where it would be seen.
const IN_THE_OPEN: &str = "secret-in-the-open";
/// Attributes that would have no effect where they are less than nothing, and mean nothing then.
const NOT_NEGATIVE: [&str; 13] = [
    "services.*.cpu_period",
    "services.*.cpu_shares",
    "services.*.cpus",
    "services.*.deploy.resources.limits.cpus",
    "services.*.deploy.resources.reservations.cpus",
    "services.*.deploy.update_config.delay",
    "services.*.deploy.update_config.monitor",
    "services.*.healthcheck.interval",
    "services.*.healthcheck.start_interval",
    "services.*.healthcheck.start_period",
    "services.*.healthcheck.timeout",
    "services.*.shm_size",
    "services.*.stop_grace_period",
];

/// Attributes of which 0 says as much as any other number.
const ZERO_COUNTS: [&str; 1] = ["services.*.ulimits.*"];

const SECRET_IN_THE_OPEN: &str =
    "holds a value that comes from a Secret; such may stand in environment, command, entrypoint and the content of configs alone";

/// Holds every attribute of the canonical tree against the table. `false`: a value from a Secret stands where messages of further checks
/// would tell it.
pub fn check(root: &Node, report: &mut Report) -> bool {
    visit(root, &STEPS, &Place::Root, report);
    !report.has(IN_THE_OPEN)
}

fn visit(node: &Node, steps: &Steps, path: &Place<'_>, report: &mut Report) {
    match &node.value {
        Value::Mapping(mapping) => {
            for (key, entry) in mapping.iter() {
                enter(key, &entry.value, steps, &path.key(key), report);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, steps, &path.index(index), report);
            }
        }
        _ => {}
    }
}

fn enter(key: &str, node: &Node, steps: &Steps, path: &Place<'_>, report: &mut Report) {
    let Some(next) = steps.below.get(key).or_else(|| steps.below.get("*")) else {
        if key == kubernetes::KEY && !kubernetes::is_read_at(&path.to_path()) {
            report.refuse("unknown-attribute", &path.to_path(), "x-kubernetes is not known here; it belongs to the top level, services, their ports and healthchecks, networks, volumes, configs and secrets");
        } else if key == kubernetes::KEY && is_tainted(node, true) {
            report.refuse(IN_THE_OPEN, &path.to_path(), SECRET_IN_THE_OPEN);
        } else if !key.starts_with("x-") {
            report.refuse("not-supported-yet", &path.to_path(), "is not known to this version");
        }
        return;
    };
    if let Some(row) = next.row.filter(|row| is_set(node, row)) {
        if let Some(word) = node.as_str().filter(|word| !row.allows(word) && !node.tainted) {
            report.refuse("invalid-value", &path.to_path(), not_allowed(word, row.only));
        }
        if NOT_NEGATIVE.contains(&row.at) && node.scalar_text().is_some_and(|text| text.trim_start().starts_with('-')) {
            report.refuse("invalid-value", &path.to_path(), "is less than nothing");
        }
        match row.fate {
            Fate::Applied(_) | Fate::Silent(_) => {}
            Fate::Warned(reason) => report.warn("no-effect", &path.to_path(), reason),
            Fate::Refused(reason) => report.refuse("refused", &path.to_path(), reason),
            Fate::NotYet => report.unsupported(&path.to_path(), key),
        }
        if !matches!(row.fate, Fate::Silent(_)) && !may_hold_secrets(row.at) && is_tainted(node, next.below.is_empty()) {
            report.refuse(IN_THE_OPEN, &path.to_path(), SECRET_IN_THE_OPEN);
        }
    }
    if key == "pre_start" {
        return steps_before(node, path, report);
    }
    // A row without rows below it is read as a whole.
    if !next.below.is_empty() {
        visit(node, next, path, report);
    }
}

/// Steps before a service are containers like its own: what they write themselves is held against the rows of services.
fn steps_before(node: &Node, path: &Place<'_>, report: &mut Report) {
    let Some(service) = STEPS.below.get("services").and_then(|services| services.below.get("*")) else { return };
    for (index, step) in node.as_sequence().into_iter().flatten().enumerate() {
        let path = path.index(index);
        let at = path.to_path();
        let own = |key: &str| report.written_in_step(&at, key);
        let keys: Vec<&String> = step.as_mapping().into_iter().flatten().map(|(key, _)| key).filter(|key| own(key)).collect();
        for key in keys {
            if let Some(value) = step.get(key).filter(|_| key != "per_replica") {
                enter(key, value, service, &path.key(key), report);
            }
        }
    }
}

/// Whether an attribute is there, with a value that says anything.
fn is_set(node: &Node, row: &Row) -> bool {
    let said = match &node.value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0 || ZERO_COUNTS.contains(&row.at),
        Value::String(text) => !text.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Mapping(mapping) => !mapping.is_empty(),
        Value::Uint(_) | Value::Float(_) => true,
    };
    // What is false or 0 may be said on purpose: it counts where the row knows values that say nothing.
    let said = said || (row.unless.contains(&"true") && node.as_bool() == Some(false));
    said && (row.unless.is_empty() || !node.scalar_text().is_some_and(|text| row.unless.contains(&text.as_str())))
}

fn may_hold_secrets(at: &str) -> bool {
    matches!(
        at,
        "services.*.environment"
            | "services.*.command"
            | "services.*.entrypoint"
            | "services.*.env_file"
            | "configs.*.content"
            | "configs.*.environment"
            | "secrets.*.environment"
    )
}

fn is_tainted(node: &Node, deep: bool) -> bool {
    let below = || match &node.value {
        Value::Sequence(items) => items.iter().any(|item| is_tainted(item, deep && item.as_mapping().is_none())),
        Value::Mapping(mapping) if deep => mapping.values().any(|entry| is_tainted(&entry.value, deep)),
        _ => false,
    };
    node.tainted || below()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attribute_of_the_schema_has_a_fate_and_every_row_an_attribute() {
        let known: BTreeSet<String> = attributes().into_iter().collect();
        let missing: Vec<_> = known.iter().filter(|at| row_of(at).is_none()).collect();
        assert!(missing.is_empty(), "without a row: {missing:?}");
        let unknown: Vec<_> = table::rows().map(|row| row.at).filter(|at| !known.contains(*at)).collect();
        assert!(unknown.is_empty(), "rows for nothing: {unknown:?}");
    }

    #[test]
    fn every_row_says_in_one_line_what_becomes_of_its_attribute() {
        for row in table::rows() {
            let text = row.fate.reason();
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains(['\n', '|']), "{}: {text:?}", row.at);
        }
    }

    #[test]
    fn attributes_that_count_something_have_rows() {
        let is_row = |at: &&str| table::rows().any(|row| row.at == *at);
        assert!(NOT_NEGATIVE.is_sorted() && NOT_NEGATIVE.iter().all(is_row) && ZERO_COUNTS.iter().all(is_row));
    }

    #[test]
    fn no_attribute_has_two_rows() {
        let mut seen = BTreeSet::new();
        assert!(table::rows().all(|row| seen.insert(row.at)));
    }
}

//! Variables in values, and the types that the schema wants of the texts that come out.

mod cast;
mod template;
#[cfg(test)]
mod tests;
mod used;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::diagnostic::Diagnostic;
use super::path::Place;
use crate::yaml::{Node, Span, Value};
pub use cast::{Cast, single_precision};
pub use template::{Expansion, Failure, MAX_EXPANSION, MAX_NESTING, expand};
pub use used::{Used, used};

/// Errors, and warnings, that are reported of one document.
const MAX_REPORTED: usize = 50;

/// A variable of the interpolation environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    pub value: String,
    /// Whether it comes from a Secret.
    pub tainted: bool,
}

/// The interpolation environment.
pub trait Variables {
    fn get(&self, name: &str) -> Option<&Variable>;
}

impl Variables for BTreeMap<String, Variable> {
    fn get(&self, name: &str) -> Option<&Variable> {
        self.get(name)
    }
}

impl Variables for IndexMap<String, Variable> {
    fn get(&self, name: &str) -> Option<&Variable> {
        self.get(name)
    }
}

/// Replaces the variables in all values of a document (never in keys), then casts texts to the types that the schema wants at their paths.
///
/// `budget` is what is left of [`MAX_EXPANSION`]; one load shares it among its documents. Unset variables are warned about once for each
/// name and position.
pub fn interpolate(document: &mut Node, variables: &dyn Variables, budget: &mut usize) -> Vec<Diagnostic> {
    let mut walk = Walk { variables, budget, seen: BTreeSet::new(), errors: Vec::new(), warnings: Vec::new() };
    walk.node(document, &Place::Root);
    walk.errors.append(&mut walk.warnings);
    walk.errors
}

struct Walk<'a> {
    variables: &'a dyn Variables,
    budget: &'a mut usize,
    /// Unset variables by position and name.
    seen: BTreeSet<(u32, u32, String)>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &Place<'_>) {
        if self.errors.len() >= MAX_REPORTED {
            return;
        }
        match &mut node.value {
            Value::Mapping(entries) => {
                for (key, entry) in entries.iter_mut() {
                    self.node(&mut entry.value, &path.key(key));
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.index(index));
                }
            }
            Value::String(_) => self.text(node, path),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) => {}
        }
    }

    fn text(&mut self, node: &mut Node, path: &Place<'_>) {
        let (span, tainted) = (node.span, node.tainted);
        let Value::String(text) = &mut node.value else { return };
        if text.contains('$') {
            match expand(text, self.variables, self.budget) {
                Ok(expansion) => {
                    for (offset, name) in expansion.unset {
                        self.unset(&name, within(span, text, offset), path);
                    }
                    *text = expansion.text;
                    node.tainted |= expansion.tainted;
                }
                Err(failure) => {
                    let at = within(span, text, failure.offset());
                    self.errors.push(describe(failure, path.to_string(), tainted).at(at));
                    return;
                }
            }
        }
        // The schema tells of a time, which is nothing else.
        if let Some(cast) = Cast::at(path.parts().as_slice()).filter(|_| !node.is_timestamp()) {
            self.cast(node, cast, path);
        }
    }

    fn cast(&mut self, node: &mut Node, cast: Cast, path: &Place<'_>) {
        let Value::String(text) = &node.value else { return };
        let shown = if node.tainted { "the value".to_owned() } else { quoted(text) };
        match cast.apply(text) {
            Ok((value, instead)) => {
                if let Some(instead) = instead.filter(|_| self.warnings.len() < MAX_REPORTED) {
                    let message = format!("{shown} for a boolean is not supported by YAML 1.2, please use `{instead}`");
                    self.warnings.push(Diagnostic::warning("yaml-1.1-boolean", path.to_string(), message).at(node.span));
                }
                node.value = value;
            }
            Err(wanted) => {
                self.errors.push(Diagnostic::error("wrong-type", path.to_string(), format!("{shown} is not {wanted}")).at(node.span));
            }
        }
    }

    fn unset(&mut self, name: &str, at: Span, path: &Place<'_>) {
        if self.warnings.len() >= MAX_REPORTED || !self.seen.insert((at.file.0, at.start, name.to_owned())) {
            return;
        }
        let message = format!("The {name:?} variable is not set. Defaulting to a blank string.");
        self.warnings.push(Diagnostic::warning("unset-variable", path.to_string(), message).at(at));
    }
}

impl Failure {
    fn offset(&self) -> usize {
        match self {
            Self::Invalid { offset } | Self::Required { offset, .. } | Self::TooDeep { offset } | Self::TooLarge { offset } => *offset,
        }
    }
}

/// The failure in words. The reason of a `${V:?reason}` in a tainted text is part of what may not be shown.
pub fn describe(failure: Failure, path: String, tainted: bool) -> Diagnostic {
    match failure {
        Failure::Invalid { .. } => Diagnostic::error("invalid-interpolation", path, "invalid interpolation").help("write $$ for a dollar"),
        Failure::Required { name, reason, .. } => {
            let reason = reason.filter(|_| !tainted).map_or(String::new(), |reason| format!(": {reason}"));
            Diagnostic::error("required-variable", path, format!("required variable {name} is missing a value{reason}"))
        }
        Failure::TooDeep { .. } => {
            Diagnostic::error("interpolation-limit", path, format!("variables are nested more than {MAX_NESTING} deep"))
        }
        Failure::TooLarge { .. } => {
            Diagnostic::error("interpolation-limit", path, format!("the values of variables add more than {MAX_EXPANSION} bytes"))
        }
    }
}

/// The place inside a scalar, where its source is its text: plain or quoted, of one line and without escapes.
fn within(span: Span, text: &str, offset: usize) -> Span {
    let length = span.end.saturating_sub(span.start) as usize;
    let opening = match length.checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return span,
    };
    Span { start: span.start + u32::try_from(opening + offset).unwrap_or_default(), ..span }
}

fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{:?}", format!("{}…", &text[..cut])),
        None => format!("{text:?}"),
    }
}

use super::{Fate, STEPS, Steps, is_set};
use crate::compose::path::Path;
use crate::yaml::{Node, Span, Value};

/// An attribute that a file sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub path: Path,
    /// Where its key stands, or the short form that it comes from.
    pub span: Span,
    /// What the table says of it; its value may be judged otherwise.
    pub fate: Fate,
}

/// The attributes that the files of a canonical tree set, without those that only hold others. Nothing that is only implied is among them.
pub fn written(root: &Node) -> Vec<Written> {
    let mut found = Vec::new();
    visit(root, &STEPS, &Path::root(), &mut found);
    found
}

fn visit(node: &Node, steps: &Steps, path: &Path, found: &mut Vec<Written>) {
    match &node.value {
        Value::Mapping(mapping) => {
            // What is implied stands at the position of what it was derived from.
            let written_out = mapping.values().any(|entry| entry.key_span != node.span);
            for (key, entry) in mapping.iter() {
                let implied = entry.key_span == Span::default() || (written_out && entry.key_span == node.span);
                if let Some(next) = steps.below.get(key.as_str()).or_else(|| steps.below.get("*")).filter(|_| !implied) {
                    enter(&entry.value, entry.key_span, next, &path.key(key.clone()), found);
                }
            }
        }
        Value::Sequence(items) => items.iter().enumerate().for_each(|(index, item)| visit(item, steps, &path.index(index), found)),
        _ => {}
    }
}

fn enter(node: &Node, span: Span, steps: &Steps, path: &Path, found: &mut Vec<Written>) {
    let holds_others = !steps.below.is_empty() && matches!(node.value, Value::Mapping(_) | Value::Sequence(_));
    match steps.row.filter(|row| is_set(node, row)) {
        // What is dropped or refused as a whole is one attribute, whatever it holds.
        Some(row) if !holds_others || matches!(row.fate, Fate::Warned(_) | Fate::Refused(_) | Fate::NotYet) => {
            found.push(Written { path: path.clone(), span, fate: row.fate });
        }
        _ => visit(node, steps, path, found),
    }
}

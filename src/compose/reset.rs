//! `!reset` and `!override` (Compose specification, "Merge"): what a later file takes away from the earlier ones.

use std::collections::BTreeMap;

use crate::yaml::{Node, Value};

use super::path::{Path, Place, Step};

/// The places of a document that carry one of the two tags.
#[derive(Clone, Debug, Default)]
pub struct Resets {
    places: Vec<Path>,
    /// Those inside of an entry of a section, by section and name.
    of_entries: BTreeMap<(String, String), Vec<Path>>,
}

const RESET: &str = "!reset";

impl Resets {
    /// Finds the tags of a document, and takes out what `!reset` stands before.
    pub fn take(document: &mut Node) -> Self {
        let mut resets = Self::default();
        resets.collect(document, &Place::Root);
        resets
    }

    fn collect(&mut self, node: &mut Node, path: &Place<'_>) {
        match &mut node.value {
            Value::Mapping(mapping) => mapping.retain(|key, entry| self.keeps(&mut entry.value, &path.key(key))),
            Value::Sequence(items) => {
                let mut index = 0;
                items.retain_mut(|item| {
                    let keep = self.keeps(item, &path.index(index));
                    index += 1;
                    keep
                });
            }
            _ => {}
        }
    }

    fn note(&mut self, place: &Place<'_>) {
        let path = place.to_path();
        if let [Step::Key(section), Step::Key(name), _, ..] = path.steps().as_slice() {
            self.of_entries.entry((section.to_string(), name.to_string())).or_default().push(path.clone());
        }
        self.places.push(path);
    }

    fn keeps(&mut self, node: &mut Node, path: &Place<'_>) -> bool {
        match node.tag.as_deref() {
            Some(RESET) => {
                self.note(path);
                return false;
            }
            // What stands below is new as a whole: tags in it have nothing to take away.
            Some("!override") => self.note(path),
            _ => self.collect(node, path),
        }
        true
    }

    /// Takes the places out of a tree of earlier files. Items of lists can't be taken out one by one.
    pub fn apply(&self, tree: &mut Node) {
        for path in &self.places {
            mark(tree, &path.steps());
        }
        if !self.places.is_empty() {
            sweep(tree);
        }
    }

    /// Takes the places out of one entry of a section, such as the service that is extended.
    pub fn apply_to(&self, section: &str, name: &str, node: &mut Node) {
        let Some(paths) = self.of_entries.get(&(section.to_owned(), name.to_owned())) else { return };
        for path in paths {
            mark(node, &path.steps()[2..]);
        }
        sweep(node);
    }
}

/// Marks what is to go: taking entries out of a large mapping one by one would move the others each time.
fn mark(node: &mut Node, steps: &[&Step]) {
    match steps {
        [] => node.tag = Some(RESET.into()),
        [Step::Key(key), rest @ ..] => {
            if let Some(value) = node.get_mut(key) {
                mark(value, rest);
            }
        }
        _ => {}
    }
}

/// Takes out what is marked. Marks that earlier files wrote are gone already.
fn sweep(node: &mut Node) {
    match &mut node.value {
        Value::Mapping(mapping) => mapping.retain(|_, entry| {
            sweep(&mut entry.value);
            entry.value.tag.as_deref() != Some(RESET)
        }),
        Value::Sequence(items) => items.iter_mut().for_each(sweep),
        _ => {}
    }
}

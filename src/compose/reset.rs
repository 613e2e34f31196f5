//! `!reset` and `!override` (Compose specification, "Merge"): what a later file takes away from the earlier ones.

use crate::yaml::{Node, Value};

use super::path::{Path, Step};

/// The places of a document that carry one of the two tags.
#[derive(Clone, Debug, Default)]
pub struct Resets(Vec<Path>);

impl Resets {
    /// Finds the tags of a document, and takes out what `!reset` stands before.
    pub fn take(document: &mut Node) -> Self {
        let mut resets = Self::default();
        resets.collect(document, &Path::root());
        resets
    }

    fn collect(&mut self, node: &mut Node, path: &Path) {
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

    fn keeps(&mut self, node: &mut Node, path: &Path) -> bool {
        match node.tag.as_deref() {
            Some("!reset") => {
                self.0.push(path.clone());
                return false;
            }
            // What stands below is new as a whole: tags in it have nothing to take away.
            Some("!override") => self.0.push(path.clone()),
            _ => self.collect(node, path),
        }
        true
    }

    /// Takes the places out of a tree of earlier files. Items of lists can't be taken out one by one.
    pub fn apply(&self, tree: &mut Node) {
        for path in &self.0 {
            remove(tree, path.steps());
        }
    }

    /// Takes the places out of one entry of a section, such as the service that is extended.
    pub fn apply_to(&self, section: &str, name: &str, node: &mut Node) {
        for path in &self.0 {
            if let [Step::Key(first), Step::Key(second), rest @ ..] = path.steps()
                && first == section
                && second == name
            {
                remove(node, rest);
            }
        }
    }
}

fn remove(node: &mut Node, steps: &[Step]) {
    match steps {
        [Step::Key(key)] => {
            super::tree::remove(node, key);
        }
        [Step::Key(key), rest @ ..] => {
            if let Some(value) = node.get_mut(key) {
                remove(value, rest);
            }
        }
        _ => {}
    }
}

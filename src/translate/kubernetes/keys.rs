//! Reading a mapping of the extension strictly: an unknown key is refused with the one that was meant, a wrong type by its path.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::compose::diagnostic::{closest, not_allowed};
use crate::compose::path::Path;
use crate::translate::report::Report;
use crate::yaml::{Mapping, Node};

/// A mapping whose keys are known, with the mapping of the defaults behind it.
#[derive(Clone, Debug, Default)]
pub struct Keys<'k> {
    /// The nearest one first.
    levels: Vec<(&'k Mapping, Path)>,
}

impl<'k> Keys<'k> {
    /// Opens a mapping; what is no mapping, and each unknown key, is refused.
    pub fn open(node: Option<&'k Node>, path: &Path, known: &[&str], report: &mut Report) -> Self {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Self::default() };
        let Some(mapping) = node.as_mapping() else {
            report.refuse("wrong-type", path, format!("expected a mapping, found {}", node.kind()));
            return Self::default();
        };
        for key in mapping.keys().filter(|key| !known.contains(&key.as_str())) {
            let path = path.key(key.to_owned());
            let message = match closest(key, known.iter().copied()) {
                Some(close) => format!("unknown attribute, did you mean \"{close}\"?"),
                None => format!("unknown attribute; allowed are {}", known.join(", ")),
            };
            report.refuse("unknown-attribute", &path, message);
        }
        Self { levels: vec![(mapping, path.clone())] }
    }

    /// The same with defaults for what isn't written here.
    pub fn over(mut self, defaults: &Keys<'k>) -> Self {
        self.levels.extend(defaults.levels.iter().cloned());
        self
    }

    /// Whether anything is written.
    pub fn is_written(&self) -> bool {
        !self.levels.is_empty()
    }

    /// The value of a key, and where it stands.
    pub fn node(&self, key: &str) -> Option<(&'k Node, Path)> {
        self.levels.iter().find_map(|(mapping, path)| {
            let node = &mapping.get(key)?.value;
            (!node.is_null()).then(|| (node, path.key(key.to_owned())))
        })
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str, report: &mut Report) -> Option<String> {
        let (node, path) = self.node(key)?;
        text(node, &path, report)
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], report: &mut Report) -> Option<T> {
        let (node, path) = self.node(key)?;
        let written = text(node, &path, report)?;
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
        if found.is_none() {
            let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            report.refuse("invalid-value", &path, not_allowed(&written, &allowed));
        }
        found
    }

    /// A truth value; of interpolated text its words.
    pub fn flag(&self, key: &str, report: &mut Report) -> Option<bool> {
        let (node, path) = self.node(key)?;
        let found = node.as_bool().or_else(|| match node.as_str() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        });
        if found.is_none() {
            report.refuse("wrong-type", &path, format!("expected true or false, found {}", node.kind()));
        }
        found
    }

    /// A whole number within bounds.
    pub fn number(&self, key: &str, bounds: RangeInclusive<i64>, report: &mut Report) -> Option<i64> {
        let (node, path) = self.node(key)?;
        number(node, &path, bounds, report)
    }

    /// A list of texts; a single text is one of one.
    pub fn texts(&self, key: &str, report: &mut Report) -> Vec<(String, Path)> {
        let Some((node, path)) = self.node(key) else { return Vec::new() };
        match node.as_sequence() {
            None => text(node, &path, report).map(|text| (text, path)).into_iter().collect(),
            Some(items) => {
                let items = items.iter().enumerate();
                let each = items.filter_map(|(index, item)| Some((text(item, &path.index(index), report)?, path.index(index))));
                each.collect()
            }
        }
    }

    /// A list of mappings with known keys.
    pub fn objects(&self, key: &str, known: &[&str], report: &mut Report) -> Vec<(Keys<'k>, Path)> {
        let Some((node, path)) = self.node(key) else { return Vec::new() };
        let Some(items) = node.as_sequence() else {
            report.refuse("wrong-type", &path, format!("expected a list, found {}", node.kind()));
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(index, item)| (Keys::open(Some(item), &path.index(index), known, report), path.index(index))).collect()
    }

    /// Texts by key; those of the defaults stay, where they aren't written anew.
    pub fn strings(&self, key: &str, report: &mut Report) -> BTreeMap<String, (String, Path)> {
        let mut found = BTreeMap::new();
        for (mapping, path) in self.levels.iter().rev() {
            let Some(node) = mapping.get(key).map(|entry| &entry.value).filter(|node| !node.is_null()) else { continue };
            let path = path.key(key.to_owned());
            let Some(entries) = node.as_mapping() else {
                report.refuse("wrong-type", &path, format!("expected a mapping, found {}", node.kind()));
                continue;
            };
            for (name, entry) in entries {
                let path = path.key(name.to_owned());
                match entry.value.scalar_text() {
                    Some(text) => drop(found.insert(name.clone(), (text, path))),
                    None => report.refuse("wrong-type", &path, format!("expected text, found {}", entry.value.kind())),
                }
            }
        }
        found
    }
}

/// A scalar as text that is not empty.
pub fn text(node: &Node, path: &Path, report: &mut Report) -> Option<String> {
    match node.scalar_text() {
        Some(text) if text.is_empty() => {
            report.refuse("invalid-value", path, "is empty");
            None
        }
        Some(text) => Some(text),
        None => {
            report.refuse("wrong-type", path, format!("expected text, found {}", node.kind()));
            None
        }
    }
}

/// A whole number within bounds, interpolated or not.
pub fn number(node: &Node, path: &Path, bounds: RangeInclusive<i64>, report: &mut Report) -> Option<i64> {
    let Some(found) = node.as_i64().or_else(|| node.as_str()?.trim().parse().ok()) else {
        report.refuse("wrong-type", path, format!("expected an integer, found {}", node.kind()));
        return None;
    };
    if !bounds.contains(&found) {
        report.refuse("invalid-value", path, format!("{found} is not between {} and {}", bounds.start(), bounds.end()));
        return None;
    }
    Some(found)
}

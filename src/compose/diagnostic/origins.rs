use std::collections::HashMap;

use super::{Diagnostic, Note};
use crate::yaml::{Node, Span, Value};

/// Places that are kept; beyond them messages name one place only.
const MAX_PLACES: usize = 10_000;
/// Places that one message names.
const MAX_NOTES: usize = 4;

/// Where values stood before a later file, or a service that extends another, replaced or merged them.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// The earlier place by the later; `None` where one place replaces several, as an alias does.
    earlier: HashMap<Span, Option<Span>>,
    extensions: Vec<Extension>,
}

/// A service that extends another one.
#[derive(Clone, Debug)]
struct Extension {
    /// `services.web`
    path: String,
    own: Span,
    base: Span,
    /// Where it says so.
    at: Span,
}

impl Origins {
    /// What stood at `earlier` is merged with, or replaced by, what stands at `later`.
    pub fn replace(&mut self, later: Span, earlier: Span) {
        let unknown = Span::default();
        if later == earlier || later == unknown || earlier == unknown {
            return;
        }
        if let Some(known) = self.earlier.get_mut(&later) {
            *known = known.filter(|known| *known == earlier);
        } else if self.earlier.len() < MAX_PLACES {
            self.earlier.insert(later, Some(earlier));
        }
    }

    /// A value is replaced as a whole, with all that is inside it.
    pub fn replace_all(&mut self, later: &Node, earlier: &Node) {
        if self.earlier.len() >= MAX_PLACES {
            return;
        }
        self.replace(later.span, earlier.span);
        match &later.value {
            Value::Mapping(mapping) => {
                for (key, entry) in mapping.iter() {
                    let before = earlier.as_mapping().and_then(|mapping| mapping.get(key));
                    self.replace(entry.key_span, before.map_or(earlier.span, |before| before.key_span));
                    self.replace_all(&entry.value, before.map_or(earlier, |before| &before.value));
                }
            }
            Value::Sequence(items) => items.iter().for_each(|item| self.replace_all(item, earlier)),
            _ => {}
        }
    }

    /// The service at `path`, which stands at `own`, extends the one at `base`, as is said at `at`.
    pub fn extend(&mut self, path: String, own: Span, base: Span, at: Span) {
        if self.extensions.len() < MAX_PLACES {
            self.extensions.push(Extension { path, own, base, at });
        }
    }

    /// The other places that a diagnostic's value comes from.
    pub fn notes(&self, diagnostic: &Diagnostic) -> Vec<Note> {
        let Some(span) = diagnostic.span else { return Vec::new() };
        let mut notes = Vec::new();
        let mut place = span;
        while let Some(Some(earlier)) = self.earlier.get(&place) {
            if notes.len() >= MAX_NOTES {
                break;
            }
            notes.push(Note { message: "first said here".to_owned(), span: Some(*earlier) });
            place = *earlier;
        }
        // Only the first of all said it first.
        if let Some((_, between)) = notes.split_last_mut() {
            for note in between {
                "said before here".clone_into(&mut note.message);
            }
        }
        if let Some(at) = self.extended_at(&diagnostic.path, span) {
            notes.push(Note { message: "extended here".to_owned(), span: Some(at) });
        }
        notes
    }

    /// Where the service of a path extends the one that holds a place, be it through others.
    fn extended_at(&self, path: &str, span: Span) -> Option<Span> {
        let first = self.extensions.iter().find(|extension| {
            path.strip_prefix(&extension.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                && !holds(extension.own, span)
        })?;
        let mut link = first;
        for _ in 0..=self.extensions.len() {
            if holds(link.base, span) {
                return Some(first.at);
            }
            link = self.extensions.iter().find(|extension| extension.own == link.base)?;
        }
        None
    }
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;

    fn at(file: u32, start: u32) -> Span {
        Span { file: FileId(file), start, end: start + 1 }
    }

    #[test]
    fn every_earlier_place_is_named_the_first_as_such() {
        let mut origins = Origins::default();
        origins.replace(at(1, 5), at(0, 5));
        origins.replace(at(2, 5), at(1, 5));
        let notes = origins.notes(&Diagnostic::error("x", "services.web", "wrong").at(at(2, 5)));
        let said: Vec<_> = notes.iter().map(|note| (note.message.as_str(), note.span)).collect();
        assert_eq!(said, [("said before here", Some(at(1, 5))), ("first said here", Some(at(0, 5)))]);
    }

    #[test]
    fn a_place_that_replaces_several_names_none() {
        let mut origins = Origins::default();
        origins.replace(at(1, 5), at(0, 5));
        origins.replace(at(1, 5), at(0, 9));
        assert_eq!(origins.notes(&Diagnostic::error("x", "", "wrong").at(at(1, 5))), []);
    }

    #[test]
    fn no_more_places_are_kept_than_the_bound() {
        let mut origins = Origins::default();
        for start in 0..20_000 {
            origins.replace(at(1, start), at(0, start));
            origins.extend(String::new(), at(1, start), at(0, start), at(1, start));
        }
        assert_eq!((origins.earlier.len(), origins.extensions.len()), (MAX_PLACES, MAX_PLACES));
    }

    #[test]
    fn places_that_replace_each_other_come_to_an_end() {
        let mut origins = Origins::default();
        origins.replace(at(1, 5), at(0, 5));
        origins.replace(at(0, 5), at(1, 5));
        assert_eq!(origins.notes(&Diagnostic::error("x", "", "wrong").at(at(1, 5))).len(), MAX_NOTES);
    }
}

//! Places in a Compose tree, as messages name them: `services.web.ports[0]`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// One step down a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Key(Cow<'static, str>),
    Index(usize),
}

/// The way from the root of a tree to one of its nodes. A path shares the steps of the one that it was made from: passes make one for
/// every value, and messages need few of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Option<Arc<Link>>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Link {
    parent: Path,
    step: Step,
}

impl Path {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of keys alone.
    pub fn of(keys: &[&str]) -> Self {
        keys.iter().fold(Self::root(), |parent, key| parent.key((*key).to_owned()))
    }

    /// The entry `key` of the mapping at this path.
    #[must_use]
    pub fn key(&self, key: impl Into<Cow<'static, str>>) -> Self {
        self.with(Step::Key(key.into()))
    }

    /// The item `index` of the sequence at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        Self(Some(Arc::new(Link { parent: self.clone(), step })))
    }

    /// The steps from the root on.
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::with_capacity(self.length());
        let mut link = &self.0;
        while let Some(Link { parent, step }) = link.as_deref() {
            steps.push(step);
            link = &parent.0;
        }
        steps.reverse();
        steps
    }

    fn length(&self) -> usize {
        std::iter::successors(self.0.as_deref(), |link| link.parent.0.as_deref()).count()
    }

    /// The steps as text for matching against slice patterns; every item of a sequence is `[]`.
    pub fn parts(&self) -> Vec<&str> {
        fn text(step: &Step) -> &str {
            match step {
                Step::Key(key) => key,
                Step::Index(_) => "[]",
            }
        }
        self.steps().into_iter().map(text).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps().into_iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The most steps that [`Place::parts`] tells; no rule of merging, casting or uniqueness is that far down.
const DEEPEST: usize = 9;

/// A place during a walk down a tree. It lies on the stack and borrows the places above it: a walk makes one for every value, and needs few
/// of them.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    Root,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
    /// Two keys from the root on.
    Entry(&'a str, &'a str),
    /// An item of the list under a key.
    Item(&'a Place<'a>, &'a str, usize),
}

impl<'a> Place<'a> {
    /// The entry `key` of the mapping at this place.
    pub const fn key<'b>(&'b self, key: &'b str) -> Place<'b> {
        Place::Key(self, key)
    }

    /// The item `index` of the sequence at this place.
    pub const fn index(&self, index: usize) -> Place<'_> {
        Place::Index(self, index)
    }

    /// The item `index` of the sequence under `key` at this place.
    pub const fn item<'b>(&'b self, key: &'b str, index: usize) -> Place<'b> {
        Place::Item(self, key, index)
    }

    /// The place as a path that outlives the walk.
    pub fn to_path(&self) -> Path {
        match *self {
            Place::Root => Path::root(),
            Place::Key(parent, key) => parent.to_path().key(key.to_owned()),
            Place::Index(parent, index) => parent.to_path().index(index),
            Place::Entry(section, name) => Path::of(&[section, name]),
            Place::Item(parent, key, index) => parent.to_path().key(key.to_owned()).index(index),
        }
    }

    /// The steps as text for matching against slice patterns; every item of a sequence is `[]`.
    pub fn parts(&self) -> Parts<'a> {
        let mut parts = Parts { texts: [""; DEEPEST], count: 0 };
        self.fill(&mut parts);
        parts
    }

    fn fill(&self, parts: &mut Parts<'a>) {
        match *self {
            Place::Root => {}
            Place::Key(parent, key) => {
                parent.fill(parts);
                parts.push(key);
            }
            Place::Index(parent, _) => {
                parent.fill(parts);
                parts.push("[]");
            }
            Place::Entry(section, name) => {
                parts.push(section);
                parts.push(name);
            }
            Place::Item(parent, key, _) => {
                parent.fill(parts);
                parts.push(key);
                parts.push("[]");
            }
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |f: &mut fmt::Formatter<'_>, parent: &Place<'_>, key: &str| match parent {
            Place::Root => f.write_str(key),
            _ => write!(f, "{parent}.{key}"),
        };
        match *self {
            Place::Root => Ok(()),
            Place::Key(parent, name) => key(f, parent, name),
            Place::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Place::Entry(section, name) => write!(f, "{section}.{name}"),
            Place::Item(parent, name, index) => {
                key(f, parent, name)?;
                write!(f, "[{index}]")
            }
        }
    }
}

/// The first steps of a [`Place`].
pub struct Parts<'a> {
    texts: [&'a str; DEEPEST],
    count: usize,
}

impl<'a> Parts<'a> {
    fn push(&mut self, text: &'a str) {
        if let Some(free) = self.texts.get_mut(self.count) {
            *free = text;
        }
        self.count += 1;
    }

    /// The steps, or the first ones of very many.
    pub fn as_slice(&self) -> &[&'a str] {
        &self.texts[..self.count.min(DEEPEST)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_messages() {
        let path = Path::of(&["services", "web", "ports"]).index(0).key("target");
        assert_eq!(path.to_string(), "services.web.ports[0].target");
        let (web, ports) = (Place::Entry("services", "web"), Place::Root.key("services"));
        let item = web.item("ports", 0);
        assert_eq!(item.key("target").to_string(), path.to_string());
        assert_eq!(ports.key("web").key("ports").index(0).key("target").to_string(), path.to_string());
        assert_eq!(item.key("target").to_path(), path);
        assert_eq!(item.key("target").parts().as_slice(), ["services", "web", "ports", "[]", "target"]);
    }

    #[test]
    fn the_parts_of_a_deep_place_are_its_first_ones() {
        let (a, b, c) = (Place::Entry("a", "b"), "c", "d");
        let (b, c) = (a.item(b, 0), c);
        let b = b.item(c, 0);
        let c = b.item("e", 0);
        assert_eq!(c.item("f", 1).parts().as_slice(), ["a", "b", "c", "[]", "d", "[]", "e", "[]", "f"]);
    }
}

//! Places in a Compose tree, as messages name them: `services.web.ports[0]`.

use std::fmt;
use std::sync::Arc;

/// One step down a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Key(String),
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
        keys.iter().fold(Self::root(), |parent, key| parent.key(key))
    }

    /// The entry `key` of the mapping at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_messages() {
        let path = Path::of(&["services", "web", "ports"]).index(0).key("target");
        assert_eq!(path.to_string(), "services.web.ports[0].target");
        assert_eq!(path.parts(), ["services", "web", "ports", "[]", "target"]);
    }
}

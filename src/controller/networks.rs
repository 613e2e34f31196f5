//! Which stack of a namespace gives which networks, for those that call a network external.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cluster::StackKey;

/// Networks by stack. Filled from translated stacks, so that after a start it is complete only once every stack has been looked at.
#[derive(Debug, Default)]
pub struct Networks {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    offered: BTreeMap<StackKey, BTreeSet<String>>,
    wanted: BTreeMap<StackKey, BTreeSet<String>>,
}

/// Whether a network exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    Exists,
    Missing,
    /// A stack that could give it has not been looked at yet.
    Unknown,
}

impl Networks {
    /// Notes what a stack gives and wants; the stacks that this may matter to.
    pub fn note(&self, stack: &StackKey, offered: BTreeSet<String>, wanted: BTreeSet<String>) -> Vec<StackKey> {
        let mut inner = self.lock();
        if wanted.is_empty() {
            inner.wanted.remove(stack);
        } else {
            inner.wanted.insert(stack.clone(), wanted);
        }
        let old = inner.offered.insert(stack.clone(), offered);
        if old.as_ref() == inner.offered.get(stack) { Vec::new() } else { inner.others_that_want(stack) }
    }

    /// Notes that a stack can't be read: it gives what it gave before, since what ran keeps running.
    pub fn refused(&self, stack: &StackKey) -> Vec<StackKey> {
        let mut inner = self.lock();
        if inner.offered.contains_key(stack) {
            return Vec::new();
        }
        inner.offered.insert(stack.clone(), BTreeSet::new());
        inner.others_that_want(stack)
    }

    /// Forgets a stack that is gone; the stacks that this may matter to.
    pub fn forget(&self, stack: &StackKey) -> Vec<StackKey> {
        let mut inner = self.lock();
        inner.wanted.remove(stack);
        match inner.offered.remove(stack) {
            Some(offered) if !offered.is_empty() => inner.others_that_want(stack),
            _ => Vec::new(),
        }
    }

    /// Whether another stack of the namespace gives the network. `stacks` are all stacks of the namespace.
    pub fn look_up(&self, stack: &StackKey, network: &str, stacks: &[StackKey]) -> Existence {
        let inner = self.lock();
        let mut others = stacks.iter().filter(|s| *s != stack);
        if others.clone().any(|s| inner.offered.get(s).is_some_and(|names| names.contains(network))) {
            Existence::Exists
        } else if others.any(|s| !inner.offered.contains_key(s)) {
            Existence::Unknown
        } else {
            Existence::Missing
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn others_that_want(&self, stack: &StackKey) -> Vec<StackKey> {
        self.wanted.keys().filter(|s| *s != stack && s.namespace == stack.namespace).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_missing_only_once_every_stack_has_been_asked() {
        let (giver, taker) = (StackKey::new("n", "giver"), StackKey::new("n", "taker"));
        let stacks = [giver.clone(), taker.clone()];
        let networks = Networks::default();
        let wanted = BTreeSet::from(["shared".to_owned()]);
        networks.note(&taker, BTreeSet::new(), wanted.clone());
        assert_eq!(networks.look_up(&taker, "shared", &stacks), Existence::Unknown);
        assert_eq!(networks.note(&giver, wanted, BTreeSet::new()), vec![taker.clone()], "who waits for it hears of it");
        assert_eq!(networks.look_up(&taker, "shared", &stacks), Existence::Exists);
        assert_eq!(networks.forget(&giver), vec![taker.clone()]);
        assert_eq!(networks.look_up(&taker, "shared", std::slice::from_ref(&taker)), Existence::Missing);
    }

    #[test]
    fn a_stack_does_not_give_itself_what_it_calls_external() {
        let stack = StackKey::new("n", "a");
        let networks = Networks::default();
        let names = BTreeSet::from(["own".to_owned()]);
        networks.note(&stack, names.clone(), names);
        assert_eq!(networks.look_up(&stack, "own", std::slice::from_ref(&stack)), Existence::Missing);
    }
}

//! Which stack is looked at next. A stack is never handled twice at once, and what happens to it within a moment is one look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::cluster::StackKey;

/// What happens to a stack within this time is one look.
pub const DEBOUNCE: Duration = Duration::from_millis(20);

/// Stacks that are due, and when.
#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    by_time: BTreeSet<(Instant, StackKey)>,
    at: BTreeMap<StackKey, Instant>,
    /// Stacks that are being handled, and when they are due again.
    busy: BTreeMap<StackKey, Option<Instant>>,
}

impl Queue {
    /// Makes a stack due after a delay; what is due earlier stays so.
    pub fn add(&self, stack: StackKey, after: Duration) {
        let at = Instant::now() + after;
        let mut inner = self.lock();
        match inner.busy.get_mut(&stack) {
            Some(due) => *due = Some(due.map_or(at, |due| due.min(at))),
            None => inner.schedule(stack, at),
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next stack that is due. It stays busy until [`Queue::done`].
    pub async fn next(&self) -> StackKey {
        loop {
            let changed = self.changed.notified();
            let wait = {
                let mut inner = self.lock();
                match inner.by_time.first() {
                    Some((at, _)) if *at <= Instant::now() => {
                        if let Some((_, stack)) = inner.by_time.pop_first() {
                            inner.at.remove(&stack);
                            inner.busy.insert(stack.clone(), None);
                            return stack;
                        }
                        None
                    }
                    Some((at, _)) => Some(*at),
                    None => None,
                }
            };
            match wait {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Ends the handling of a stack.
    pub fn done(&self, stack: &StackKey) {
        let mut inner = self.lock();
        if let Some(Some(at)) = inner.busy.remove(stack) {
            inner.schedule(stack.clone(), at);
            drop(inner);
            self.changed.notify_one();
        }
    }

    /// How many stacks are due and not taken yet.
    pub fn waiting(&self) -> usize {
        let now = Instant::now();
        self.lock().by_time.iter().take_while(|(at, _)| *at <= now).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn schedule(&mut self, stack: StackKey, at: Instant) {
        if let Some(due) = self.at.get(&stack).copied() {
            if due <= at {
                return;
            }
            self.by_time.remove(&(due, stack.clone()));
        }
        self.at.insert(stack.clone(), at);
        self.by_time.insert((at, stack));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str) -> StackKey {
        StackKey::new("n", name)
    }

    #[tokio::test(start_paused = true)]
    async fn many_events_are_one_look() {
        let queue = Queue::default();
        for _ in 0..10 {
            queue.add(stack("a"), Duration::from_millis(20));
        }
        assert_eq!(queue.next().await, stack("a"));
        queue.done(&stack("a"));
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_date_wins() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add(stack("a"), Duration::from_mins(10));
        queue.add(stack("a"), Duration::from_millis(20));
        queue.add(stack("a"), Duration::from_secs(5));
        queue.next().await;
        assert_eq!(start.elapsed().as_millis(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stack_is_never_handled_twice_at_once() {
        let queue = Queue::default();
        queue.add(stack("a"), Duration::ZERO);
        assert_eq!(queue.next().await, stack("a"));
        queue.add(stack("a"), Duration::ZERO);
        queue.add(stack("b"), Duration::from_secs(1));
        assert_eq!(queue.next().await, stack("b"), "a is busy");
        queue.done(&stack("a"));
        assert_eq!(queue.next().await, stack("a"), "what came in the meantime is not lost");
    }
}

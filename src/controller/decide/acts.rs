use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::observed::{Failure, Input, Repair};
use super::outcome::{Action, Cause};
use crate::translate::Key;

/// When to look again after a status that has to be written first.
pub(super) const AFTER_RECORD: Duration = Duration::from_millis(500);

/// The actions of one decision, and when to look again.
pub(super) struct Acts<'a> {
    pub actions: Vec<Action>,
    pub again: Option<Duration>,
    /// Objects that somebody changes each time they are put back, and who.
    pub contested: Vec<(Key, String)>,
    repairs: &'a BTreeMap<Key, Repair>,
    failures: &'a BTreeMap<Key, Failure>,
    now: Timestamp,
}

impl<'a> Acts<'a> {
    pub fn new(input: &'a Input<'a>) -> Self {
        Self { actions: Vec::new(), again: None, contested: Vec::new(), repairs: input.repairs, failures: input.failures, now: input.now }
    }

    /// Asks for an action, unless an earlier attempt on the same object failed so lately that it is too early for another.
    pub fn push(&mut self, action: Action) {
        match self.failures.get(&action.key()) {
            Some(failure) if failure.not_before > self.now => self.look_at(failure.not_before),
            _ => self.actions.push(action),
        }
    }

    /// Asks for the action that an earlier failure calls for.
    pub fn at_once(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Asks for a repair, unless the object has been repaired so often that it is too early for another; whether it does.
    pub fn repair(&mut self, action: Action, by: Option<&str>) -> bool {
        let key = action.key();
        let rest = self.repairs.get(&key).and_then(|r| r.last.checked_add(pause(r.count)).ok()).filter(|at| *at > self.now);
        let Some(at) = rest.filter(|_| matches!(action, Action::Apply { cause: Cause::Drift, .. })) else {
            self.push(action);
            return true;
        };
        self.look_at(at);
        self.contested.push((key, by.unwrap_or("somebody").to_owned()));
        false
    }

    pub fn look_after(&mut self, delay: Duration) {
        self.again = Some(self.again.map_or(delay, |again| again.min(delay)));
    }

    /// Looks again at a point of time; a past one asks for nothing.
    pub fn look_at(&mut self, at: Timestamp) {
        if let Ok(delay) = Duration::try_from(at.duration_since(self.now))
            && !delay.is_zero()
        {
            self.look_after(delay);
        }
    }

    pub fn failure(&self, key: &Key) -> Option<&'a Failure> {
        self.failures.get(key)
    }

    /// Whether it is time to try a name again, `after` having passed since the object in its way was read; else looks again then.
    pub fn is_due(&mut self, read: Timestamp, after: Duration) -> bool {
        let waited = Duration::try_from(self.now.duration_since(read)).unwrap_or_default();
        let rest = after.checked_sub(waited).filter(|d| !d.is_zero());
        if let Some(rest) = rest {
            self.look_after(rest);
        }
        rest.is_none()
    }
}

/// The first repairs are made at once; then the pause doubles, up to five minutes.
fn pause(count: u32) -> SignedDuration {
    let doublings = count.checked_sub(3).map(|n| n.min(9));
    SignedDuration::from_secs(doublings.map_or(0, |n| (1_i64 << n).min(300)))
}

//! What is remembered of one stack between two looks at it. A restart loses it, and nothing but speed.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::api::ComposeStackStatus;
use crate::cluster::view::Seen;
use crate::cluster::{Fetched, Reference};
use crate::translate::Key;

use super::decide::{Answer, Failure, Kept, Probed, Repair};
use super::good::Good;
use super::pace::Pace;
use super::translation::Translation;

/// The memory of one stack.
#[derive(Debug, Default)]
pub struct Memory {
    /// The stack's uid: a successor of the same name starts anew.
    pub uid: String,
    /// The generation that `failures` speak of.
    pub generation: i64,
    pub translation: Option<Translation>,
    /// Objects that the stack names, as one GET showed them; `None`: there was nothing.
    pub copies: BTreeMap<Reference, Option<Fetched>>,
    /// Answers to our writes that the watch has not shown yet.
    pub written: BTreeMap<Key, Seen>,
    /// Uids of what was deleted and is still in the cache.
    pub deleted: BTreeMap<Key, String>,
    /// Answers that no written status holds yet.
    pub answers: BTreeMap<Key, Answer>,
    pub probed: BTreeMap<Key, Probed>,
    pub failures: BTreeMap<Key, Failure>,
    /// Failures in a row, by object.
    pub attempts: BTreeMap<Key, u32>,
    /// Repairs of drift, by object.
    pub repairs: BTreeMap<Key, Repair>,
    /// The answer to our last write of the status, with its resourceVersion.
    pub status: Option<(u64, ComposeStackStatus)>,
    /// What has become of the latest record of a revision.
    pub kept: Kept,
    /// The last good revision, where it is what counts.
    pub good: Option<Good>,
    /// A revision of the stack is kept.
    pub keeps: bool,
    pub pace: Pace,
    pub status_attempts: u32,
    /// Events that were published since the status was last settled.
    pub told: BTreeSet<(&'static str, String)>,
    /// The reason under which the stack is counted.
    pub counted: Option<String>,
}

impl Memory {
    /// The status tells now what was remembered until it would.
    pub fn is_on_record(&mut self) {
        self.answers.clear();
        if matches!(self.kept, Kept::Is(_)) {
            self.kept = Kept::AsRecorded;
        }
    }

    /// Counts a repair of drift; those of an object that has been left alone for ten minutes are forgotten.
    pub fn repaired(&mut self, key: Key, now: Timestamp) {
        self.repairs.retain(|_, r| now.duration_since(r.last) < SignedDuration::from_mins(10));
        let count = self.repairs.get(&key).map_or(0, |r| r.count) + 1;
        self.repairs.insert(key, Repair { count, last: now });
    }
}

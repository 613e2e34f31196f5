use std::time::Duration;

use crate::api::{ComposeStackStatus, Revision};
use crate::translate::{Key, Object};

/// What a decision asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Independent of one another: they may be carried out at once, in any order, and any may fail.
    pub actions: Vec<Action>,
    pub status: ComposeStackStatus,
    /// Events to publish.
    pub notes: Vec<Note>,
    /// Look again after this time even if nothing changes.
    pub again: Option<Duration>,
    /// What to do about the record of the last good revision, once there is no action left.
    pub record: Option<Record>,
    /// All this is about the last good revision, and not about what is wanted.
    pub undone: bool,
}

/// What becomes of the record of a stack's last good revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// What the stack is made from now is kept, in the place of what was kept before.
    Keep(Revision),
    /// No update of this stack is to be undone any more.
    Drop,
}

/// One write, or one read that a decision needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// POST. A 409 is answered by a read of the object, which comes back in `Live::probed`.
    Create { object: Box<Object> },
    /// Server-side apply with the uid in the body.
    Apply {
        object: Box<Object>,
        uid: String,
        cause: Cause,
        /// Its replicas, which are not in it, are still ours: they are let go of first, so that they stay as they are.
        releases: bool,
    },
    /// Delete with preconditions on uid and resourceVersion.
    Delete {
        key: Key,
        uid: String,
        resource_version: String,
        /// What it made stays, for its successor.
        orphans: bool,
    },
    /// Read the object and compare it with `object`, because the hash of our fields after our last write is unknown; a difference is
    /// repaired by applying. Either way the answer goes to `Unseen::answers`.
    Compare { object: Box<Object>, uid: String },
}

impl Action {
    /// The object that it is about.
    pub fn key(&self) -> Key {
        match self {
            Action::Create { object } | Action::Apply { object, .. } | Action::Compare { object, .. } => object.key(),
            Action::Delete { key, .. } => key.clone(),
        }
    }
}

/// Why an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its inputs, or its replicas, changed.
    Changed,
    /// Somebody changed a field that is ours.
    Drift,
    /// It is ours but had lost its labels, or was handed to us.
    Adopted,
}

/// One Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub warning: bool,
    pub reason: &'static str,
    /// At most 1024 bytes.
    pub message: String,
}

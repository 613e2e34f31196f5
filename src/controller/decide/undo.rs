//! What is on record of the wanted update's failure, and of the revision that can be put back.

use super::observed::{Input, Kept, Refusal};
use crate::api::{Revision, RolledBack};
use crate::translate::Desired;

/// Whether the wanted update has failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo<'a> {
    No,
    /// It has, and the last good revision is what counts.
    Back(&'a RolledBack),
    /// It has, and the last good revision is of no use.
    Stuck(&'a RolledBack, &'a Refusal),
}

/// The revision that is kept, as far as anything is known of it.
pub(super) fn revision<'a>(input: &'a Input) -> Option<&'a Revision> {
    match input.kept {
        Kept::Is(revision) => revision.as_ref(),
        Kept::AsRecorded | Kept::Refused { .. } => input.recorded.revision.as_ref(),
    }
}

/// The record of the wanted update's failure.
pub(super) fn record<'a>(input: &'a Input, wanted: &Desired) -> Option<&'a RolledBack> {
    let record = input.recorded.rolled_back.as_ref()?;
    (record.generation == input.stack.generation && record.inputs == wanted.inputs()).then_some(record)
}

/// Whether what is wanted is another revision than the one that could be put back.
pub(super) fn is_update(input: &Input, wanted: &Desired) -> bool {
    wanted.is_to_be_kept() && revision(input).is_some_and(|revision| revision.inputs != wanted.inputs())
}

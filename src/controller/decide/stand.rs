//! Whose the object of a wanted name is, and what follows while it isn't ours.

use std::time::Duration;

use super::acts::Acts;
use super::observed::{LiveObject, Observed};
use super::view::{Scene, Seen};
use crate::translate::Key;

/// After which time a name that somebody else holds is tried again.
const FOREIGN_RETRY: Duration = Duration::from_secs(30);
/// After which time an object that is about to go is looked for again, where no watch shows it.
const DELETION_RETRY: Duration = Duration::from_secs(5);

/// Whose the object of a wanted name is.
pub(super) enum Stand<'a> {
    Missing,
    /// It goes, or its owner has gone, and the name comes free.
    Going(Seen<'a>),
    /// Somebody else's, in words.
    Taken(Seen<'a>, &'a str),
    /// Ours, or handed to us, but without the labels by which the caches select.
    Stray(&'a LiveObject),
    Ours(&'a LiveObject),
}

pub(super) fn stand<'a>(scene: &Scene<'a>, key: &Key) -> Stand<'a> {
    let Some(seen) = scene.get(key) else { return Stand::Missing };
    if scene.is_ours(&seen) {
        return match (seen.deleting, seen.labelled) {
            (true, _) => Stand::Going(seen),
            (false, false) => Stand::Stray(seen.object),
            (false, true) => Stand::Ours(seen.object),
        };
    }
    match &seen.object.whose {
        _ if seen.deleting => Stand::Going(seen),
        Observed::Orphan => Stand::Going(seen),
        Observed::Foreign(owner) => Stand::Taken(seen, owner),
        Observed::Adoptable | Observed::Ours => Stand::Stray(seen.object),
    }
}

/// Whether to try the name again now, because no watch shows when it comes free.
pub(super) fn is_due(seen: &Seen, acts: &mut Acts) -> bool {
    let foreign = !seen.deleting && matches!(seen.object.whose, Observed::Foreign(_));
    seen.read.is_some_and(|read| acts.is_due(read, if foreign { FOREIGN_RETRY } else { DELETION_RETRY }))
}

/// What to say of a name that comes free.
pub(super) fn going(key: &Key) -> String {
    format!("an older {key} is being deleted; it is made anew when that is gone")
}

/// What to say of a name that is taken.
pub(super) fn taken(key: &Key, owner: &str) -> String {
    format!("{key} exists already and belongs to {owner}; it is left alone")
}

//! Carries actions out, concurrently within a stack, and notes the answers.

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;

use crate::cluster::apply::{self, Compared, Place};
use crate::cluster::client::{Class, Error};
use crate::cluster::view::Seen;
use crate::translate::Key;

use super::backoff;
use super::context::Context;
use super::decide::{Action, Answer, Cause, Failure, FailureKind};
use super::memory::Memory;
use super::observe::{Sight, Viewer};

/// Calls at once for one stack.
const CONCURRENCY: usize = 8;

/// What became of one action.
enum Effect {
    /// Created or applied.
    Written(Seen),
    /// A create met an object of that name; as a read then showed it.
    Exists(Option<Seen>),
    /// Deleted, by uid.
    Deleted(String),
    /// Compared, and as it is to be.
    Same(Seen),
    /// The object to compare is gone.
    Gone,
    Failed(Error),
}

/// Carries actions out; whether all of them succeeded.
pub async fn act(ctx: &Context, place: &Place, viewer: &Viewer<'_>, memory: &mut Memory, sight: &Sight, actions: Vec<Action>) -> bool {
    for action in &actions {
        if let Action::Apply { object, cause: Cause::Drift, .. } = action {
            memory.repaired(object.key(), Timestamp::now());
        }
    }
    let jobs: Vec<_> = actions
        .into_iter()
        .map(|action| {
            let key = key(&action);
            let latest = memory.written.get(&key).or_else(|| sight.cached.get(&key).map(AsRef::as_ref));
            // Of an object that no watch shows, a read has to tell.
            let posted = latest.is_none_or(|seen| seen.posted);
            (key, action, posted)
        })
        .collect();
    let effects: Vec<(Key, Effect)> = stream::iter(jobs)
        .map(|(key, action, posted)| async move {
            let effect = carry_out(ctx, place, action, posted).await;
            (key, effect)
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let now = Timestamp::now();
    let mut succeeded = true;
    for (key, effect) in effects {
        match effect {
            Effect::Failed(error) => {
                succeeded = false;
                fail(memory, key, &error, now);
                continue;
            }
            Effect::Exists(found) => {
                match found {
                    Some(seen) => memory.probed.insert(key.clone(), viewer.probed(key.kind, &seen, now)),
                    None => memory.probed.remove(&key),
                };
            }
            Effect::Written(seen) => note(memory, &key, seen),
            Effect::Deleted(uid) => {
                memory.answers.remove(&key);
                memory.deleted.insert(key.clone(), uid);
            }
            Effect::Same(seen) => {
                memory.answers.insert(key.clone(), Answer { uid: seen.uid, fields: seen.fields });
            }
            Effect::Gone => {}
        }
        memory.failures.remove(&key);
        memory.attempts.remove(&key);
    }
    succeeded
}

fn key(action: &Action) -> Key {
    match action {
        Action::Create { object } | Action::Apply { object, .. } | Action::Compare { object, .. } => object.key(),
        Action::Delete { key, .. } => key.clone(),
    }
}

async fn carry_out(ctx: &Context, place: &Place, action: Action, posted: bool) -> Effect {
    let caller = &ctx.caller;
    let result = match action {
        Action::Create { object } => {
            let key = object.key();
            match apply::create(caller, place, *object).await {
                Err(error) if error.is_already_exists() => apply::read(caller, &place.namespace, &key).await.map(Effect::Exists),
                other => other.map(Effect::Written),
            }
        }
        Action::Apply { object, uid, releases, .. } => {
            let released = if releases { apply::release_replicas(caller, place, &object.key(), &uid).await } else { Ok(()) };
            match released {
                Ok(()) => apply::apply(caller, place, *object, &uid, posted).await.map(Effect::Written),
                Err(error) => Err(error),
            }
        }
        Action::Delete { key, uid, resource_version, orphans } => {
            apply::delete(caller, &place.namespace, &key, &uid, &resource_version, orphans).await.map(|()| Effect::Deleted(uid))
        }
        Action::Compare { object, uid } => apply::compare(caller, place, *object, &uid).await.map(|compared| match compared {
            Some(Compared { seen, repaired: true }) => Effect::Written(seen),
            Some(Compared { seen, repaired: false }) => Effect::Same(seen),
            None => Effect::Gone,
        }),
    };
    result.unwrap_or_else(Effect::Failed)
}

fn note(memory: &mut Memory, key: &Key, seen: Seen) {
    memory.probed.remove(key);
    memory.deleted.remove(key);
    memory.answers.insert(key.clone(), Answer { uid: seen.uid.clone(), fields: seen.fields.clone() });
    memory.written.insert(key.clone(), seen);
}

fn fail(memory: &mut Memory, key: Key, error: &Error, now: Timestamp) {
    let kind = match error.class() {
        // It passes with the namespace, and nothing can be made until then.
        _ if error.namespace_is_terminating() => FailureKind::Refused,
        _ if error.is_immutable() => FailureKind::Immutable,
        Class::Forbidden => FailureKind::Forbidden,
        Class::Refused => FailureKind::Refused,
        Class::Conflict | Class::Missing | Class::Transient => FailureKind::Transient,
    };
    let attempts = memory.attempts.entry(key.clone()).or_default();
    *attempts += 1;
    let delay = backoff::delay(kind, *attempts);
    tracing::info!(object = %key, %error, attempts, "a write failed");
    memory.failures.insert(key, Failure { kind, message: error.message(), not_before: now + delay });
}

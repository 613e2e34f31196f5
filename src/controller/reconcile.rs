//! One look at one stack: observe, decide, act, until there is nothing left to do; then status.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::api::ComposeStackStatus;
use crate::api::keys::{condition, reason};
use crate::cluster::StackKey;
use crate::cluster::apply::Place;
use crate::cluster::client::Error;
use crate::cluster::retry::jittered;
use crate::cluster::stack::{StackEntry, write_status};
use crate::telemetry::metrics;

use super::act::act;
use super::backoff;
use super::context::Context;
use super::decide::{FailureKind, Input, Kept, Note, Observed, Outcome, StackView, decide};
use super::memory::Memory;
use super::observe::{Sight, Viewer};
use super::revision;
use super::wanted::{Later, Wanted, wanted};

/// Looks at a stack even though nothing happened: a delete that falls into a relist, or an event that is lost, is found by it.
const PERIOD: Duration = Duration::from_mins(10);
/// Decisions in one look; each but the last one acts.
const ROUNDS: usize = 6;

/// Looks at a stack; when to look again by itself, if at all.
pub async fn reconcile(ctx: &Context, key: &StackKey) -> Option<Duration> {
    let Some(entry) = ctx.cache.stack(key) else {
        if let Some(uid) = ctx.forget(key) {
            revision::forget(ctx, &uid).await;
        }
        count(ctx, "gone");
        return None;
    };
    if ctx.cache.namespace(&key.namespace).terminating {
        count(ctx, "gone");
        return None;
    }
    let mut memory = ctx.take(key, entry.uid());
    let again = look(ctx, key, &entry, &mut memory).await;
    ctx.keep(key, memory);
    Some(again)
}

async fn look(ctx: &Context, key: &StackKey, entry: &StackEntry, memory: &mut Memory) -> Duration {
    let generation = entry.stack.metadata.generation.unwrap_or_default();
    if memory.generation != generation {
        // What was refused may be mended by what changed.
        memory.generation = generation;
        memory.failures.clear();
        memory.attempts.clear();
        // Nor does what somebody else fought over hold back what the user wants now.
        memory.repairs.clear();
        if matches!(memory.kept, Kept::Refused { .. }) {
            memory.kept = Kept::AsRecorded;
        }
    }
    let undone = recorded(entry, memory).and_then(|status| status.rolled_back.clone());
    if let Err(error) = revision::good(ctx, key, entry, undone.as_ref(), memory).await {
        return later(ctx, key, memory, &error);
    }
    let wanted = match wanted(ctx, key, entry, memory).await {
        Ok(wanted) => wanted,
        Err(Later::Woken) => return jittered(PERIOD),
        Err(Later::Failed(error)) => return later(ctx, key, memory, &error),
    };
    let place = Place { namespace: key.namespace.clone(), owner: entry.owner_reference() };
    let viewer = Viewer { cache: &ctx.cache, stack: key, uid: entry.uid() };
    let keys = wanted.keys();
    let mut acted = false;
    for round in 1.. {
        let sight = viewer.observe(memory, &keys);
        let outcome = decision(key, entry, memory, &wanted, &sight);
        let obstructed = sight.live.objects.iter().any(|(k, o)| o.whose != Observed::Ours && keys.contains(k)) || !memory.probed.is_empty();
        ctx.cache.set_obstructed(key, obstructed);
        if let (true, Some(record)) = (outcome.actions.is_empty() && round < ROUNDS, outcome.record.clone()) {
            match revision::carry_out(ctx, key, entry, memory, record).await {
                Ok(()) => continue,
                Err(error) => return later(ctx, key, memory, &error),
            }
        }
        if outcome.actions.is_empty() || round == ROUNDS {
            count(ctx, if acted { "acted" } else { "settled" });
            return conclude(ctx, key, entry, memory, outcome).await;
        }
        acted = true;
        let Outcome { actions, notes, .. } = outcome;
        for action in &actions {
            tracing::debug!(stack = %key, round, action = %describe(action));
        }
        if act(ctx, &place, &viewer, memory, &sight, actions).await {
            // What rests on the recorded status is told when that is written.
            let of_actions = [reason::UPDATED, reason::DRIFT_REPAIRED];
            tell(ctx, entry, memory, notes.into_iter().filter(|n| of_actions.contains(&n.reason)).collect());
        }
    }
    PERIOD
}

/// Looks again when the API server may answer.
fn later(ctx: &Context, key: &StackKey, memory: &mut Memory, error: &Error) -> Duration {
    tracing::warn!(stack = %key, %error, "a source or a revision can't be read or kept");
    count(ctx, "failed");
    memory.status_attempts += 1;
    backoff::delay(FailureKind::Transient, memory.status_attempts)
}

fn decision(key: &StackKey, entry: &StackEntry, memory: &Memory, wanted: &Wanted, sight: &Sight) -> Outcome {
    let meta = &entry.stack.metadata;
    let stack = StackView {
        name: key.name.clone(),
        namespace: key.namespace.clone(),
        uid: entry.uid().to_owned(),
        generation: meta.generation.unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        suspend: entry.stack.spec.suspend,
        stopped: entry.stack.spec.stopped,
    };
    let nothing = ComposeStackStatus::default();
    decide(&Input {
        stack,
        desired: wanted.desired.as_deref().map_err(AsRef::as_ref),
        good: wanted.good.as_ref().map(|good| good.as_deref().map_err(AsRef::as_ref)),
        kept: &memory.kept,
        warnings: &wanted.warnings,
        live: &sight.live,
        unseen: &sight.unseen,
        missing: &wanted.missing,
        recorded: recorded(entry, memory).unwrap_or(&nothing),
        failures: &memory.failures,
        repairs: &memory.repairs,
        now: Timestamp::now(),
    })
}

/// The newer of what the cache shows and what our last write of the status was answered with.
fn recorded<'a>(entry: &'a StackEntry, memory: &'a Memory) -> Option<&'a ComposeStackStatus> {
    match &memory.status {
        Some((version, status)) if *version > cached_version(entry) => Some(status),
        _ => entry.stack.status.as_ref(),
    }
}

/// The resourceVersion of what `recorded` gives.
fn recorded_version(entry: &StackEntry, memory: &Memory) -> u64 {
    memory.status.as_ref().map_or(0, |(version, _)| *version).max(cached_version(entry))
}

fn cached_version(entry: &StackEntry) -> u64 {
    entry.stack.metadata.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or_default()
}

/// Writes the status where that is due, and says when to look again.
async fn conclude(ctx: &Context, key: &StackKey, entry: &StackEntry, memory: &mut Memory, outcome: Outcome) -> Duration {
    let Outcome { actions, status, notes, again, .. } = outcome;
    memory.keeps = status.revision.is_some();
    let again = again.unwrap_or(PERIOD).min(if actions.is_empty() { PERIOD } else { Duration::from_secs(1) });
    let ready = status.conditions.iter().find(|c| c.type_ == condition::READY).map(|c| c.reason.clone());
    ctx.count(memory.counted.as_deref(), ready.as_deref());
    memory.counted = ready;
    let nothing = ComposeStackStatus::default();
    if recorded(entry, memory).unwrap_or(&nothing) == &status {
        memory.is_on_record();
        memory.told.clear();
        memory.pace.settled();
        memory.status_attempts = 0;
        return jittered(again);
    }
    let old = recorded(entry, memory).unwrap_or(&nothing).clone();
    let wait = memory.pace.delay(&old, &status);
    if !wait.is_zero() {
        return again.min(wait);
    }
    match write_status(&ctx.caller, entry, recorded_version(entry, memory), &status).await {
        Ok(written) => {
            tracing::info!(stack = %key, reason = memory.counted, summary = status.summary, "status");
            memory.pace.written(&old, &status);
            memory.status = Some(written);
            memory.status_attempts = 0;
            memory.is_on_record();
            tell(ctx, entry, memory, notes);
            memory.told.clear();
            again
        }
        Err(error) => {
            tracing::info!(stack = %key, %error, "the status can't be written");
            memory.status_attempts += 1;
            again.min(backoff::delay(FailureKind::Transient, memory.status_attempts))
        }
    }
}

/// Publishes Events, each once until the status is settled.
fn tell(ctx: &Context, entry: &StackEntry, memory: &mut Memory, notes: Vec<Note>) {
    let news: Vec<Note> = notes.into_iter().filter(|n| memory.told.insert((n.reason, n.message.clone()))).collect();
    if news.is_empty() {
        return;
    }
    let (events, about) = (ctx.events.clone(), entry.object_reference());
    tokio::spawn(async move {
        for note in news {
            events.publish(&about, note.warning, note.reason, &note.message).await;
        }
    });
}

fn describe(action: &super::decide::Action) -> String {
    use super::decide::Action;
    match action {
        Action::Create { object } => format!("create {}", object.key()),
        Action::Apply { object, cause, .. } => format!("apply {} ({cause:?})", object.key()),
        Action::Delete { key, .. } => format!("delete {key}"),
        Action::Compare { object, .. } => format!("compare {}", object.key()),
    }
}

fn count(ctx: &Context, result: &'static str) {
    ctx.caller.metrics().reconciles.get_or_create(&metrics::Outcome { result }).inc();
}

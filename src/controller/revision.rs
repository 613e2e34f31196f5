//! The last good revision of a stack: kept once the stack is ready, read when an update has failed and is to be undone.

use std::sync::Arc;

use crate::api::keys::reason;
use crate::api::{Revision, RolledBack};
use crate::cluster::StackKey;
use crate::cluster::client::{Class, Error};
use crate::cluster::revision::{self, Refused, Sources};
use crate::cluster::stack::StackEntry;

use super::context::Context;
use super::decide::{Kept, Record, Refusal};
use super::good::{Good, Revived};
use super::memory::Memory;
use super::source;

/// Reads and translates the last good revision, where an update of the present generation has failed and that isn't done yet.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn good(
    ctx: &Context,
    key: &StackKey,
    entry: &StackEntry,
    failure: Option<&RolledBack>,
    memory: &mut Memory,
) -> Result<(), Error> {
    let failure = failure.filter(|failure| Some(failure.generation) == entry.stack.metadata.generation);
    let Some(failure) = failure else {
        memory.good = None;
        return Ok(());
    };
    if memory.good.as_ref().is_some_and(|good| good.failure == *failure) {
        return Ok(());
    }
    let sources = revision::read(&ctx.caller, &ctx.namespace, entry.uid()).await?;
    let revived =
        sources.map(|sources| Revived::new(&ctx.cache, &ctx.settings, key, sources, &memory.copies)).ok_or_else(|| Arc::new(gone()));
    memory.good = Some(Good { failure: failure.clone(), revived });
    Ok(())
}

fn gone() -> Refusal {
    Refusal { reason: reason::ROLLED_BACK, message: "the record of the last good revision is gone".to_owned() }
}

/// Keeps or forgets a revision, and remembers what has become of that.
///
/// # Errors
/// Where the API server does not answer: it is to be tried again.
pub async fn carry_out(ctx: &Context, key: &StackKey, entry: &StackEntry, memory: &mut Memory, record: Record) -> Result<(), Error> {
    match record {
        Record::Keep(revision) => {
            let spec = &entry.stack.spec;
            let sources = Sources::new(spec, &memory.copies, &source::references(spec));
            memory.kept = keep(ctx, key, entry, &sources, revision).await?;
        }
        Record::Drop => {
            revision::forget(&ctx.caller, &ctx.namespace, entry.uid()).await?;
            memory.kept = Kept::Is(None);
        }
    }
    Ok(())
}

async fn keep(ctx: &Context, key: &StackKey, entry: &StackEntry, sources: &Sources, revision: Revision) -> Result<Kept, Error> {
    match revision::keep(&ctx.caller, &ctx.namespace, key, entry.uid(), sources).await {
        Ok(()) => {
            tracing::info!(stack = %key, generation = revision.generation, "the revision is kept");
            Ok(Kept::Is(Some(revision)))
        }
        Err(Refused::Answer(error)) if !matches!(error.class(), Class::Forbidden | Class::Refused) => Err(error),
        Err(refused) => {
            tracing::warn!(stack = %key, error = %refused, "the revision can't be kept");
            Ok(Kept::Refused { inputs: revision.inputs, message: refused.to_string() })
        }
    }
}

/// Forgets the revision of a stack that is gone.
pub async fn forget(ctx: &Context, uid: &str) {
    if let Err(error) = revision::forget(&ctx.caller, &ctx.namespace, uid).await {
        tracing::warn!(%error, "the revision of a stack that is gone stays until the next start");
    }
}

/// Forgets the revisions of stacks that went while there was no operator.
pub async fn sweep(ctx: &Context) {
    match revision::kept(&ctx.caller, &ctx.namespace).await {
        Ok(uids) => {
            for uid in uids.iter().filter(|uid| !ctx.cache.is_alive(uid)) {
                forget(ctx, uid).await;
            }
        }
        Err(error) => tracing::warn!(%error, "revisions of stacks that are gone can't be looked for"),
    }
}

//! What a stack is to become now. That is kept for as long as nothing that it was made from has changed: events of pods and Deployments
//! translate nothing anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::StackWarning;
use crate::api::keys::reason;
use crate::cluster::client::{Class, Error};
use crate::cluster::stack::StackEntry;
use crate::cluster::{Reference, ReferenceKind, StackKey, fetch};
use crate::translate::{External, ExternalKind, Key, namespace_network_label};

use super::context::Context;
use super::decide::Refusal;
use super::facts::facts;
use super::good::Good;
use super::memory::Memory;
use super::networks::Existence;
use super::queue::DEBOUNCE;
use super::source;
use super::translation::{Load, Translated, Translation, load, settings, translate};

/// What a decision takes as wanted.
pub struct Wanted {
    pub desired: Translated,
    /// What the last good revision becomes, where that is read.
    pub good: Option<Translated>,
    pub warnings: Arc<[StackWarning]>,
    /// External resources that do not exist.
    pub missing: BTreeSet<External>,
}

/// Why there is nothing to decide on yet.
pub enum Later {
    /// The stack will be woken when that changes.
    Woken,
    /// The API server did not answer.
    Failed(Error),
}

impl Wanted {
    /// The desired objects, by name.
    pub fn keys(&self) -> BTreeSet<&Key> {
        let good = self.good.iter().flat_map(|good| good.iter());
        self.desired.iter().chain(good).flat_map(|d| d.objects.keys()).collect()
    }

    fn refused(reason: &'static str, message: String) -> Self {
        let desired = Err(Arc::new(Refusal { reason, message }));
        Self { desired, good: None, warnings: Arc::default(), missing: BTreeSet::new() }
    }
}

/// What the stack is to become now.
///
/// # Errors
/// Where a source can't be read, or another stack must be looked at first.
pub async fn wanted(ctx: &Context, key: &StackKey, entry: &StackEntry, memory: &mut Memory) -> Result<Wanted, Later> {
    let wanted = work_out(ctx, key, entry, memory).await?;
    if wanted.desired.is_err() {
        for other in ctx.networks.refused(key) {
            ctx.queue.add(other, DEBOUNCE);
        }
    }
    Ok(wanted)
}

async fn work_out(ctx: &Context, key: &StackKey, entry: &StackEntry, memory: &mut Memory) -> Result<Wanted, Later> {
    if let Some(problem) = &entry.problem {
        return Ok(Wanted::refused(reason::INVALID_SPEC, problem.clone()));
    }
    let spec = &entry.stack.spec;
    let generation = entry.stack.metadata.generation.unwrap_or_default();
    let sources = source::references(spec);
    let mut known = memory.translation.as_ref().map(|t| t.named.clone()).unwrap_or_default();
    let undone: BTreeSet<Reference> = memory.good.iter().flat_map(Good::named).cloned().collect();
    known.extend(undone.iter().cloned());
    ctx.cache.refer(key, sources.union(&known).cloned().collect());
    if let Some(refused) = refresh(ctx, key, memory, &sources).await? {
        return Ok(refused);
    }
    let versions: BTreeMap<_, _> = sources.iter().map(|r| (r.clone(), version(memory, r))).collect();
    let mut loaded = None;
    let mut named = known;
    let same = memory.translation.as_ref().is_some_and(|t| t.generation == generation && t.sources == versions);
    if !same {
        let load = load(key, spec, &memory.copies);
        named = load.as_ref().map(Load::named).unwrap_or_default();
        named.extend(undone);
        loaded = Some(load);
        let all: BTreeSet<_> = sources.union(&named).cloned().collect();
        memory.copies.retain(|reference, _| all.contains(reference));
        ctx.cache.refer(key, all);
    }
    if let Some(refused) = refresh(ctx, key, memory, &named).await? {
        return Ok(refused);
    }
    let facts = facts(&ctx.cache, key, &memory.copies, &named);
    if !same || memory.translation.as_ref().is_none_or(|t| t.facts != facts) {
        let load = loaded.unwrap_or_else(|| load(key, spec, &memory.copies));
        let translated = translate(load, || settings(spec, &ctx.settings), spec, &facts);
        memory.translation = Some(Translation { generation, sources: versions, facts, ..translated });
    }
    let good = good(ctx, key, memory);
    let Some(translation) = &memory.translation else { return Err(Later::Woken) };
    let mut missing = missing(ctx, key, memory, &translation.desired)?;
    if let Some(good) = &good {
        missing.extend(absent(ctx, key, memory, good)?);
    }
    Ok(Wanted { desired: translation.desired.clone(), good, warnings: translation.warnings.clone(), missing })
}

/// What the last good revision is to become, where that is read.
fn good(ctx: &Context, key: &StackKey, memory: &mut Memory) -> Option<Translated> {
    let good = memory.good.as_mut()?;
    if let Ok(revived) = &mut good.revived {
        revived.refresh(&ctx.cache, &ctx.settings, key, &memory.copies);
    }
    Some(good.desired())
}

/// Reads what has changed since it was last read: one GET per object and change.
async fn refresh(ctx: &Context, key: &StackKey, memory: &mut Memory, wanted: &BTreeSet<Reference>) -> Result<Option<Wanted>, Later> {
    for reference in wanted {
        let now = ctx.cache.version(&key.namespace, reference);
        let fresh = memory.copies.get(reference).is_some_and(|copy| !now.outdates(copy.as_ref().map(|c| c.version)));
        if fresh {
            continue;
        }
        match fetch(&ctx.caller, &key.namespace, reference).await {
            Ok(copy) => {
                memory.copies.insert(reference.clone(), copy);
            }
            Err(error) if error.class() == Class::Forbidden => {
                return Ok(Some(Wanted::refused(reason::FORBIDDEN, error.message())));
            }
            Err(error) => return Err(Later::Failed(error)),
        }
    }
    Ok(None)
}

fn version(memory: &Memory, reference: &Reference) -> Option<u64> {
    memory.copies.get(reference)?.as_ref().map(|copy| copy.version)
}

/// The external resources that do not exist.
fn missing(ctx: &Context, key: &StackKey, memory: &Memory, desired: &Translated) -> Result<BTreeSet<External>, Later> {
    let Ok(noted) = desired else { return Ok(BTreeSet::new()) };
    let externals = noted.services.iter().flat_map(|s| &s.externals);
    let wanted = externals.filter(|e| e.kind == ExternalKind::Network).map(|e| e.name.clone()).collect();
    for other in ctx.networks.note(key, noted.networks.keys().cloned().collect(), wanted) {
        ctx.queue.add(other, DEBOUNCE);
    }
    absent(ctx, key, memory, desired)
}

fn absent(ctx: &Context, key: &StackKey, memory: &Memory, desired: &Translated) -> Result<BTreeSet<External>, Later> {
    let Ok(desired) = desired else { return Ok(BTreeSet::new()) };
    let externals: BTreeSet<&External> = desired.services.iter().flat_map(|s| &s.externals).collect();
    let mut missing = BTreeSet::new();
    for external in externals {
        let reference = |kind| Reference::new(kind, external.name.clone());
        let exists = match external.kind {
            ExternalKind::Network => network_exists(ctx, key, &external.name)?,
            ExternalKind::PersistentVolumeClaim => version(memory, &reference(ReferenceKind::PersistentVolumeClaim)).is_some(),
            ExternalKind::ConfigMap => version(memory, &reference(ReferenceKind::ConfigMap)).is_some(),
            ExternalKind::Secret => version(memory, &reference(ReferenceKind::Secret)).is_some(),
        };
        if !exists {
            missing.insert(external.clone());
        }
    }
    Ok(missing)
}

fn network_exists(ctx: &Context, key: &StackKey, name: &str) -> Result<bool, Later> {
    if ctx.cache.namespace(&key.namespace).networks.contains(&namespace_network_label(name)) {
        return Ok(true);
    }
    match ctx.networks.look_up(key, name, &ctx.cache.stacks_of(&key.namespace)) {
        Existence::Exists => Ok(true),
        Existence::Missing => Ok(false),
        Existence::Unknown => Err(Later::Woken),
    }
}

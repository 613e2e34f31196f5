//! Source → Project → Desired, kept for as long as nothing that it was made from has changed: events of pods and Deployments translate
//! nothing anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::keys::reason;
use crate::api::{ComposeStackSpec, StackWarning, VolumeDefaults};
use crate::cluster::client::{Class, Error};
use crate::cluster::stack::StackEntry;
use crate::cluster::{Reference, ReferenceKind, StackKey, fetch, revision};
use crate::compose::decode::units;
use crate::compose::diagnostic::{Diagnostic, Note, SourceMap, has_errors, render_plain};
use crate::compose::model::{FileSource, Project};
use crate::compose::sources::{Options, ProjectName, Sources};
use crate::compose::{self, Loaded};
use crate::translate::{self, Desired, External, ExternalKind, Facts, Key, Kind, Settings};

use super::DEBOUNCE;
use super::context::Context;
use super::decide::Refusal;
use super::memory::Memory;
use super::networks::Existence;
use super::source::{self, Copies};

/// Layout of the claims that this operator makes.
const OUR_LAYOUT: &str = "data";

/// What a stack is to become, or why that can't be said.
pub type Translated = Result<Arc<Desired>, Arc<Refusal>>;

/// What a stack is to become, and what it was made from.
#[derive(Debug)]
pub struct Translation {
    generation: i64,
    /// The sources, each at its resourceVersion; `None`: there was nothing.
    sources: BTreeMap<Reference, Option<u64>>,
    facts: Facts,
    desired: Translated,
    warnings: Arc<[StackWarning]>,
    /// External claims, configs and secrets.
    named: BTreeSet<Reference>,
}

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
    let undone: BTreeSet<Reference> = memory.good.iter().flat_map(|good| &good.revived).flat_map(|revived| revived.named.clone()).collect();
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
    let facts = facts(ctx, key, memory, &named);
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

/// A load that worked, with what it warned of.
struct Load {
    project: Project,
    diagnostics: Vec<Diagnostic>,
    map: SourceMap,
}

impl Load {
    fn named(&self) -> BTreeSet<Reference> {
        let project = &self.project;
        let claims = project.volumes.values().filter(|v| v.external).map(|v| Reference::new(ReferenceKind::PersistentVolumeClaim, &v.name));
        let configs = project.configs.values().filter(|c| c.source == FileSource::External);
        let secrets = project.secrets.values().filter(|s| s.source == FileSource::External);
        claims
            .chain(configs.map(|c| Reference::new(ReferenceKind::ConfigMap, &c.name)))
            .chain(secrets.map(|s| Reference::new(ReferenceKind::Secret, &s.name)))
            .collect()
    }
}

fn load(key: &StackKey, spec: &ComposeStackSpec, copies: &Copies) -> Result<Load, Refusal> {
    let collected = source::collect(spec, copies)?;
    let sources = Sources { files: &collected.files, compose_files: collected.compose_files, variables: collected.variables };
    let options = Options { name: ProjectName::Resource(key.name.clone()), profiles: spec.profiles.clone(), ..Options::default() };
    let Loaded { project, diagnostics, map } = compose::load(&sources, &options);
    match project {
        Some(project) if !has_errors(&diagnostics) => Ok(Load { project, diagnostics, map }),
        _ => Err(invalid(diagnostics, &map)),
    }
}

/// The last good revision, and what it is to become as the cluster is now.
#[derive(Debug)]
pub struct Revived {
    sources: revision::Sources,
    facts: Facts,
    desired: Translated,
    /// External claims, configs and secrets.
    named: BTreeSet<Reference>,
}

impl Revived {
    pub fn new(ctx: &Context, key: &StackKey, sources: revision::Sources, memory: &Memory) -> Self {
        let named = load(key, &sources.spec, &sources.copies()).map(|load| load.named()).unwrap_or_default();
        let facts = facts(ctx, key, memory, &named);
        let desired = Self::translated(ctx, key, &sources, &facts);
        Self { sources, facts, desired, named }
    }

    fn translated(ctx: &Context, key: &StackKey, sources: &revision::Sources, facts: &Facts) -> Translated {
        let spec = &sources.spec;
        let undoing = || settings(spec, &ctx.settings).map(|settings| Settings { undoing: true, ..settings });
        translate(load(key, spec, &sources.copies()), undoing, spec, facts).desired
    }

    fn refresh(&mut self, ctx: &Context, key: &StackKey, memory: &Memory) {
        let facts = facts(ctx, key, memory, &self.named);
        if self.facts != facts {
            self.desired = Self::translated(ctx, key, &self.sources, &facts);
            self.facts = facts;
        }
    }
}

/// What the last good revision is to become, where that is read.
fn good(ctx: &Context, key: &StackKey, memory: &mut Memory) -> Option<Translated> {
    let mut good = memory.good.take()?;
    if let Ok(revived) = &mut good.revived {
        revived.refresh(ctx, key, memory);
    }
    let desired = good.revived.as_ref().map_err(Clone::clone).and_then(|revived| revived.desired.clone());
    memory.good = Some(good);
    Some(desired)
}

fn translate(
    load: Result<Load, Refusal>,
    settings: impl FnOnce() -> Result<Settings, Refusal>,
    spec: &ComposeStackSpec,
    facts: &Facts,
) -> Translation {
    let mut warnings = Vec::new();
    let mut named = BTreeSet::new();
    let desired = load.and_then(|load| {
        named = load.named();
        let settings = settings()?;
        let Load { project, mut diagnostics, map } = load;
        diagnostics.extend(unknown_services(spec, &project));
        let (desired, more) = translate::translate(&project, &settings, facts);
        diagnostics.extend(more);
        match desired {
            Some(desired) if !has_errors(&diagnostics) => {
                warnings = diagnostics.iter().map(|d| warning(d, &map)).collect();
                Ok(Arc::new(desired))
            }
            _ => Err(invalid(diagnostics, &map)),
        }
    });
    Translation {
        generation: 0,
        sources: BTreeMap::new(),
        facts: Facts::default(),
        desired: desired.map_err(Arc::new),
        warnings: warnings.into(),
        named,
    }
}

/// The admin's settings with the stack's on top.
fn settings(spec: &ComposeStackSpec, admins: &Settings) -> Result<Settings, Refusal> {
    let progress_deadline = match spec.progress_deadline.as_deref() {
        None => admins.progress_deadline,
        Some(text) => match units::duration(text).and_then(|ns| u64::try_from(ns).ok()) {
            Some(nanoseconds) if nanoseconds > 0 => nanoseconds.div_ceil(1_000_000_000),
            _ => {
                let message = format!("spec.progressDeadline: {text:?} is not a duration such as 90s or 10m");
                return Err(Refusal { reason: reason::INVALID_SPEC, message });
            }
        },
    };
    let volumes = spec.volumes.clone().unwrap_or_default();
    Ok(Settings {
        publish: spec.publish.unwrap_or(admins.publish),
        network_policy: spec.network_policy.unwrap_or(admins.network_policy),
        volumes: VolumeDefaults {
            storage_class_name: volumes.storage_class_name.or_else(|| admins.volumes.storage_class_name.clone()),
            size: volumes.size.or_else(|| admins.volumes.size.clone()),
            access_mode: volumes.access_mode.or_else(|| admins.volumes.access_mode.clone()),
        },
        image_pull_secrets: spec.image_pull_secrets.iter().map(|s| s.name.clone()).collect(),
        stopped: spec.stopped,
        services: spec.services.clone(),
        progress_deadline,
        ..admins.clone()
    })
}

/// What `scale` and `stop` wrote for a service stays when the service leaves the file; it has no effect and is told.
fn unknown_services(spec: &ComposeStackSpec, project: &Project) -> Vec<Diagnostic> {
    let known = |name: &String| project.services.contains_key(name) || project.inactive.contains(name);
    let unknown = spec.services.keys().filter(|name| !known(name));
    unknown
        .map(|name| Diagnostic::warning("unknown-service", format!("spec.services.{name}"), "there is no service of this name"))
        .collect()
}

fn invalid(mut diagnostics: Vec<Diagnostic>, map: &SourceMap) -> Refusal {
    diagnostics.retain(Diagnostic::is_error);
    Refusal { reason: reason::INVALID_SPEC, message: render_plain(&diagnostics, map).trim_end().to_owned() }
}

fn warning(diagnostic: &Diagnostic, map: &SourceMap) -> StackWarning {
    let position = diagnostic.span.and_then(|span| map.position(span));
    let help = diagnostic.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    StackWarning {
        code: diagnostic.code.to_owned(),
        path: diagnostic.path.clone(),
        position: position.map(|p| p.to_string()),
        message: format!("{}{}{help}", diagnostic.message, places(diagnostic, map)),
    }
}

/// The other places that explain a diagnostic: `; first said at compose.yaml:4:5`.
fn places(diagnostic: &Diagnostic, map: &SourceMap) -> String {
    let place = |note: Note| Some(format!("; {} at {}", note.message.trim_end_matches(" here"), map.position(note.span?)?));
    map.notes(diagnostic).into_iter().filter_map(place).collect()
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

fn facts(ctx: &Context, key: &StackKey, memory: &Memory, named: &BTreeSet<Reference>) -> Facts {
    let mut facts = Facts { namespace: Some(key.namespace.clone()), unserved: ctx.cache.unserved(), ..Facts::default() };
    // A claim of ours that is laid out as we would lay it out tells nothing new.
    for (claim, seen) in ctx.cache.objects(key, std::iter::empty()) {
        if claim.kind == Kind::PersistentVolumeClaim && !seen.deleting && seen.layout.as_deref() != Some(OUR_LAYOUT) {
            facts.claim_layouts.insert(claim.name, seen.layout.clone());
        }
    }
    for reference in named {
        let Some(copy) = memory.copies.get(reference).and_then(Option::as_ref) else { continue };
        let keys = || copy.data.keys().cloned().collect();
        match reference.kind {
            ReferenceKind::ConfigMap => drop(facts.external_keys.insert((false, reference.name.clone()), keys())),
            ReferenceKind::Secret => drop(facts.external_keys.insert((true, reference.name.clone()), keys())),
            ReferenceKind::PersistentVolumeClaim => drop(facts.claim_layouts.insert(reference.name.clone(), copy.layout.clone())),
        }
    }
    facts
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
    if ctx.cache.namespace(&key.namespace).networks.contains(&translate::namespace_network_label(name)) {
        return Ok(true);
    }
    match ctx.networks.look_up(key, name, &ctx.cache.stacks_of(&key.namespace)) {
        Existence::Exists => Ok(true),
        Existence::Missing => Ok(false),
        Existence::Unknown => Err(Later::Woken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::sources::{ComposeFile, File, FileSet, Variables};

    #[test]
    fn a_warning_names_every_place_that_its_value_comes_from() {
        let texts =
            [("a.yaml", "services:\n  web:\n    image: nginx\n    cgroup_parent: a\n"), ("b.yaml", "services: {web: {cgroup_parent: b}}")];
        let file = |(name, text): (&str, &str)| (name.to_owned(), File { content: text.as_bytes().into(), ..File::default() });
        let files = FileSet { files: texts.map(file).into() };
        let compose_files = texts.map(|(name, _)| ComposeFile::Path(name.to_owned())).into();
        let loaded = compose::load(&Sources { files: &files, compose_files, variables: Variables::new() }, &Options::default());
        let problems = loaded.project.map(|project| translate::translate(&project, &Settings::default(), &Facts::default()).1);
        let told: Vec<_> = problems.iter().flatten().map(|problem| warning(problem, &loaded.map)).collect();
        let said: Vec<_> = told.iter().map(|told| (told.position.as_deref(), told.message.as_str())).collect();
        assert_eq!(said, [(Some("b.yaml:1:18"), "a pod's control group is chosen by its node; first said at a.yaml:4:5")]);
    }
}

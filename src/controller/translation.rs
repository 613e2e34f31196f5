//! Source → Project → Desired: what a stack, or an older revision of it, is made into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::keys::reason;
use crate::api::{ComposeStackSpec, StackWarning, VolumeDefaults};
use crate::cluster::{Reference, ReferenceKind, StackKey};
use crate::compose::decode::units;
use crate::compose::diagnostic::{Diagnostic, Note, SourceMap, has_errors, render_plain};
use crate::compose::model::{FileSource, Project};
use crate::compose::sources::{Options, ProjectName, Sources};
use crate::compose::{self, Loaded};
use crate::translate::{self, Desired, Facts, Settings};

use super::decide::Refusal;
use super::source::{self, Copies};

/// What a stack is to become, or why that can't be said.
pub type Translated = Result<Arc<Desired>, Arc<Refusal>>;

/// What a stack is to become, and what it was made from.
#[derive(Debug)]
pub struct Translation {
    pub generation: i64,
    /// The sources, each at its resourceVersion; `None`: there was nothing.
    pub sources: BTreeMap<Reference, Option<u64>>,
    pub facts: Facts,
    pub desired: Translated,
    pub warnings: Arc<[StackWarning]>,
    /// External claims, configs and secrets.
    pub named: BTreeSet<Reference>,
}

/// A load that worked, with what it warned of.
pub struct Load {
    project: Project,
    diagnostics: Vec<Diagnostic>,
    map: SourceMap,
}

impl Load {
    /// The external claims, configs and secrets that the project names.
    pub fn named(&self) -> BTreeSet<Reference> {
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

/// Loads the project of a stack.
///
/// # Errors
/// Where its sources are missing or aren't valid.
pub fn load(key: &StackKey, spec: &ComposeStackSpec, copies: &Copies) -> Result<Load, Refusal> {
    let collected = source::collect(spec, copies)?;
    let sources = Sources { files: &collected.files, compose_files: collected.compose_files, variables: collected.variables };
    let options = Options { name: ProjectName::Resource(key.name.clone()), profiles: spec.profiles.clone(), ..Options::default() };
    let Loaded { project, diagnostics, map } = compose::load(&sources, &options);
    match project {
        Some(project) if !has_errors(&diagnostics) => Ok(Load { project, diagnostics, map }),
        _ => Err(invalid(diagnostics, &map)),
    }
}

/// What a loaded project becomes. Of what it is made from it knows the facts alone; the rest is the caller's to note.
pub fn translate(
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
///
/// # Errors
/// Where the stack's can't be read.
pub fn settings(spec: &ComposeStackSpec, admins: &Settings) -> Result<Settings, Refusal> {
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

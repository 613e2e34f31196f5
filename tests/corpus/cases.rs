//! The valid cases of the corpus as the operator would have them: with their files, under a legal name.

use compose_operator::compose::diagnostic::{Diagnostic, SourceMap, has_errors};
use compose_operator::compose::model::Project;
use compose_operator::translate::{Desired, Facts, Policy, Settings, translate};

use crate::corpus::{self, Case};

/// A project of the corpus.
pub struct Valid {
    pub name: String,
    pub project: Project,
}

impl Valid {
    /// What it becomes, and what there is to say about it.
    pub fn translate(&self, settings: &Settings) -> (Option<Desired>, Vec<Diagnostic>) {
        translate(&self.project, settings, &Facts::default())
    }
}

/// Every case that loads as a project that could run: what only prints a file as it is written is none.
pub fn valid() -> Option<Vec<Valid>> {
    Some(runnable()?.filter_map(|case| of(case).map(|(valid, _)| valid)).collect())
}

/// Every case that is to be a project that could run.
pub fn runnable() -> Option<impl Iterator<Item = Case>> {
    let raw = ["no_interpolate", "no_normalize", "no_path_resolution", "no_env_resolution", "no_consistency"];
    Some(corpus::cases()?.into_iter().filter(move |case| !raw.iter().any(|flag| case.flag(flag))))
}

/// The project of a case, and the files that it was read from; `None` where it is refused.
pub fn of(case: Case) -> Option<(Valid, SourceMap)> {
    let name = case.name.clone();
    let loaded = case.load(true).ok()?.loaded;
    let mut project = loaded.project.filter(|_| !has_errors(&loaded.diagnostics))?;
    let legal: String = project.name.replace('_', "-").chars().take(40).collect();
    legal.trim_matches('-').clone_into(&mut project.name);
    Some((Valid { name, project }, loaded.map))
}

/// Settings that allow what a policy can allow.
pub fn permissive() -> Settings {
    let text = include_str!("policy.yaml");
    let policy: Policy = serde_yaml::from_str(text).unwrap();
    Settings { policy, ..Settings::default() }
}

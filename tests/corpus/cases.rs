//! The valid cases of the corpus as the operator would have them: with their files, under a legal name.

use compose_operator::compose::diagnostic::{Diagnostic, has_errors};
use compose_operator::compose::model::Project;
use compose_operator::translate::{Desired, Facts, Policy, Settings, translate};

use crate::corpus;

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
    let raw = ["no_interpolate", "no_normalize", "no_path_resolution", "no_env_resolution", "no_consistency"];
    let cases = corpus::cases()?.into_iter().filter(|case| !raw.iter().any(|flag| case.flag(flag)));
    let valid = cases.filter_map(|case| {
        let name = case.name.clone();
        let loaded = case.load(true).ok()?.loaded;
        let mut project = loaded.project.filter(|_| !has_errors(&loaded.diagnostics))?;
        let legal: String = project.name.replace('_', "-").chars().take(40).collect();
        legal.trim_matches('-').clone_into(&mut project.name);
        Some(Valid { name, project })
    });
    Some(valid.collect())
}

/// Settings that allow what a policy can allow.
pub fn permissive() -> Settings {
    let text = include_str!("policy.yaml");
    let policy: Policy = serde_yaml::from_str(text).unwrap();
    Settings { policy, ..Settings::default() }
}

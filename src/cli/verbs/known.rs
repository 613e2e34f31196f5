//! Which services a stack has, as far as its status and its files tell.

use std::collections::BTreeSet;

use crate::api::keys::condition;
use crate::api::{ComposeStack, ComposeStackSpec};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cluster::session::Session;
use crate::compose::model::Project;
use crate::compose::sources::{Options, ProjectName, Sources};
use crate::compose::{self, Loaded};
use crate::controller::source::{self, Copies};

/// The names of the services that the status tells of.
pub fn services(stack: &ComposeStack) -> BTreeSet<String> {
    stack.status.iter().flat_map(|status| &status.services).map(|service| service.name.clone()).collect()
}

/// Checks that a stack has these services. Of one that the operator has not looked at yet nobody knows.
///
/// # Errors
/// [`output::Error::NoService`]; [`Error::Stalled`] where the file is refused, so that there are none.
pub fn check<'a>(stack: &ComposeStack, asked: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
    let known = services(stack);
    let is_observed = stack.status.as_ref().is_some_and(|status| status.observed_generation.is_some());
    let Some(unknown) = asked.into_iter().find(|asked| is_observed && !known.contains(*asked)) else { return Ok(()) };
    let stalled = stack.status.as_ref().and_then(|status| status.condition(condition::STALLED)).filter(|stalled| stalled.status == "True");
    Err(match stalled.filter(|_| known.is_empty()) {
        Some(stalled) => Error::Stalled { reason: stalled.reason.clone(), message: stalled.message.clone() },
        None => output::Error::NoService(unknown.clone()).into(),
    })
}

/// The project that a stack carries, read with the rights of the user; none where it can't be read.
pub async fn project(session: &Session, stack: &ComposeStack) -> Option<Project> {
    let mut copies = Copies::new();
    for reference in source::references(&stack.spec) {
        let fetched = session.fetch(&reference).await.ok()?;
        copies.insert(reference, fetched);
    }
    load(stack.metadata.name.as_deref().unwrap_or_default(), &stack.spec, &copies)
}

fn load(name: &str, spec: &ComposeStackSpec, copies: &Copies) -> Option<Project> {
    let collected = source::collect(spec, copies).ok()?;
    let sources = Sources { files: &collected.files, compose_files: collected.compose_files, variables: collected.variables };
    let options = Options {
        name: ProjectName::Resource(name.to_owned()),
        profiles: spec.profiles.clone(),
        read_mounted: false,
        resolve_environment: false,
        ..Options::default()
    };
    let Loaded { project, .. } = compose::load(&sources, &options);
    project
}

/// These services and those that they depend on.
pub fn with_dependencies(project: &Project, services: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open: Vec<&str> = services.iter().rev().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if found.iter().any(|known| known == name) {
            continue;
        }
        found.push(name.to_owned());
        let dependencies = project.services.get(name).into_iter().flat_map(|service| service.depends_on.keys());
        open.extend(dependencies.filter(|name| project.services.contains_key(*name)).map(String::as_str));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_depended_on_goes_along() {
        let file = "services: {web: {image: a, depends_on: [api]}, api: {image: a, depends_on: [db]}, db: {image: a}, other: {image: a}}";
        let spec = ComposeStackSpec { compose: Some(file.to_owned()), ..ComposeStackSpec::default() };
        let project = load("shop", &spec, &Copies::new()).unwrap();
        assert_eq!(with_dependencies(&project, &["web".to_owned()]), ["web", "api", "db"]);
        assert_eq!(with_dependencies(&project, &["db".to_owned(), "api".to_owned()]), ["db", "api"]);
        assert_eq!(with_dependencies(&project, &["gone".to_owned()]), ["gone"]);
    }
}

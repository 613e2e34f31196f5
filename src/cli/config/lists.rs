//! The parts of a project that `config` can list alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::cli::args::Format;
use crate::cli::output::Error;
use crate::cli::table;
use crate::compose::interpolate::used;
use crate::compose::model::Project;
use crate::compose::print;
use crate::compose::sources::Variables;
use crate::yaml::Node;

use super::hash;

/// Width of a column at least.
const COLUMN: usize = 20;

/// What is listed in the stead of the project; where several are asked for, the first of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    Services,
    Volumes,
    Networks,
    Models,
    /// Of these services, or of all.
    Hash(Vec<String>),
    Profiles,
    Images,
    Variables,
    Environment,
}

impl List {
    /// Whether it is about the whole project, whatever services are named.
    pub fn takes_no_services(&self) -> bool {
        matches!(self, List::Services | List::Volumes | List::Networks | List::Models | List::Hash(_))
    }

    /// The list as text.
    ///
    /// # Errors
    /// Where a service is named that isn't there, or the text can't be made.
    pub fn text(
        &self,
        project: &Project,
        variables: &Variables,
        format: Option<Format>,
        options: &print::Options,
    ) -> Result<String, Error> {
        match self {
            List::Services => Ok(lines(services(project))),
            List::Volumes => Ok(lines(project.volumes.keys())),
            List::Networks => Ok(lines(project.networks.keys())),
            List::Models => Ok(lines(
                project
                    .root
                    .get("models")
                    .and_then(Node::as_mapping)
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, entry)| entry.value.get("model").and_then(Node::as_str).filter(|model| !model.is_empty())),
            )),
            List::Hash(names) => hash::hashes(project, variables, names, options),
            List::Profiles => Ok(lines(&project.profiles)),
            List::Images => Ok(lines(images(project))),
            List::Variables => self::variables(project, format),
            List::Environment => Ok(environment(project, variables)),
        }
    }
}

fn lines<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.as_ref().to_owned() + "\n").collect()
}

/// The services, each after those that it depends on.
fn services(project: &Project) -> Vec<&str> {
    fn visit<'a>(project: &'a Project, name: &'a str, seen: &mut BTreeSet<&'a str>, listed: &mut Vec<&'a str>) {
        let Some(service) = project.services.get(name).filter(|_| seen.insert(name)) else { return };
        for dependency in service.depends_on.keys() {
            visit(project, dependency, seen, listed);
        }
        listed.push(name);
    }
    let (mut seen, mut listed) = (BTreeSet::new(), Vec::new());
    for name in project.services.keys() {
        visit(project, name, &mut seen, &mut listed);
    }
    listed
}

/// The image of each service and of its steps before the start, then of each job; those without one have the name that a build gives them.
fn images(project: &Project) -> Vec<String> {
    let or_built = |image: Option<&str>, name: &str| match image.filter(|image| !image.is_empty()) {
        Some(image) => image.to_owned(),
        None => format!("{}-{name}", project.name),
    };
    let mut images = Vec::new();
    for service in project.services.values() {
        let own = or_built(service.image.as_deref(), &service.name);
        let steps = service.pre_start.iter().filter_map(|step| step.container.image.clone());
        let others: Vec<String> = steps.filter(|image| !image.is_empty() && *image != own).collect();
        images.push(own);
        images.extend(others);
    }
    images.extend(project.jobs.iter().map(|(name, job)| or_built(job.get("image").and_then(Node::as_str), name)));
    images
}

/// The variables that the files use, as a table unless a format is asked for.
fn variables(project: &Project, format: Option<Format>) -> Result<String, Error> {
    let used = used(&project.root);
    match format {
        None => {
            let row = |(name, used): (String, crate::compose::interpolate::Used)| {
                vec![name, used.required.to_string(), used.default, used.alternate]
            };
            let rows: Vec<_> = used.into_iter().map(row).collect();
            Ok(table::lines(COLUMN, &["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"], &rows))
        }
        Some(Format::Json) => {
            let entry = |(name, used): (String, crate::compose::interpolate::Used)| {
                let value =
                    json!({ "Name": name, "DefaultValue": used.default, "PresenceValue": used.alternate, "Required": used.required });
                (name, value)
            };
            let all: BTreeMap<_, _> = used.into_iter().map(entry).collect();
            Ok(print::text(&serde_json::to_value(&all)?, print::Format::Json) + "\n")
        }
        Some(Format::Yaml) => {
            let entry = |(name, used): (String, crate::compose::interpolate::Used)| {
                let value =
                    json!({ "name": name, "defaultvalue": used.default, "presencevalue": used.alternate, "required": used.required });
                (name, value)
            };
            let all: BTreeMap<_, _> = used.into_iter().map(entry).collect();
            Ok(print::text(&serde_json::to_value(&all)?, print::Format::Yaml))
        }
    }
}

/// What interpolation takes its values from.
fn environment(project: &Project, variables: &Variables) -> String {
    let own = ("COMPOSE_PROJECT_NAME".to_owned(), project.name.clone());
    let all = variables.iter().map(|(name, variable)| (name.clone(), variable.value.clone())).filter(|(name, _)| *name != own.0);
    let sorted: BTreeSet<String> = all.chain([own.clone()]).map(|(name, value)| format!("{name}={value}")).collect();
    lines(sorted)
}

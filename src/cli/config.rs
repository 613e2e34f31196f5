//! `kubectl compose config`: the project in canonical form.

use std::collections::BTreeSet;
use std::path::Path;

use crate::compose::model::Project;
use crate::compose::print;

use super::args::{ConfigFlags, Format, ListFlags};
use super::output::Error;

/// The text that is printed.
///
/// # Errors
/// Where the project can't be written as YAML or JSON.
pub fn text(project: &Project, directory: &Path, flags: &ConfigFlags) -> Result<String, Error> {
    if flags.quiet {
        return Ok(String::new());
    }
    if let Some(names) = names(project, &flags.list) {
        return Ok(names.into_iter().map(|name| name + "\n").collect());
    }
    let options = print::Options {
        format: match flags.format {
            Format::Json => print::Format::Json,
            Format::Yaml => print::Format::Yaml,
        },
        working_dir: (!flags.no_path_resolution).then(|| directory.to_string_lossy().into_owned()),
        fold_env_files: !flags.no_env_resolution,
        interpolated: !flags.no_interpolate,
    };
    let value = print::value(project, &options);
    Ok(match flags.format {
        Format::Json => serde_json::to_string_pretty(&value)? + "\n",
        Format::Yaml => serde_yaml::to_string(&value)?,
    })
}

/// The names that are asked for, if only names are.
fn names(project: &Project, list: &ListFlags) -> Option<Vec<String>> {
    let services = || project.services.values();
    let profiles = || services().flat_map(|service| service.profiles.clone()).collect::<BTreeSet<_>>();
    match list {
        ListFlags { services: true, .. } => Some(project.services.keys().cloned().collect()),
        ListFlags { volumes: true, .. } => Some(project.volumes.keys().cloned().collect()),
        ListFlags { networks: true, .. } => Some(project.networks.keys().cloned().collect()),
        ListFlags { profiles: true, .. } => Some(profiles().into_iter().collect()),
        ListFlags { images: true, .. } => {
            let computed = |name: &str| format!("{}-{name}", project.name);
            Some(services().map(|service| service.image.clone().unwrap_or_else(|| computed(&service.name))).collect())
        }
        _ => None,
    }
}

//! `kubectl compose config`: the project in canonical form, or a part of it.

mod lists;

use std::path::Path;

use crate::compose::model::Project;
use crate::compose::print;
use crate::compose::sources::Options;

pub use lists::List;

use super::args::{ConfigFlags, Format};
use super::output::Error;

/// What is to be listed alone, if anything is; of several the first, as in docker compose.
pub fn list(flags: &ConfigFlags) -> Option<List> {
    let list = &flags.list;
    let hash = || {
        let names = list.hash.as_deref().filter(|names| !names.is_empty())?;
        Some(List::Hash(if names == "*" { Vec::new() } else { names.split(',').map(str::to_owned).collect() }))
    };
    let first =
        [(list.services, List::Services), (list.volumes, List::Volumes), (list.networks, List::Networks), (list.models, List::Models)];
    let rest = [
        (list.profiles, List::Profiles),
        (list.images, List::Images),
        (list.variables, List::Variables),
        (list.environment, List::Environment),
    ];
    let chosen = |lists: [(bool, List); 4]| lists.into_iter().find_map(|(chosen, list)| chosen.then_some(list));
    chosen(first).or_else(hash).or_else(|| chosen(rest))
}

/// How the project is loaded.
pub fn options(flags: &ConfigFlags, found: &Options) -> Options {
    let list = list(flags);
    let whole = list.as_ref().is_some_and(List::takes_no_services);
    let mut options = Options {
        services: if whole { Vec::new() } else { flags.service.clone() },
        interpolate: !flags.no_interpolate && list != Some(List::Variables),
        normalize: !flags.no_normalize,
        resolve_paths: !flags.no_path_resolution,
        resolve_environment: !flags.no_env_resolution && list.is_none(),
        check_consistency: !flags.no_consistency,
        read_mounted: false,
        ..found.clone()
    };
    if list == Some(List::Profiles) {
        // Those of services that are not active count too.
        options.profiles = vec!["*".to_owned()];
    }
    options
}

/// The whole project as text.
///
/// # Errors
/// Where the project can't be written as YAML or JSON.
pub fn text(project: &Project, directory: &Path, flags: &ConfigFlags) -> Result<String, Error> {
    let format = flags.format.unwrap_or_default();
    let options = print::Options {
        format: match format {
            Format::Json => print::Format::Json,
            Format::Yaml => print::Format::Yaml,
        },
        working_dir: (!flags.no_path_resolution).then(|| directory.to_string_lossy().into_owned()),
        fold_env_files: !flags.no_env_resolution,
        interpolated: !flags.no_interpolate,
    };
    let value = print::value(project, &options);
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(&value)? + "\n",
        Format::Yaml => serde_yaml::to_string(&value)?,
    })
}

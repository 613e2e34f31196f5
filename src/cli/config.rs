//! `kubectl compose config`: the project in canonical form, or a part of it.

mod hash;
mod lists;

use std::path::Path;

use crate::compose::model::Project;
use crate::compose::print;
use crate::compose::sources::Options;

pub use lists::List;

use super::args::{ConfigFlags, Format};

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
    let hashed = match &list {
        Some(List::Hash(names)) => Some(names.clone()),
        _ => None,
    };
    Options {
        services: if whole { Vec::new() } else { flags.service.clone() },
        interpolate: !flags.no_interpolate && list != Some(List::Variables),
        normalize: !flags.no_normalize,
        resolve_paths: !flags.no_path_resolution,
        resolve_environment: !flags.no_env_resolution && (list.is_none() || hashed.is_some()),
        environment_of: hashed.unwrap_or_default(),
        check_consistency: !flags.no_consistency,
        read_mounted: false,
        ..found.clone()
    }
}

/// The whole project as text.
pub fn text(project: &Project, directory: &Path, flags: &ConfigFlags) -> String {
    let options = printed(directory, flags);
    print::text(&print::value(project, &options), options.format)
}

/// How the project is printed.
pub fn printed(directory: &Path, flags: &ConfigFlags) -> print::Options {
    print::Options {
        format: match flags.format.unwrap_or_default() {
            Format::Json => print::Format::Json,
            Format::Yaml => print::Format::Yaml,
        },
        working_dir: (!flags.no_path_resolution).then(|| directory.to_string_lossy().into_owned()),
        fold_env_files: !flags.no_env_resolution,
        interpolated: !flags.no_interpolate,
    }
}

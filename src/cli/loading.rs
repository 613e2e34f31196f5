//! Finds and loads the project of a call, and tells what is wrong with it.

use std::io::{self, IsTerminal};

use crate::compose::diagnostic::{Diagnostic, SourceMap, render};
use crate::compose::model::Project;
use crate::compose::sources::{Files, Options, Sources};
use crate::compose::{self, Loaded};

use super::args::ProjectFlags;
use super::error::Error;
use super::project::{Found, Surroundings};
use super::{output, project};

/// Finds the project; what is wrong with its env files is told.
pub fn find(flags: &ProjectFlags, around: &Surroundings) -> Result<Found, Error> {
    let told = project::find(flags, around).inspect_err(|error| {
        if let project::Error::EnvFile(diagnostics, sources) = error {
            tell(diagnostics, sources);
        }
    });
    Ok(told?)
}

/// The project's name.
pub fn name(found: &Found) -> Result<String, Error> {
    let options = Options { read_mounted: false, resolve_environment: false, ..found.options.clone() };
    let sources = Sources { files: &found.disk, compose_files: found.compose_files.clone(), variables: found.variables.clone() };
    let Loaded { project, diagnostics, map } = compose::load(&sources, &options);
    let name = project.map(|project| project.name);
    name.ok_or_else(|| {
        tell(&diagnostics, &map);
        Error::Refused
    })
}

/// Loads a project; what is wrong with it is told.
pub fn load(found: &Found, files: &dyn Files, options: &Options) -> Result<(Project, SourceMap), Error> {
    let sources = Sources { files, compose_files: found.compose_files.clone(), variables: found.variables.clone() };
    let Loaded { project, diagnostics, map } = compose::load(&sources, options);
    tell(&diagnostics, &map);
    project.map(|project| (project, map)).ok_or(Error::Refused)
}

/// Tells of problems, with the lines that they are about.
pub fn tell(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = render(diagnostics, sources, color);
    if !text.is_empty() {
        output::say(text.strip_suffix('\n').unwrap_or(&text));
    }
}

//! The kubectl plugin: finds the project, loads it, and does what the verb says.

use std::io::{self, IsTerminal};

use crate::compose::diagnostic::{Diagnostic, SourceMap, has_errors, render};
use crate::compose::model::Project;
use crate::compose::sources::{Options, Sources};
use crate::compose::{self, Loaded};

use super::args::{Arguments, Command, ConfigFlags, ConvertFlags};
use super::project::{Found, Surroundings};
use super::{config, convert, output, project};

/// Why a command ended without doing what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Project(#[from] project::Error),
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error(
        "--resolve-image-digests and --lock-image-digests need a registry, and none is asked here; write the digest into the file: image@sha256:..."
    )]
    Digests,
    /// The project is refused; the reasons have been told already.
    #[error("the project is refused")]
    Refused,
}

/// Carries out a command. What there is to say about the project goes to standard error.
///
/// # Errors
/// Where the project can't be found or is refused, or the output can't be written.
pub fn run(arguments: &Arguments, around: &Surroundings) -> Result<(), Error> {
    let found = project::find(&arguments.project, around).inspect_err(|error| {
        if let project::Error::EnvFile(diagnostics, sources) = error {
            tell(diagnostics, sources);
        }
    })?;
    match &arguments.command {
        Command::Config(flags) => print_config(found, flags),
        Command::Convert(flags) => print_objects(found, flags),
    }
}

fn print_config(found: Found, flags: &ConfigFlags) -> Result<(), Error> {
    if flags.resolve_image_digests || flags.lock_image_digests {
        return Err(Error::Digests);
    }
    let options = config::options(flags, &found.options);
    let (directory, variables) = (found.directory.clone(), found.variables.clone());
    let (project, _) = load(found, &options)?;
    match config::list(flags) {
        _ if flags.quiet => {}
        Some(list) => output::write(&list.text(&project, &variables, flags.format)?, None)?,
        None => output::write(&config::text(&project, &directory, flags)?, flags.output.as_deref())?,
    }
    Ok(())
}

fn print_objects(found: Found, flags: &ConvertFlags) -> Result<(), Error> {
    let options = Options { services: flags.service.clone(), keep_unused: true, ..found.options.clone() };
    let (project, sources) = load(found, &options)?;
    let (desired, diagnostics) = convert::objects(project);
    tell(&diagnostics, &sources);
    let desired = desired.filter(|_| !has_errors(&diagnostics)).ok_or(Error::Refused)?;
    output::write(&convert::text(&desired, flags.format)?, flags.output.as_deref())?;
    Ok(())
}

fn load(found: Found, options: &Options) -> Result<(Project, SourceMap), Error> {
    let sources = Sources { files: &found.disk, compose_files: found.compose_files, variables: found.variables };
    let Loaded { project, diagnostics, map } = compose::load(&sources, options);
    tell(&diagnostics, &map);
    project.map(|project| (project, map)).ok_or(Error::Refused)
}

fn tell(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    eprint!("{}", render(diagnostics, sources, color));
}

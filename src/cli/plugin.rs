//! The kubectl plugin: does what the verb says.

use std::process::ExitCode;

use crate::compose::sources::{Options, ProjectName, Sources};
use crate::compose::{self, Loaded};
use crate::translate::{Facts, translate};

use super::args::{ConfigFlags, ConvertFlags, GraphFlags, ReportFlags, ReportFormat};
use super::bundle::{self, Judged};
use super::command::{Arguments, Command};
use super::error::Error;
use super::loading::{find, load, name, tell};
use super::pack::Naming;
use super::project::{Found, Surroundings};
use super::report::Report;
use super::{config, convert, graph, manifests, output, verbs};

/// Carries out a command. What there is to say about the project goes to standard error.
///
/// # Errors
/// Where the project can't be found or is refused, or the output can't be written.
pub fn run(arguments: &Arguments, around: &Surroundings) -> Result<ExitCode, Error> {
    let found = || find(&arguments.global.project, around);
    match &arguments.command {
        Command::Config(flags) => print_config(&found()?, flags),
        Command::Convert(flags) => print_objects(&found()?, flags, arguments.global.cluster.namespace.as_deref()),
        Command::Report(flags) => print_report(&found()?, flags),
        Command::Graph(flags) => print_graph(&found()?, flags),
        Command::OnCluster(verb) => return verbs::run(verb, &arguments.global, around),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn print_config(found: &Found, flags: &ConfigFlags) -> Result<(), Error> {
    if flags.resolve_image_digests || flags.lock_image_digests {
        return Err(Error::Digests);
    }
    let options = config::options(flags, &found.options);
    let (project, _) = load(found, &found.disk, &options)?;
    match config::list(flags) {
        _ if flags.quiet => {}
        Some(list) => {
            output::write(&list.text(&project, &found.variables, flags.format, &config::printed(&found.directory, flags))?, None)?;
        }
        None => output::write(&config::text(&project, &found.directory, flags), flags.output.as_deref())?,
    }
    Ok(())
}

fn print_objects(found: &Found, flags: &ConvertFlags, namespace: Option<&str>) -> Result<(), Error> {
    let settings = convert::settings(&flags.settings);
    let mut manifests = if flags.as_stack {
        if !flags.service.is_empty() {
            return Err(Error::PartOfStack);
        }
        let judged = Judged { settings: &settings, policy_is_known: true };
        bundle::pack(found, &flags.settings.stack, Naming::Stable, judged)?.packed.manifests()?
    } else {
        let name = ProjectName::Resource(convert::stack_name(&name(found)?));
        let options = Options { name, services: flags.service.clone(), keep_unused: true, ..found.options.clone() };
        let (project, sources) = load(found, &found.disk, &options)?;
        let (desired, diagnostics) = convert::objects(&project, &settings);
        tell(&diagnostics, &sources);
        convert::manifests(&desired.ok_or(Error::Refused)?)?
    };
    convert::place(&mut manifests, flags.settings.namespace.as_deref().or(namespace));
    manifests::write(&manifests, flags.format, flags.output.as_deref())?;
    Ok(())
}

fn print_report(found: &Found, flags: &ReportFlags) -> Result<(), Error> {
    let options = Options { services: flags.service.clone(), keep_unused: true, ..found.options.clone() };
    let sources = Sources { files: &found.disk, compose_files: found.compose_files.clone(), variables: found.variables.clone() };
    let Loaded { project, mut diagnostics, map } = compose::load(&sources, &options);
    if let Some(project) = &project {
        diagnostics.extend(translate(project, &convert::settings(&flags.settings), &Facts::default()).1);
    }
    let report = Report::new(project.as_ref(), &diagnostics, &map);
    let text = match flags.format {
        ReportFormat::Text => report.text(),
        ReportFormat::Json => serde_json::to_string_pretty(&report).map_err(output::Error::from)? + "\n",
    };
    output::write(&text, None)?;
    match project {
        None => Err(Error::Refused),
        Some(_) if flags.strict && report.loses() => Err(Error::Lost),
        Some(_) => Ok(()),
    }
}

fn print_graph(found: &Found, flags: &GraphFlags) -> Result<(), Error> {
    let options = Options { services: flags.service.clone(), read_mounted: false, resolve_environment: false, ..found.options.clone() };
    let (project, _) = load(found, &found.disk, &options)?;
    Ok(output::write(&graph::text(&project, flags.format), None)?)
}

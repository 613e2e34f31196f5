//! The operator.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use compose_operator::cli::crd;
use compose_operator::cli::operator::{Arguments, Command, RunFlags};
use compose_operator::{controller, helper, telemetry};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(flags) => run(&flags),
        Command::Crd => print_definition(),
        Command::Helper(command) => helper::run(&command).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &RunFlags) -> Result<(), Box<dyn Error>> {
    telemetry::log::init(&flags.log, flags.log_format.into())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(controller::run(flags.options()))?)
}

fn print_definition() -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().write_all(crd::manifest()?.as_bytes())?)
}

/// An error with what caused it.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

//! The kubectl plugin.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use compose_operator::cli::command::Arguments;
use compose_operator::cli::plugin;
use compose_operator::cli::project::Surroundings;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = Surroundings::of_process().map_err(|error| error.to_string()).and_then(|around| {
        plugin::run(&arguments, &around).map_err(|error| match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            // Where nobody listens the code tells all the same.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

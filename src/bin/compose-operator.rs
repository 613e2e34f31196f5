//! The operator.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use compose_operator::cli;

/// Runs Compose stacks on Kubernetes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the CustomResourceDefinition of ComposeStack.
    Crd,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Crd => match cli::crd::manifest() {
            Ok(text) => written(io::stdout().write_all(text.as_bytes())),
            Err(error) => failed(&error),
        },
    }
}

fn written(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("compose-operator: {error}");
    ExitCode::FAILURE
}

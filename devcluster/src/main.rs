//! The control plane by hand: `cargo run -p devcluster -- up|down|env|kubectl|helm|build`.
#![expect(clippy::print_stdout, reason = "a command line")]

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use devcluster::{Binaries, Cluster, Error, Options, User};

/// A real Kubernetes control plane on loopback, with simulated nodes.
#[derive(Parser)]
#[command(name = "devcluster")]
struct Arguments {
    /// Which one, where several run side by side.
    #[arg(long, default_value = "default", global = true)]
    name: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start it, and leave it running.
    Up {
        /// How many simulated nodes it has.
        #[arg(long, default_value_t = Options::default().nodes)]
        nodes: usize,
    },
    /// Start one of its own, which ends with this command.
    Run {
        /// How many simulated nodes it has.
        #[arg(long, default_value_t = Options::default().nodes)]
        nodes: usize,
    },
    /// End it, with everything in it.
    Down,
    /// Print what a shell evaluates to use it.
    Env,
    /// Run kubectl on it, as admin.
    Kubectl {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run helm on it, as admin.
    Helm {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Only build its binaries.
    Build,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { name, verb }: Arguments) -> Result<(), Error> {
    match verb {
        Verb::Up { nodes } => print_environment(&Cluster::up(&name, &Options { nodes, ..Options::default() })?),
        Verb::Run { nodes } => {
            let cluster = Cluster::start(&Options { nodes, ..Options::default() })?;
            print_environment(&cluster);
            loop {
                std::thread::park();
            }
        }
        Verb::Env => print_environment(&Cluster::named(&name)?),
        Verb::Down => Cluster::down(&name)?,
        Verb::Kubectl { arguments } => return become_process(Cluster::named(&name)?.kubectl().args(arguments)),
        Verb::Helm { arguments } => return become_process(Cluster::named(&name)?.helm().args(arguments)),
        Verb::Build => drop((Binaries::build()?, devcluster::kwok()?)),
    }
    Ok(())
}

fn print_environment(cluster: &Cluster) {
    println!("export KUBECONFIG={}", cluster.admin().display());
    if let Some(operator) = cluster.kubeconfig(User::Operator) {
        println!("# as the user compose-operator: {}", operator.display());
    }
}

fn become_process(command: &mut Command) -> Result<(), Error> {
    let source = command.exec();
    Err(Error::Run { program: command.get_program().into(), source })
}

//! The command line of `kubectl compose`.

use clap::{Parser, Subcommand};

use super::args::{ConfigFlags, ConvertFlags, GlobalFlags, GraphFlags, ReportFlags};
use super::verbs::Verb;

/// Compose stacks on Kubernetes.
#[derive(Parser, Debug)]
#[command(name = "kubectl-compose", bin_name = "kubectl compose", version)]
pub struct Arguments {
    #[command(flatten)]
    pub global: GlobalFlags,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Print the project in canonical form, as docker compose config does.
    Config(ConfigFlags),
    /// Print the Kubernetes objects that the project becomes.
    Convert(ConvertFlags),
    /// Say what becomes of each key that is not plainly applied.
    Report(ReportFlags),
    /// Say which service waits for which, in the order in which they start.
    Graph(GraphFlags),
    #[command(flatten)]
    OnCluster(Verb),
}

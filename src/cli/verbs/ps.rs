//! `kubectl compose ps`: the stack's containers.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{ComposeStack, ServiceState, ServiceStatus};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cli::{age, output, table};

use super::Format;
use super::containers::{Container, State, of_pods};

/// Width of a column at least.
const COLUMN: usize = 10;
/// Characters of a command that are shown.
const COMMAND: usize = 20;

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to list; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Show containers too that don't run.
    #[arg(short, long)]
    pub all: bool,
    /// Only containers in a state: status=STATE, repeatable.
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    pub filter: Vec<State>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Show whole commands.
    #[arg(long)]
    pub no_trunc: bool,
    /// Print the pods' names alone.
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the services' names alone.
    #[arg(long)]
    pub services: bool,
    /// Only containers in a state, repeatable.
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub status: Vec<State>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

fn state(text: &str) -> Result<State, String> {
    let words = State::ALL.map(State::word);
    State::ALL.into_iter().find(|state| state.word() == text).ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

fn filter(text: &str) -> Result<State, String> {
    state(text.strip_prefix("status=").ok_or("expected status=STATE")?)
}

/// Prints the containers, and says of services without one why there is none.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    // As with docker compose, a project that isn't up has no containers, and that is no error.
    let Some(stack) = target.session.stack(&target.name).await? else {
        output::say(target.absent());
        output::write(&Listing { stack: &ComposeStack::default(), flags, now: Timestamp::now() }.text(&[]), None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let pods = target.session.pods(&target.name).await?;
    let listing = Listing { stack: &stack, flags, now: Timestamp::now() };
    listing.check()?;
    let containers = of_pods(&pods);
    output::write(&listing.text(&containers), None)?;
    if flags.format == Format::Table && !flags.quiet && !flags.services {
        listing.absent(&containers).lines().for_each(output::say);
    }
    Ok(ExitCode::SUCCESS)
}

struct Listing<'a> {
    stack: &'a ComposeStack,
    flags: &'a Flags,
    now: Timestamp,
}

impl Listing<'_> {
    fn statuses(&self) -> impl Iterator<Item = &ServiceStatus> {
        self.stack.status.iter().flat_map(|status| &status.services)
    }

    fn is_asked_for(&self, service: &str) -> bool {
        super::is_asked_for(&self.flags.service, service)
    }

    fn check(&self) -> Result<(), Error> {
        let unknown = self.flags.service.iter().find(|asked| !self.statuses().any(|status| status.name == **asked));
        unknown.map_or(Ok(()), |service| Err(output::Error::NoService(service.clone()).into()))
    }

    fn shows(&self, container: &Container<'_>) -> bool {
        let state = container.state();
        let mut states = self.flags.status.iter().chain(&self.flags.filter).peekable();
        let by_default = self.flags.all || matches!(state, State::Running | State::Restarting | State::Removing);
        self.is_asked_for(container.service) && if states.peek().is_some() { states.any(|asked| *asked == state) } else { by_default }
    }

    fn text(&self, containers: &[Container<'_>]) -> String {
        let shown: Vec<&Container<'_>> = containers.iter().filter(|container| self.shows(container)).collect();
        if self.flags.services {
            return lines(shown.iter().map(|container| container.service));
        }
        if self.flags.quiet {
            return lines(shown.iter().map(|container| container.pod_name()));
        }
        match self.flags.format {
            Format::Json => shown.iter().map(|container| self.json(container).to_string() + "\n").collect(),
            Format::Table => {
                let rows: Vec<Vec<String>> = shown.iter().map(|container| self.row(container)).collect();
                table::lines(COLUMN, &["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"], &rows)
            }
        }
    }

    fn row(&self, container: &Container<'_>) -> Vec<String> {
        let mut command = container.command();
        if !self.flags.no_trunc && command.chars().count() > COMMAND {
            command = command.chars().take(COMMAND - 1).chain(['…']).collect();
        }
        vec![
            container.pod_name().to_owned(),
            container.image().to_owned(),
            format!("{command:?}"),
            container.service.to_owned(),
            container.created().map_or_else(String::new, |at| age::since(at, self.now) + " ago"),
            container.told(self.now),
            self.ports(container).join(", "),
        ]
    }

    /// Docker compose's keys, as far as a cluster has what they say.
    fn json(&self, container: &Container<'_>) -> Value {
        let created = container.created();
        json!({
            "Command": format!("{:?}", container.command()),
            "CreatedAt": created.map(|at| at.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()),
            "ExitCode": container.exit_code(),
            "Health": container.health().unwrap_or_default(),
            "ID": container.pod.metadata.uid,
            "Image": container.image(),
            "Name": container.pod_name(),
            "Namespace": container.pod.metadata.namespace,
            "Node": container.pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()),
            "Ports": self.ports(container).join(", "),
            "Project": self.stack.metadata.name,
            "RunningFor": created.map(|at| age::since(at, self.now) + " ago"),
            "Service": container.service,
            "State": container.state().word(),
            "Status": container.told(self.now),
        })
    }

    /// Where the service's published ports answer, and its other ports.
    fn ports(&self, container: &Container<'_>) -> Vec<String> {
        let endpoints = self.statuses().filter(|status| status.name == container.service).flat_map(|status| &status.endpoints);
        let mut ports: Vec<String> = endpoints.filter(|endpoint| endpoint.contains("->")).cloned().collect();
        for port in container.spec.ports.iter().flatten() {
            let inside = format!("{}/{}", port.container_port, port.protocol.as_deref().unwrap_or("TCP").to_lowercase());
            if !ports.iter().any(|port| port.ends_with(&format!("->{inside}"))) {
                ports.push(inside);
            }
        }
        ports
    }

    /// Lines about services that are to run and have no container.
    fn absent(&self, containers: &[Container<'_>]) -> String {
        let told = |status: &&ServiceStatus| {
            !matches!(status.state, ServiceState::Running | ServiceState::Completed | ServiceState::Stopped)
                && self.is_asked_for(&status.name)
                && !containers.iter().any(|container| container.service == status.name)
        };
        let line = |status: &ServiceStatus| {
            let message = status.message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
            format!("{}: {:?}{message}\n", status.name, status.state)
        };
        self.statuses().filter(told).map(line).collect()
    }
}

/// Names, each once where they follow each other.
fn lines<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    names.iter().flat_map(|name| [*name, "\n"]).collect()
}

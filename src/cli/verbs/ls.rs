//! `kubectl compose ls`: the stacks of a namespace.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::api::{ComposeStack, ServiceState, ServiceStatus};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::{output, table};
use crate::cluster::session::Session;

use super::Format;

/// Width of a column at least.
const COLUMN: usize = 20;

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Show stacks too of which nothing runs.
    #[arg(short, long)]
    pub all: bool,
    /// Show the stacks of all namespaces.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only stacks whose name has this in it: name=VALUE, repeatable.
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    pub filter: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Print names alone.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// The value of a filter by name, which is the only one.
fn filter(text: &str) -> Result<String, String> {
    text.strip_prefix("name=").map(str::to_owned).ok_or_else(|| "expected name=VALUE".to_owned())
}

/// Prints the stacks.
pub async fn run(flags: &Flags, global: &GlobalFlags) -> Result<ExitCode, Error> {
    let session = Session::open(&flags.cluster.access(&global.cluster)).await?;
    let stacks = session.stacks(flags.all_namespaces).await?;
    output::write(&text(&stacks, flags), None)?;
    Ok(ExitCode::SUCCESS)
}

fn text(stacks: &[ComposeStack], flags: &Flags) -> String {
    let name = |stack: &ComposeStack| stack.metadata.name.clone().unwrap_or_default();
    let named = |stack: &&ComposeStack| flags.filter.iter().all(|part| name(stack).contains(part));
    let shown: Vec<&ComposeStack> = stacks.iter().filter(named).filter(|stack| flags.all || is_up(stack)).collect();
    if flags.quiet {
        return shown.iter().map(|stack| name(stack) + "\n").collect();
    }
    let namespace = |stack: &ComposeStack| stack.metadata.namespace.clone().unwrap_or_default();
    if flags.format == Format::Json {
        let one = |stack: &&ComposeStack| json!({"Name": name(stack), "Namespace": namespace(stack), "Status": status(stack), "ConfigFiles": files(stack)});
        return serde_json::Value::from(shown.iter().map(one).collect::<Vec<_>>()).to_string() + "\n";
    }
    let row = |stack: &&ComposeStack| {
        let of_namespace = flags.all_namespaces.then(|| namespace(stack));
        of_namespace.into_iter().chain([name(stack), status(stack), files(stack)]).collect()
    };
    let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
    let heads = ["NAMESPACE", "NAME", "STATUS", "CONFIG FILES"];
    table::lines(COLUMN, &heads[usize::from(!flags.all_namespaces)..], &rows)
}

/// Whether anything of the stack runs, or is to.
fn is_up(stack: &ComposeStack) -> bool {
    let services = stack.status.iter().flat_map(|status| &status.services);
    let ended = |service: &ServiceStatus| matches!(service.state, ServiceState::Stopped | ServiceState::Completed);
    services.clone().count() == 0 || !services.into_iter().all(ended)
}

/// How many containers are in which state, as docker compose counts them: `running(2), waiting(1)`.
fn status(stack: &ComposeStack) -> String {
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    for service in stack.status.iter().flat_map(|status| &status.services) {
        let missing = (service.desired - service.ready).max(0);
        let others = if service.ready == 0 { missing.max(1) } else { missing };
        for (state, count) in [(ServiceState::Running, service.ready), (service.state, others)] {
            *counts.entry(format!("{state:?}").to_lowercase()).or_default() += count;
        }
    }
    let parts: Vec<String> = counts.iter().filter(|(_, count)| **count > 0).map(|(state, count)| format!("{state}({count})")).collect();
    parts.join(", ")
}

/// Names of the Compose files within the stack.
fn files(stack: &ComposeStack) -> String {
    stack.spec.compose_files.as_ref().map_or_else(|| "compose.yaml".to_owned(), |files| files.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus};

    fn stack(name: &str, services: &[(ServiceState, i32, i32)]) -> ComposeStack {
        let service = |(state, ready, desired): &(ServiceState, i32, i32)| ServiceStatus {
            state: *state,
            ready: *ready,
            desired: *desired,
            ..ServiceStatus::default()
        };
        let mut stack = ComposeStack::new(name, ComposeStackSpec::default());
        stack.metadata.namespace = Some("team-a".to_owned());
        stack.status = Some(ComposeStackStatus { services: services.iter().map(service).collect(), ..ComposeStackStatus::default() });
        stack
    }

    #[test]
    fn containers_are_counted_by_state() {
        let shop = stack("shop", &[(ServiceState::Running, 3, 3), (ServiceState::Degraded, 1, 2), (ServiceState::Completed, 0, 0)]);
        assert_eq!(status(&shop), "completed(1), degraded(1), running(4)");
    }

    #[test]
    fn a_stack_of_which_nothing_runs_is_shown_with_all() {
        let stacks = [stack("down", &[(ServiceState::Stopped, 0, 0)]), stack("up", &[(ServiceState::Running, 1, 1)])];
        let quiet = |all| text(&stacks, &Flags { all, quiet: true, ..Flags::default() });
        assert_eq!((quiet(false).as_str(), quiet(true).as_str()), ("up\n", "down\nup\n"));
    }

    #[test]
    fn the_table_has_namespaces_where_all_are_asked_for() {
        let stacks = [stack("shop", &[(ServiceState::Running, 1, 1)])];
        let table = text(&stacks, &Flags { all_namespaces: true, ..Flags::default() });
        let words: Vec<&str> = table.split_whitespace().collect();
        assert_eq!(words, ["NAMESPACE", "NAME", "STATUS", "CONFIG", "FILES", "team-a", "shop", "running(1)", "compose.yaml"]);
    }
}

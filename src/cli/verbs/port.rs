//! `kubectl compose port`: where a published port answers.

use std::process::ExitCode;

use clap::Args;

use crate::api::ComposeStack;
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

#[derive(Args, Debug, Default)]
pub struct Flags {
    pub service: String,
    /// The container's port.
    #[arg(value_name = "PRIVATE_PORT")]
    pub port: u16,
    /// tcp or udp.
    #[arg(long, default_value = "tcp")]
    pub protocol: String,
    /// Accepted: all replicas answer at the same place.
    #[arg(long, default_value_t = 1)]
    pub index: u32,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Prints the address; that of a node, where every node answers and one may be looked at.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let mut address = address(&stack, flags)?;
    if let Some(port) = address.strip_prefix("*:")
        && let Some(node) = target.session.node_address().await
    {
        address = format!("{node}:{port}");
    }
    output::write(&(address + "\n"), None)?;
    Ok(ExitCode::SUCCESS)
}

fn address(stack: &ComposeStack, flags: &Flags) -> Result<String, Error> {
    let services = stack.status.iter().flat_map(|status| &status.services);
    let Some(service) = services.into_iter().find(|service| service.name == flags.service) else {
        return Err(output::Error::NoService(flags.service.clone()).into());
    };
    let inside = format!("->{}/{}", flags.port, flags.protocol);
    let found = service.endpoints.iter().find_map(|endpoint| endpoint.strip_suffix(&inside));
    found.map(str::to_owned).ok_or_else(|| Error::NotPublished {
        service: flags.service.clone(),
        port: format!("{}/{}", flags.port, flags.protocol),
        published: service.endpoints.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus, ServiceStatus};

    fn check(service: &str, port: u16, expected: Result<&str, &str>) {
        let endpoints = ["*:30080->8000/tcp", "192.0.2.7:53->53/udp"].map(str::to_owned).to_vec();
        let web = ServiceStatus { name: "web".to_owned(), endpoints, ..ServiceStatus::default() };
        let mut stack = ComposeStack::new("shop", ComposeStackSpec::default());
        stack.status = Some(ComposeStackStatus { services: vec![web], ..ComposeStackStatus::default() });
        let protocol = if port == 53 { "udp" } else { "tcp" }.to_owned();
        let found = address(&stack, &Flags { service: service.to_owned(), port, protocol, ..Flags::default() });
        assert_eq!(found.map_err(|error| error.to_string()), expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn a_published_port_has_an_address() {
        check("web", 8000, Ok("*:30080"));
        check("web", 53, Ok("192.0.2.7:53"));
        check("web", 80, Err("no port 80/tcp of web is published; published are *:30080->8000/tcp, 192.0.2.7:53->53/udp"));
        check("db", 80, Err("no such service: db"));
    }
}

//! `kubectl compose forward`: ports of a service on this machine.

mod ports;
mod tunnel;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cluster::session::Session;

use super::containers::{State, of_pods};
use super::{INTERRUPTED, known, replicas};
use ports::Ports;
use tunnel::{Tunnel, accept};

#[derive(Args, Debug, Default)]
pub struct Flags {
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// Ports of the container; without LOCAL the same here, with LOCAL 0 or empty any that is free.
    #[arg(value_name = "[LOCAL:]PORT", required = true, value_parser = ports::parse)]
    pub ports: Vec<Ports>,
    /// Addresses of this machine to listen on, separated by commas.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_delimiter = ',')]
    pub address: Vec<IpAddr>,
    /// The replica by its age, from 1; default is any that is ready.
    #[arg(long, value_name = "N")]
    pub index: Option<usize>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Forwards connections until Ctrl-C.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let pods = target.session.pods(&target.name).await?;
    let containers = of_pods(&pods);
    known::check(&stack, [&flags.service])?;
    let only = match flags.index {
        Some(index) => Some(replicas::nth(&containers, &flags.service, index)?.pod_name().to_owned()),
        None => None,
    };
    let (sender, ready) = watch::channel(Vec::new());
    let tunnel = Arc::new(Tunnel::new(target.session.clone(), flags.service.clone(), ready));
    let mut listening = JoinSet::new();
    for ports in &flags.ports {
        for address in &flags.address {
            let refused = |source| Error::Listen { address: *address, port: ports.local, source };
            let listener = TcpListener::bind((*address, ports.local)).await.map_err(refused)?;
            let local = listener.local_addr().map_err(refused)?;
            output::write(&format!("{local} -> {}:{}\n", flags.service, ports.remote), None)?;
            listening.spawn(accept(listener, Arc::clone(&tunnel), ports.remote));
        }
    }
    tokio::select! {
        known = know(&target.session, &target.name, &flags.service, only.as_deref(), &sender) => known.map(|()| ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// Keeps the list of the service's pods that are ready, the oldest first.
async fn know(session: &Session, stack: &str, service: &str, only: Option<&str>, ready: &watch::Sender<Vec<String>>) -> Result<(), Error> {
    let mut changes = session.pod_changes(stack);
    let mut pods: BTreeMap<String, Pod> = BTreeMap::new();
    let mut listed: BTreeMap<String, Pod> = BTreeMap::new();
    while let Some(change) = changes.try_next().await? {
        match change {
            Event::Init => listed.clear(),
            Event::InitApply(pod) => drop(listed.insert(name(&pod), pod)),
            Event::InitDone => pods = std::mem::take(&mut listed),
            Event::Apply(pod) => drop(pods.insert(name(&pod), pod)),
            Event::Delete(pod) => drop(pods.remove(&name(&pod))),
        }
        let all: Vec<Pod> = pods.values().cloned().collect();
        ready.send_replace(usable(&all, service, only));
    }
    Ok(())
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// Names of the pods that may be connected to.
fn usable(pods: &[Pod], service: &str, only: Option<&str>) -> Vec<String> {
    let containers = of_pods(pods);
    let own = containers.iter().filter(|container| container.service == service && container.state() == State::Running);
    let ready = own.filter(|container| container.status.is_some_and(|status| status.ready));
    ready.map(|container| container.pod_name().to_owned()).filter(|name| only.is_none_or(|only| only == name)).collect()
}

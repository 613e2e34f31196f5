//! Why a command of the plugin fails.

use std::io;
use std::net::IpAddr;

use crate::cluster::client as cluster;

use super::{output, project};

/// Why a command ended without doing what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Project(#[from] project::Error),
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error("the packed stack can't be read: {0}")]
    Packed(String),
    #[error(
        "--resolve-image-digests and --lock-image-digests need a registry, and none is asked here; write the digest into the file: image@sha256:..."
    )]
    Digests,
    #[error(
        "--as-stack packs the files as they are, and a stack says by its profiles alone which of its services run: give no services, or --profile"
    )]
    PartOfStack,
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    #[error("there is no stack {name} in namespace {namespace}")]
    NoStack { namespace: String, name: String },
    #[error("service {service} is not running{}", state.as_deref().map_or_else(String::new, |state| format!(": {state}")))]
    NotRunning { service: String, state: Option<String> },
    #[error("service {service} has no replica {index}")]
    NoReplica { service: String, index: usize },
    #[error("--index is about the replicas of one service; name it")]
    IndexOfMany,
    #[error("{flag} can't be done: {reason}")]
    Impossible { flag: &'static str, reason: &'static str },
    #[error("service {0} has no workload to make a container from; it comes with `start`, and after what it waits for")]
    NoWorkload(String),
    #[error("{pod} can't be started: {reason}")]
    NotStarted { pod: String, reason: String },
    #[error("listen on {address}, port {port}")]
    Listen { address: IpAddr, port: u16, source: io::Error },
    #[error("the terminal")]
    Terminal(#[source] io::Error),
    #[error("no port {port} of {service} is published{}", if published.is_empty() { String::new() } else { format!("; published are {published}") })]
    NotPublished { service: String, port: String, published: String },
    #[error("the stack is stalled ({reason}): {message}")]
    Stalled { reason: String, message: String },
    #[error("not there after {seconds} s: {state}")]
    TooLong { seconds: u64, state: String },
    #[error("the stack {0} was deleted meanwhile")]
    Gone(String),
    #[error("the stack {0} is being deleted; try again when it has gone")]
    Deleting(String),
    #[error("--{flag}: {why}")]
    Flag { flag: &'static str, why: &'static str },
    #[error("{0} has one container on each node (deploy.mode: global), and no other number of them")]
    Global(String),
    #[error("down removes the whole stack: a service goes when it leaves the file and `up` is called, or stays and is stopped by `stop`")]
    PartOfDown,
    #[error("no service selected")]
    NoServices,
    #[error("{kind} {name} exists and isn't the plugin's: rename or remove it")]
    Taken { kind: &'static str, name: String },
    #[error("not everything is kept, as the report says")]
    Lost,
    /// The project is refused; the reasons have been told already.
    #[error("the project is refused")]
    Refused,
}

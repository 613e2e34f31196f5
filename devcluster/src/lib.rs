//! A real Kubernetes control plane on loopback, for the demo, the tests and the benches of compose-operator.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler are real, in one Go binary that is built once from `go/` into the user's
//! cache directory ([`Binaries`]); nodes are simulated by kwok, so that pods are statuses only: `stages.yaml` says which annotations make a
//! pod fail. Every control plane has ports, a PKI, an audit log and a directory of its own; several run side by side ([`Cluster`]).
//!
//! Everything that is started ends with its owner, whichever way that ends: `controlplane supervise` (in `go/`) holds the other end of a
//! pipe, and the processes that it starts are killed by the kernel should it die itself.
//!
//! Read on in `cluster` (what a test calls), `plan` (what is started, with which flags), `binaries` (how it is built), `audit` (what the
//! control plane remembers of every request).

mod audit;
mod binaries;
mod cluster;
mod companion;
mod error;
mod go_build;
mod pki;
mod plan;
mod progress;

pub use audit::{AuditEvent, AuditLog, ObjectRef, Stage};
pub use binaries::{Binaries, kwok};
pub use cluster::{Cluster, Options, User, prepare_machine, prepare_steps};
pub use companion::Companion;
pub use error::Error;
pub use go_build::{GoBuild, cache_directory};
pub use plan::{Machine, MachineUser, Step};
pub use progress::Progress;

//! The operator on a real node: containers, names, storage and policies for real.
//!
//! `make e2e` brings the node up, installs the operator there as a pod, and runs this binary in the node's network; `TEST_CLUSTER=current` takes
//! the cluster of `$KUBECONFIG` instead, with the operator installed in the namespace `compose-operator`. Figures of the run are then in
//! `target/tmp/e2e.tsv` and `e2e-operator.txt`.
//!
//! # Writing a test
//! What stands at the head of `tests/cluster/main.rs` holds here too: [`support::Space`] and the oracle are the same. Besides:
//! - [`support::Space::sh`] runs a shell's script in a service's container, `sh_until` until it succeeds; `logs` has what it said.
//! - [`support::Space::connect`] says whether a container gets through to another, and whether it is for want of a name. That somebody doesn't get
//!   through shows little unless somebody else does.
//! - [`support::Witness`] sees every change of a service's pods, where looking now and then would miss a moment.
//! - A limit of time tells right from wrong, whatever else the machine does: [`support::lag`] measures from what the cluster shows to what follows
//!   from it, and [`support::SOON`] is far less than what is noticed by chance would take. A limit that only a machine with nothing else to do
//!   keeps is for a test of [`alone`].
//! - [`support::Space::published`] tells where a published port answers, [`support::curl`] and [`support::answer`] ask there from a machine beside
//!   the node, and [`support::Steady`] goes on asking.
//! - [`support::Seed`] applies a stack of `examples/`. Images that can't be had are stand-ins: small programs with the same name, ports and
//!   answers, in `realnode/images/standin*`.
//! - [`support::node`] is the node itself, which only `make e2e` has: a test that needs it says so and is left out elsewhere.
//! - A test that others disturb, or that disturbs them, as it pulls the node's plug, stands in [`alone`] and is [`support::alone`] first.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]
// Compose files look alike whether they have quotes or not.
#![allow(clippy::needless_raw_string_hashes)]
// The futures of tests are made once each.
#![allow(clippy::large_futures)]

mod alone;
mod dependencies;
mod disruption;
mod extension;
mod files;
mod jobs;
mod names;
mod networks;
mod plugin;
mod pods;
mod process;
mod reasons;
mod rollback;
mod security;
mod seeds;
mod stopping;
mod storage;
mod support;

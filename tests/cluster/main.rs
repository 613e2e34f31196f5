//! The operator on a real control plane.
//!
//! All tests of this binary share one control plane (`devcluster`, or the cluster of `$KUBECONFIG` where `TEST_CLUSTER=current`) and one
//! operator: the built binary, as a process, under exactly the rights that the chart renders. Each test has a namespace of its own.
//!
//! # Writing a test
//! ```ignore
//! #[tokio::test]
//! async fn a_scaled_service_has_exactly_as_many_pods() {
//!     let space = Space::open("scale").await;                       // a namespace, and a client in it
//!     space.create("shop", "services: {web: {image: nginx, deploy: {replicas: 3}}}").await;
//!     space.ready("shop").await;                                    // Ready at this generation, or a panic that says what it is instead
//!     space.patch("shop", json!({"services": {"web": {"replicas": 1}}})).await;    // a merge patch of spec
//!     let stack = space.ready("shop").await;
//!     assert_eq!(service(&stack, "web").desired, 1);
//!     space.until::<Deployment>("web", "at one replica", |web| replicas(web) == Some(1)).await;   // any object, any condition
//!     space.close().await;                                          // the oracle; a test that doesn't call it fails
//! }
//! ```
//! - Nothing sleeps for a condition: `ready`, `stalled`, `until_stack` and `until` watch, and give up after [`support::PATIENCE`].
//! - Pods are simulated. `devcluster/stages.yaml` tells the annotations that keep one unready, let it crash, fail its image pull and so on. A
//!   service gives them to its pods by `annotations:` in the Compose file; [`support::Space::annotate_pods`] sets and removes them on living pods.
//! - [`support::Space::close`] judges every request that the operator made in the namespace, from the audit log: none outside of the namespaces that
//!   have stacks, none that it has no right to, none that changed nothing, no delete without preconditions, no claim deleted, no object made by
//!   anything but a POST, no owner in another namespace. [`support::Space::writes`] gives them, for tests that count.
//! - A test that needs the operator to be gone for a while calls [`support::operator_stopped`]; other tests only wait longer.
//!   One that counts writes calls [`support::operator_kept`], as a restart at the wrong moment costs some.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]
// The futures of tests are made once each.
#![allow(clippy::large_futures)]

mod admission;
#[path = "../corpus/cases.rs"]
mod cases;
mod chart;
mod conflict;
mod convert;
#[path = "../corpus/mod.rs"]
mod corpus;
mod corpus_files;
mod crash;
mod examples;
mod gates;
mod immutable;
mod isolation;
mod kubernetes;
mod leadership;
mod lifecycle;
mod networks;
mod plugin;
mod pods;
mod pruning;
mod quiet;
mod refused;
mod repair;
mod resource;
mod rights;
mod scaling;
mod secrets;
#[allow(dead_code)]
#[path = "../translate/support.rs"]
mod stacks;
mod status;
mod support;
mod updates;
mod volumes;

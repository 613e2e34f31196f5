//! compose-operator: Compose stacks on Kubernetes.
//!
//! One-way pipeline: `source → compose → translate → decide → act → status`. Everything but `source` and `act` is pure.
//!
//! | layer | what it does | may use |
//! |---|---|---|
//! | [`yaml`] | text → node tree with positions | nothing of ours |
//! | [`compose`] | node trees → a checked `Project` | `yaml` |
//! | [`api`] | the `ComposeStack` resource, its labels, reasons and status | nothing of ours |
//! | [`translate`] | `Project` → desired objects and gates | `compose`, `yaml`, `api` |
//! | [`cluster`] | the only code that talks to an API server | `translate`, `api`, `telemetry` |
//! | [`controller`] | observe → decide (pure) → act → status | `cluster` and all before |
//! | [`cli`] | the kubectl plugin | everything |
//! | [`telemetry`] | logs, metrics, health | nothing of ours |
//! | [`helper`] | what the init containers of pods run | nothing of ours |
//!
//! `tests/repo.rs` reads the `use crate::` lines and fails on an edge that goes another way.

pub mod api;
pub mod cli;
pub mod cluster;
pub mod compose;
pub mod controller;
pub mod helper;
pub mod telemetry;
pub mod translate;
pub mod yaml;

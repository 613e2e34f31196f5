//! Every rule of a decision, as a user would name it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod autoscaling;
mod claims;
mod fixture;
mod gates;
mod manifests;
mod objects;
mod plans;
mod properties;
mod services;
mod sharing;
mod status;
mod steps;
mod updates;
mod workloads;

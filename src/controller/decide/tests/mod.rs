//! Every rule of a decision, as a user would name it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod fixture;
mod gates;
mod manifests;
mod sharing;
mod steps;
mod objects;
mod plans;
mod properties;
mod services;
mod status;
mod workloads;

//! What the two binaries do: flags → library → output and exit code.

mod age;
pub mod args;
mod bundle;
pub mod command;
mod config;
mod convert;
pub mod crd;
mod disk;
pub mod error;
mod graph;
mod loading;
mod manifests;
pub mod operator;
mod output;
mod pack;
pub mod plugin;
mod policy;
pub mod project;
mod report;
mod table;
mod target;
mod verbs;

//! Compose files and variables → one checked [`model::Project`]. Pure: no disk, no clock, no Kubernetes.

mod canonical;
mod checks;
mod conform;
mod consistency;
pub mod decode;
pub mod diagnostic;
pub mod env_file;
mod environment;
mod extends;
mod include;
pub mod interpolate;
mod legacy;
mod limits;
mod load;
mod loader;
mod merge;
pub mod model;
mod names;
mod normalize;
pub mod path;
mod paths;
pub mod print;
mod problems;
mod project;
mod reset;
mod resolve;
pub mod schema;
mod select;
mod short;
pub mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod unique;

pub use paths::{clean, join};
pub use project::{Loaded, load, normal_name};

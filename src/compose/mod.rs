//! Compose files and variables → one checked [`model::Project`]. Pure: no disk, no clock, no Kubernetes.

pub mod decode;
pub mod diagnostic;
pub mod env_file;
pub mod interpolate;
pub mod model;
pub mod sources;

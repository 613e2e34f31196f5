//! Compose files and variables → one checked [`model::Project`]. Pure: no disk, no clock, no Kubernetes.

pub mod diagnostic;
pub mod interpolate;
pub mod model;
pub mod sources;

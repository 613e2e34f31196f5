//! A [`Project`](crate::compose::model::Project) → the Kubernetes objects that it becomes, and the gates between them.
//!
//! Pure and deterministic: the same project, settings and facts give the same objects, byte for byte.

mod desired;
mod object;
mod settings;

pub use desired::{Desired, Endpoint, External, ExternalKind, Gate, Lifetime, ServicePlan};
pub use object::{KINDS, Key, Kind, Object};
pub use settings::{Facts, Settings};

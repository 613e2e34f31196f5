//! The typed Compose project: what the files mean once they are interpolated, merged and normalized.
//!
//! Plain structs with public fields, in the canonical long form of the Compose specification: every short form has been
//! expanded, every default that the reference parser writes is written. Order of maps is the order of the file.

mod file;
mod network;
mod project;
mod service;
mod volume;

pub use file::{FileObject, FileSource};
pub use network::{IpamConfig, Network};
pub use project::{Extensions, ModelConfig, Project};
pub use service::{
    BlkioConfig, Build, Command, ConfigMount, CredentialSpec, Dependency, DependencyCondition, Deploy, DeployMode, Device, DeviceRequest,
    EndpointMode, EnvFile, ExtraHost, FailureAction, GenericResource, Healthcheck, HealthcheckTest, Hook, Limits, Logging,
    NetworkAttachment, PlacementPreference, Port, PreStart, Reservations, RestartCondition, RestartPolicy, Service, ServiceModel, Ulimit,
    UpdateConfig, UpdateOrder,
};
pub use volume::{Mount, MountKind, Volume};

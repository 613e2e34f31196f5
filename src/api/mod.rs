//! The `ComposeStack` resource of group `compose-operator.dev`, and every label, annotation, condition and reason in use.

pub mod keys;
mod stack;
mod status;

pub use stack::{
    ComposeStack, ComposeStackSpec, FilesFrom, KeyToPath, LocalReference, NetworkPolicyMode, ObjectSource, PublishMode, ServiceOverride,
    VariablesFrom, VolumeDefaults,
};
pub use status::{ComposeStackStatus, ObjectStatus, Revision, RolledBack, ServiceState, ServiceStatus, StackWarning};

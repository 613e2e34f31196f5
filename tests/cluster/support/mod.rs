//! What the tests share: the cluster, the operator, namespaces, the oracle.

mod examples;
mod installed;
mod oracle;
mod reach;
mod space;

pub use examples::Example;
pub use installed::{OPERATOR_NAMESPACE, PATIENCE, apply_dry_run, helm, operator_kept, operator_log, operator_stopped, rival, standby};
pub use oracle::audited;
pub use reach::Reach;
pub use space::{Space, condition, kubectl, service};

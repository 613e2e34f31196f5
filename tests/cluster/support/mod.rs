//! What the tests share: the cluster, the operator, namespaces, the oracle.

mod installed;
mod oracle;
mod space;

pub use installed::{OPERATOR_NAMESPACE, PATIENCE, operator_stopped};
pub use space::{Space, condition, is_ready, service};

//! What the tests share: namespaces and the oracle with the tests on the control plane; the node, its pods, the seed stacks.

// What both kinds of tests share is not all used by both.
#[allow(dead_code)]
#[path = "../../cluster/support/examples.rs"]
mod examples;
mod failures;
mod installed;
mod measures;
mod node;
#[allow(dead_code)]
#[path = "../../cluster/support/oracle.rs"]
mod oracle;
mod pods;
mod reach;
mod seed;
#[allow(dead_code)]
#[path = "../../cluster/support/space.rs"]
mod space;
mod steady;
mod time;
mod timeline;
mod usage;
mod witness;

pub use installed::{Alone, OPERATOR_NAMESPACE, alone, installed};
pub use node::{answer, curl, finish, node, outside, until};
pub use reach::{Connection, greeting};
pub use seed::Seed;
pub use space::{Space, condition, service};
pub use steady::{ASK, Request, Steady};
pub use time::{SOON, lag};
pub use timeline::Timeline;
pub use witness::Witness;

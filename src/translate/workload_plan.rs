//! What was worked out of a service before its workload is made.

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::names::ObjectName;
use super::object::Kind;
use super::project::service_path;
use super::restart::Restart;
use super::stack::Stack;

/// ReplicaSets that a Deployment keeps; the operator rolls back by its own records.
pub const REVISIONS: i32 = 2;

/// A service and what was worked out of it.
pub struct Plan<'b> {
    pub key: &'b str,
    pub service: &'b Service,
    /// Name of the service's objects.
    pub name: &'b ObjectName,
    pub kind: Kind,
    pub restart: Restart,
    pub inputs: &'b str,
    /// Replicas of the file or the spec, stopped or not.
    pub replicas: i32,
    /// Whether an autoscaler has their number.
    pub autoscaled: bool,
    /// Seconds that a roll-out may take before it counts as failed.
    pub deadline: u64,
}

impl Plan<'_> {
    pub fn path(&self) -> Path {
        service_path(self.key)
    }

    /// Replicas as they are written: none where an autoscaler has their number.
    pub fn written_replicas(&self, stack: &Stack) -> Option<i32> {
        match self.replicas {
            _ if stack.is_stopped(self.key) => Some(0),
            replicas if self.autoscaled && replicas > 0 => None,
            replicas => Some(replicas),
        }
    }

    /// Name of the workload.
    pub fn workload_name(&self) -> ObjectName {
        if self.kind == Kind::Job { self.name.job(self.inputs) } else { self.name.clone() }
    }
}

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use crate::api::{ComposeStackStatus, StackWarning};
use crate::translate::{Desired, External, Key};

/// All that a decision rests on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    pub stack: StackView,
    /// What the stack is to become, or why that can't be said.
    pub desired: Result<&'a Desired, &'a Refusal>,
    /// Warnings of load and translation, for status.
    pub warnings: &'a [StackWarning],
    pub live: &'a Live,
    /// Our own writes that the watch has not shown yet.
    pub unseen: &'a Unseen,
    /// External resources that do not exist.
    pub missing: &'a BTreeSet<External>,
    /// The stack's status as the API server has it: the record of facts that outlive the process.
    pub recorded: &'a ComposeStackStatus,
    /// Refusals by the API server of our last attempts (quota, admission, forbidden), by object; they are told in status.
    pub failures: &'a BTreeMap<Key, String>,
    pub now: Timestamp,
}

/// The stack itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackView {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub generation: i64,
    pub deleting: bool,
    pub suspend: bool,
    pub stopped: bool,
}

/// Why there is nothing desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `InvalidSpec` or `SourceMissing`.
    pub reason: &'static str,
    /// Every problem, with path, line and column.
    pub message: String,
}

/// What the caches show of the stack's namespace.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Objects with our managed-by label that belong to this stack by owner UID or, for claims, by annotations; and objects of
    /// desired names whoever owns them.
    pub objects: BTreeMap<Key, LiveObject>,
    /// Objects that answered 409 to a create and are not in the caches, as a read showed them.
    pub probed: BTreeMap<Key, LiveObject>,
    /// Pods of the stack, by the label `compose-operator.dev/service`.
    pub pods: BTreeMap<String, Vec<PodView>>,
}

/// Whose an object is, seen from one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Owner UID is the stack's; for claims: the annotations name this stack and a volume.
    Ours,
    /// Its controller is a ComposeStack that is gone.
    Orphan,
    /// Somebody else's, in words: `Deployment nginx of team-b`, `nobody`.
    Foreign(String),
    /// Handed to this stack by the annotation `adopt`, without a controller.
    Adoptable,
}

/// One live object, as little of it as a decision needs.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    pub uid: String,
    pub resource_version: String,
    pub whose: Observed,
    pub deleting: bool,
    pub inputs: Option<String>,
    /// Hash of our managedFields entry; `None` where we have none.
    pub fields: Option<String>,
    /// For Services: headless (`clusterIP: None`)? Sticky: a ClusterIP never becomes headless again.
    pub headless: Option<bool>,
    /// Capacity and phase of claims, state of workloads.
    pub state: WorkloadView,
}

/// State of an object, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WorkloadView {
    #[default]
    None,
    Claim {
        /// `Pending`, `Bound` or `Lost`.
        phase: String,
    },
    /// Addresses at which a published Service answers: (port, nodePort, load balancer addresses).
    Service {
        ports: Vec<(i32, Option<i32>)>,
        addresses: Vec<String>,
    },
    /// Deployment and DaemonSet alike.
    Replicated {
        generation: i64,
        observed_generation: i64,
        /// `spec.replicas`; for a DaemonSet the desired number of nodes.
        replicas: i32,
        total: i32,
        updated: i32,
        ready: i32,
        available: i32,
        /// Message of a false `Progressing` or a true `ReplicaFailure` condition.
        problem: Option<String>,
    },
    Job(JobView),
}

/// State of a Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobView {
    pub active: i32,
    pub ready: i32,
    pub succeeded: i32,
    pub failed: i32,
    pub complete: bool,
    /// Message of a true `Failed` condition.
    pub failure: Option<String>,
}

/// One pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodView {
    pub name: String,
    pub deleting: bool,
    /// `Pending`, `Running`, `Succeeded` or `Failed`.
    pub phase: String,
    pub ready: bool,
    /// Annotation of the template that it was made from, where it has one: the inputs at which it was made.
    pub controller: Option<String>,
    /// Message of `PodScheduled=False`.
    pub unschedulable: Option<String>,
    pub containers: Vec<ContainerView>,
}

/// One container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerView {
    pub name: String,
    pub started: bool,
    pub restarts: i32,
    /// (reason, message) of the waiting state.
    pub waiting: Option<(String, String)>,
    /// Exit code of the last termination.
    pub exit_code: Option<i32>,
}

/// Our own writes that a lagging cache does not show yet.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// Objects that were created or changed: uid and resourceVersion of the answer, and its fields hash.
    pub written: BTreeMap<Key, LiveObject>,
    /// Objects that were deleted, by uid.
    pub deleted: BTreeMap<Key, String>,
}

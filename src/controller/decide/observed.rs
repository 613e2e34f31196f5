use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use crate::api::{ComposeStackStatus, Revision, StackWarning};
use crate::cluster::view::{PodView, WorkloadView};
use crate::translate::{Desired, External, Key};

/// All that a decision rests on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    pub stack: StackView,
    /// What the stack is to become, or why that can't be said.
    pub desired: Result<&'a Desired, &'a Refusal>,
    /// What the last good revision is to become, where it is read because an update of this generation has failed.
    pub good: Option<Result<&'a Desired, &'a Refusal>>,
    pub kept: &'a Kept,
    /// Warnings of load and translation, for status.
    pub warnings: &'a [StackWarning],
    pub live: &'a Live,
    /// What the caches or the status do not show yet of our own writes.
    pub unseen: &'a Unseen,
    /// External resources that do not exist.
    pub missing: &'a BTreeSet<External>,
    /// The stack's newest status that is known (the answer to our last write of it, until the cache has caught up): the record of
    /// facts that outlive the process.
    pub recorded: &'a ComposeStackStatus,
    /// What the API server answered to our last failed attempts (quota, admission, forbidden), by object; it is told in status. An
    /// attempt that succeeds removes its entry.
    pub failures: &'a BTreeMap<Key, Failure>,
    /// Our repairs of drift, by object: who changes the same again and again is not fought at full speed.
    pub repairs: &'a BTreeMap<Key, Repair>,
    pub now: Timestamp,
}

/// What has become of the latest record of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// The status tells.
    #[default]
    AsRecorded,
    /// This one is kept, or none, and the status that tells it is not written yet.
    Is(Option<Revision>),
    /// The revision of these inputs can't be kept.
    Refused { inputs: String, message: String },
}

/// Repairs of one object. Forgotten once none was needed for ten minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    pub count: u32,
    pub last: Timestamp,
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

/// A write that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// The API server's words; no value that is tainted.
    pub message: String,
    /// No action on this object before; `decide` holds it back until then.
    pub not_before: Timestamp,
}

/// What follows from a failed write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// 403: rights, quota, pod security.
    Forbidden,
    /// Any other refusal that the same request would meet again: 400, 413, 422.
    Refused,
    /// Fields would change that never do: only another object of the name can be what is wanted.
    Immutable,
    /// Conflicts, time-outs, 429, 5xx: expected to pass.
    Transient,
}

/// What the caches show of the stack's namespace.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Objects with our managed-by label that belong to this stack by owner UID or, for claims, by annotations; and objects of
    /// desired names whoever owns them.
    pub objects: BTreeMap<Key, LiveObject>,
    /// Objects that answered 409 to a create and are not in the caches, as a read showed them. Kept until a create succeeds or the
    /// caches show the object; a read that finds nothing removes the entry.
    pub probed: BTreeMap<Key, Probed>,
    /// Pods of the stack, by the label `compose-operator.dev/service`.
    pub pods: BTreeMap<String, Vec<PodView>>,
}

/// An object that stands in the way of a create.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    pub object: LiveObject,
    /// Whether it carries the labels by which the caches select: then they will show it, and until then this read stands for it.
    pub labelled: bool,
    /// When it was read. `decide` asks for the create again after a while, and so for another read.
    pub at: Timestamp,
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
    /// Annotation `compose-operator.dev/inputs`.
    pub inputs: Option<String>,
    /// Label `compose-operator.dev/service`: the legal object name of the service that it belongs to.
    pub service: Option<String>,
    /// Annotation `compose-operator.dev/restarted-for` of the pod template.
    pub restarted_for: Option<String>,
    /// Hash of our managedFields entry; `None` where we have none.
    pub fields: Option<String>,
    /// The manager, other than us and the status controllers, that changed it last.
    pub changed_by: Option<String>,
    /// For Services: headless (`clusterIP: None`)? Sticky: a ClusterIP never becomes headless again.
    pub headless: Option<bool>,
    /// For Services with addresses of their own: these, joined by commas.
    pub address: Option<String>,
    /// Capacity and phase of claims, state of workloads.
    pub state: WorkloadView,
}

/// What the caches or the status do not show yet of our own writes.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// Objects that were created or changed, as the answer showed them. Kept until the cache of the kind has reached the answer's
    /// resourceVersion (then the object stands there, or somebody has deleted it since).
    pub written: BTreeMap<Key, LiveObject>,
    /// Objects that were deleted, by uid. Kept until the cache has reached the deletion.
    pub deleted: BTreeMap<Key, String>,
    /// What the answers to our creates, applies and comparisons said, until the status that holds it has been written.
    pub answers: BTreeMap<Key, Answer>,
}

/// What is remembered of an answer until it stands in `status.objects`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub uid: String,
    /// Hash of our managedFields entry after the write.
    pub fields: Option<String>,
}

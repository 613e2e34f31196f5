//! What is kept of an object: the little that a decision needs, never its spec.

use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::keys;
use crate::translate::Kind;

mod kinds;

pub use kinds::{
    AutoscalerView, ClaimView, CronJobView, DaemonSetView, DeploymentView, HttpRouteView, JobObjectView, ServiceObjectView, StatefulSetView,
};

/// An object of an owned kind, as the caches hold it and as answers to our writes show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub uid: String,
    pub resource_version: String,
    pub owner: Owner,
    /// Annotation `compose-operator.dev/adopt`.
    pub adopt: Option<String>,
    pub deleting: bool,
    /// Whether it carries the label by which the caches select.
    pub labelled: bool,
    /// Annotation `compose-operator.dev/inputs`.
    pub inputs: Option<String>,
    /// Label `compose-operator.dev/service`.
    pub service: Option<String>,
    /// Annotation `compose-operator.dev/restarted-for` of the pod template.
    pub restarted_for: Option<String>,
    /// Annotation `compose-operator.dev/layout`.
    pub layout: Option<String>,
    /// Hash of our managedFields entries; `None` where we have none.
    pub fields: Option<String>,
    /// Whether fields of ours still belong to the entry that the POST made.
    pub posted: bool,
    /// The manager, other than us and the controllers of the cluster, that changed it last.
    pub changed_by: Option<String>,
    /// For Services: `clusterIP: None`.
    pub headless: Option<bool>,
    /// For Services with addresses of their own: these, joined by commas.
    pub address: Option<String>,
    pub state: WorkloadView,
}

/// Whom an object belongs to, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    #[default]
    Nobody,
    /// Its controller is a `ComposeStack` of this name and uid.
    Stack { name: String, uid: String },
    /// A claim whose annotations name a stack and a volume.
    Claim { stack: String },
    /// Its controller is something else: kind and name.
    Other { kind: String, name: String },
}

impl Owner {
    /// The name of the stack that the object says it belongs to.
    pub fn stack(&self) -> Option<&str> {
        match self {
            Owner::Stack { name, .. } | Owner::Claim { stack: name } => Some(name),
            Owner::Nobody | Owner::Other { .. } => None,
        }
    }
}

/// State of an object, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WorkloadView {
    #[default]
    None,
    Claim {
        /// `Pending`, `Bound` or `Lost`.
        phase: String,
        spec: ClaimSpec,
    },
    Service {
        ports: Vec<PortView>,
        /// Addresses (IP or host name) of a load balancer.
        addresses: Vec<String>,
    },
    /// Deployment, StatefulSet and DaemonSet alike.
    Replicated {
        generation: i64,
        observed_generation: i64,
        /// `spec.replicas`; for a DaemonSet the desired number of nodes.
        replicas: i32,
        total: i32,
        updated: i32,
        ready: i32,
        available: i32,
        /// Message of a true `ReplicaFailure` condition, or of a `Progressing` that is false for more than its deadline.
        problem: Option<String>,
        /// Whether the number of replicas is a field of ours. Where an autoscaler has it, it isn't.
        holds_replicas: bool,
        /// Whether its roll-out is paused, by a field of ours.
        paused: bool,
        /// The volumes of which each replica has a claim of its own.
        claim_templates: Vec<String>,
    },
    Job(JobView),
    Cron(CronView),
    /// What stands beside a workload and may not work: an autoscaler, a route.
    Companion {
        /// Why it doesn't work, as its controller says.
        problem: Option<String>,
    },
}

/// What a claim asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSpec {
    pub size: Option<String>,
    pub storage_class: Option<String>,
    pub access_modes: Vec<String>,
}

/// State of a CronJob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronView {
    /// Runs that go on.
    pub active: i32,
    /// Whether a run was begun and none has succeeded since.
    pub failing: bool,
}

/// One port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortView {
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    pub node_port: Option<i32>,
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
    /// Annotation `compose-operator.dev/inputs`, which `decide` writes into every pod template: the inputs at which it was made.
    pub inputs: Option<String>,
    /// The kind of workload that it comes of (a ReplicaSet's pod comes of a Deployment).
    pub workload: Option<Kind>,
    /// Message of `PodScheduled=False`.
    pub unschedulable: Option<String>,
    /// Why the node ended it, as with an eviction; a pod whose program failed has no such reason.
    pub ended: Option<String>,
    pub containers: Vec<ContainerView>,
}

/// What ended a container that didn't end by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum EndedBy {
    /// It took more memory than its limit.
    OutOfMemory,
    /// Its program could not be started; the runtime's words.
    NotStarted(String),
}

/// One container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerView {
    pub name: String,
    pub started: bool,
    pub ready: bool,
    pub restarts: i32,
    /// (reason, message) of the waiting state.
    pub waiting: Option<(String, String)>,
    /// Exit code of the last termination.
    pub exit_code: Option<i32>,
    /// What ended it, where that was not the program.
    pub ended_by: Option<EndedBy>,
    /// How many seconds it ran the last time that it ended.
    pub ran: Option<u64>,
    /// It has ended, and is not started again for now.
    pub ended: bool,
}

/// A kind as the API server sends it, reduced to what [`Seen`] is made from.
pub trait View: Resource<DynamicType = ()> {
    const KIND: Kind;
    fn seen(&self) -> Seen;
}

/// Metadata alone, of any kind.
#[derive(Clone, Debug, Deserialize)]
pub struct AnyView {
    pub metadata: ObjectMeta,
}

impl AnyView {
    pub fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

/// What the metadata of an object tells.
pub(super) fn of_metadata(meta: &ObjectMeta) -> Seen {
    let label = |key: &str| meta.labels.as_ref().and_then(|l| l.get(key));
    let annotation = |key: &str| meta.annotations.as_ref().and_then(|a| a.get(key)).cloned();
    let managed = meta.managed_fields.as_deref().unwrap_or_default();
    Seen {
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        owner: owner(meta),
        adopt: annotation(keys::ADOPT),
        deleting: meta.deletion_timestamp.is_some(),
        labelled: label(keys::MANAGED_BY).is_some_and(|v| v == keys::MANAGED_BY_VALUE),
        inputs: annotation(keys::INPUTS),
        service: label(keys::SERVICE).cloned(),
        restarted_for: None,
        layout: annotation(keys::LAYOUT),
        fields: fields_hash(managed),
        posted: managed.iter().any(|e| is_ours(e) && e.operation.as_deref() == Some("Update")),
        changed_by: changed_by(managed),
        headless: None,
        address: None,
        state: WorkloadView::None,
    }
}

fn owner(meta: &ObjectMeta) -> Owner {
    match meta.owner_references.iter().flatten().find(|o| o.controller == Some(true)) {
        Some(o) if is_stack(o) => Owner::Stack { name: o.name.clone(), uid: o.uid.clone() },
        Some(o) => Owner::Other { kind: o.kind.clone(), name: o.name.clone() },
        None => Owner::Nobody,
    }
}

fn claim_owner(meta: &ObjectMeta) -> Option<Owner> {
    let annotations = meta.annotations.as_ref()?;
    annotations.get(keys::VOLUME)?;
    Some(Owner::Claim { stack: annotations.get(keys::STACK)?.clone() })
}

fn is_stack(owner: &OwnerReference) -> bool {
    owner.kind == "ComposeStack" && owner.api_version.split('/').next() == Some(keys::GROUP)
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(keys::MANAGER) && entry.subresource.as_deref().is_none_or(str::is_empty)
}

/// Whether a field is among those that are ours.
fn holds(meta: &ObjectMeta, field: &str) -> bool {
    let ours = meta.managed_fields.iter().flatten().filter(|e| is_ours(e)).filter_map(|e| e.fields_v1.as_ref());
    ours.into_iter().any(|fields| fields.0.pointer(field).is_some())
}

/// Whether the number of replicas is among the fields that are ours.
fn holds_replicas(meta: &ObjectMeta) -> bool {
    holds(meta, "/f:spec/f:replicas")
}

fn changed_by(managed: &[ManagedFieldsEntry]) -> Option<String> {
    const OF_THE_CLUSTER: [&str; 4] = [keys::MANAGER, keys::SCALE_MANAGER, "kube-controller-manager", "kube-scheduler"];
    let others = managed
        .iter()
        .filter(|e| e.subresource.as_deref() != Some("status") && e.manager.as_deref().is_some_and(|m| !OF_THE_CLUSTER.contains(&m)));
    others.max_by(|a, b| a.time.as_ref().map(|t| t.0).cmp(&b.time.as_ref().map(|t| t.0))).and_then(|e| e.manager.clone())
}

/// Hash of what our entries of managedFields own, whatever the operation that made them. When somebody else changes one of our
/// values the API server takes that field out of our entry, and this changes; what others add leaves it as it was.
pub fn fields_hash(managed: &[ManagedFieldsEntry]) -> Option<String> {
    let mut ours: Vec<String> =
        managed.iter().filter(|e| is_ours(e)).filter_map(|e| e.fields_v1.as_ref()).map(|f| canonical(&f.0)).collect();
    if ours.is_empty() {
        return None;
    }
    ours.sort_unstable();
    Some(short_hash(ours.iter().map(String::as_bytes)))
}

/// JSON with sorted keys, so that equal sets hash alike.
fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    let Value::Object(map) = value else {
        out.push_str(&value.to_string());
        return;
    };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_unstable();
    out.push('{');
    for key in keys {
        out.push_str(key);
        out.push(':');
        write_canonical(&map[key], out);
        out.push(',');
    }
    out.push('}');
}

fn short_hash<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.finalize().iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;

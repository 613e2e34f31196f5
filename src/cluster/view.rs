//! What is kept of an object: the little that a decision needs, never its spec.

use std::fmt::Write as _;

use k8s_openapi::api::apps::v1::{DaemonSetStatus, DeploymentStatus};
use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::api::core::v1::{PersistentVolumeClaimStatus, ServiceStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::keys;
use crate::translate::Kind;

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
    },
    Service {
        ports: Vec<PortView>,
        /// Addresses (IP or host name) of a load balancer.
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

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::Deployment")]
pub struct DeploymentView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: WorkloadSpec,
    #[serde(default)]
    status: DeploymentStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::DaemonSet")]
pub struct DaemonSetView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: WorkloadSpec,
    #[serde(default)]
    status: DaemonSetStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::batch::v1::Job")]
pub struct JobObjectView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: WorkloadSpec,
    #[serde(default)]
    status: JobStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Service")]
pub struct ServiceObjectView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: ServiceSpecView,
    #[serde(default)]
    status: ServiceStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::PersistentVolumeClaim")]
pub struct ClaimView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: PersistentVolumeClaimStatus,
}

/// What is read of the spec of a workload.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WorkloadSpec {
    replicas: Option<i32>,
    template: TemplateView,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TemplateView {
    metadata: ObjectMeta,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceSpecView {
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    ports: Vec<ServicePortView>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServicePortView {
    port: i32,
    protocol: Option<String>,
    node_port: Option<i32>,
}

impl AnyView {
    pub fn seen(&self) -> Seen {
        of_metadata(&self.metadata)
    }
}

impl View for DeploymentView {
    const KIND: Kind = Kind::Deployment;

    fn seen(&self) -> Seen {
        let status = &self.status;
        let problem = status
            .conditions
            .iter()
            .flatten()
            .find(|c| (c.type_ == "Progressing" && c.status == "False") || (c.type_ == "ReplicaFailure" && c.status == "True"));
        let state = WorkloadView::Replicated {
            generation: self.metadata.generation.unwrap_or_default(),
            observed_generation: status.observed_generation.unwrap_or_default(),
            replicas: self.spec.replicas.unwrap_or(1),
            total: status.replicas.unwrap_or_default(),
            updated: status.updated_replicas.unwrap_or_default(),
            ready: status.ready_replicas.unwrap_or_default(),
            available: status.available_replicas.unwrap_or_default(),
            problem: problem.map(|c| c.message.clone().unwrap_or_default()),
        };
        Seen { state, restarted_for: self.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for DaemonSetView {
    const KIND: Kind = Kind::DaemonSet;

    fn seen(&self) -> Seen {
        let status = &self.status;
        let state = WorkloadView::Replicated {
            generation: self.metadata.generation.unwrap_or_default(),
            observed_generation: status.observed_generation.unwrap_or_default(),
            replicas: status.desired_number_scheduled,
            total: status.current_number_scheduled,
            updated: status.updated_number_scheduled.unwrap_or_default(),
            ready: status.number_ready,
            available: status.number_available.unwrap_or_default(),
            problem: None,
        };
        Seen { state, restarted_for: self.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for JobObjectView {
    const KIND: Kind = Kind::Job;

    fn seen(&self) -> Seen {
        let status = &self.status;
        let condition = |kind: &str| status.conditions.iter().flatten().find(|c| c.type_ == kind && c.status == "True");
        let state = WorkloadView::Job(JobView {
            active: status.active.unwrap_or_default(),
            ready: status.ready.unwrap_or_default(),
            succeeded: status.succeeded.unwrap_or_default(),
            failed: status.failed.unwrap_or_default(),
            complete: condition("Complete").is_some(),
            failure: condition("Failed").map(|c| c.message.clone().unwrap_or_default()),
        });
        Seen { state, restarted_for: self.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for ServiceObjectView {
    const KIND: Kind = Kind::Service;

    fn seen(&self) -> Seen {
        let ports = self.spec.ports.iter().map(|p| PortView {
            port: p.port,
            protocol: p.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            node_port: p.node_port,
        });
        let ingress = self.status.load_balancer.iter().flat_map(|l| l.ingress.iter().flatten());
        let state = WorkloadView::Service {
            ports: ports.collect(),
            addresses: ingress.filter_map(|i| i.ip.clone().or_else(|| i.hostname.clone())).collect(),
        };
        Seen { state, headless: Some(self.spec.cluster_ip.as_deref() == Some("None")), ..of_metadata(&self.metadata) }
    }
}

impl View for ClaimView {
    const KIND: Kind = Kind::PersistentVolumeClaim;

    fn seen(&self) -> Seen {
        let phase = self.status.phase.clone().unwrap_or_else(|| "Pending".to_owned());
        let seen = of_metadata(&self.metadata);
        // A claim's annotations alone say whose it is, whoever may have given it an owner.
        Seen { state: WorkloadView::Claim { phase }, owner: claim_owner(&self.metadata).unwrap_or(seen.owner.clone()), ..seen }
    }
}

impl WorkloadSpec {
    fn restarted_for(&self) -> Option<String> {
        self.template.metadata.annotations.as_ref()?.get(keys::RESTARTED_FOR).cloned()
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

fn changed_by(managed: &[ManagedFieldsEntry]) -> Option<String> {
    const OF_THE_CLUSTER: [&str; 3] = [keys::MANAGER, "kube-controller-manager", "kube-scheduler"];
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

//! The kinds as the API server sends them, reduced to what is read of them.

use k8s_openapi::api::apps::v1::{DaemonSetStatus, DeploymentCondition, DeploymentStatus, StatefulSetStatus};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerStatus;
use k8s_openapi::api::batch::v1::{CronJobStatus, JobStatus};
use k8s_openapi::api::core::v1::{PersistentVolumeClaimSpec, PersistentVolumeClaimStatus, ServiceStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Deserialize;

use crate::api::keys;
use crate::translate::{HttpRoute, Kind};

use super::{ClaimSpec, CronView, JobView, PortView, Seen, View, WorkloadView, claim_owner, holds, holds_replicas, of_metadata};

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
#[resource(inherit = "k8s_openapi::api::apps::v1::StatefulSet")]
pub struct StatefulSetView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: WorkloadSpec,
    #[serde(default)]
    status: StatefulSetStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::batch::v1::CronJob")]
pub struct CronJobView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: CronSpec,
    #[serde(default)]
    status: CronJobStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler")]
pub struct AutoscalerView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: HorizontalPodAutoscalerStatus,
}

#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "HttpRoute")]
pub struct HttpRouteView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: RouteStatus,
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
    spec: PersistentVolumeClaimSpec,
    #[serde(default)]
    status: PersistentVolumeClaimStatus,
}

/// What is read of the spec of a workload.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WorkloadSpec {
    replicas: Option<i32>,
    paused: bool,
    template: TemplateView,
    #[serde(rename = "volumeClaimTemplates")]
    claim_templates: Vec<TemplateView>,
}

/// What is read of the spec of a CronJob.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CronSpec {
    job_template: JobTemplateView,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct JobTemplateView {
    spec: WorkloadSpec,
}

/// What every Gateway that a route names says of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RouteStatus {
    parents: Vec<RouteParent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RouteParent {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TemplateView {
    metadata: ObjectMeta,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceSpecView {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<String>,
    ports: Vec<ServicePortView>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServicePortView {
    port: i32,
    protocol: Option<String>,
    node_port: Option<i32>,
}

impl View for DeploymentView {
    const KIND: Kind = Kind::Deployment;

    fn seen(&self) -> Seen {
        let status = &self.status;
        // That its time is over says nothing of why: the pods do.
        let is_late = |c: &DeploymentCondition| c.reason.as_deref() == Some("ProgressDeadlineExceeded");
        let problem = status.conditions.iter().flatten().find(|c| {
            (c.type_ == "Progressing" && c.status == "False" && !is_late(c)) || (c.type_ == "ReplicaFailure" && c.status == "True")
        });
        let state = WorkloadView::Replicated {
            generation: self.metadata.generation.unwrap_or_default(),
            observed_generation: status.observed_generation.unwrap_or_default(),
            replicas: self.spec.replicas.unwrap_or(1),
            total: status.replicas.unwrap_or_default(),
            updated: status.updated_replicas.unwrap_or_default(),
            ready: status.ready_replicas.unwrap_or_default(),
            available: status.available_replicas.unwrap_or_default(),
            problem: problem.map(|c| c.message.clone().unwrap_or_default()),
            holds_replicas: holds_replicas(&self.metadata),
            paused: self.spec.paused && holds(&self.metadata, "/f:spec/f:paused"),
            claim_templates: Vec::new(),
        };
        Seen { state, restarted_for: self.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for StatefulSetView {
    const KIND: Kind = Kind::StatefulSet;

    fn seen(&self) -> Seen {
        let status = &self.status;
        let state = WorkloadView::Replicated {
            generation: self.metadata.generation.unwrap_or_default(),
            observed_generation: status.observed_generation.unwrap_or_default(),
            replicas: self.spec.replicas.unwrap_or(1),
            total: status.replicas,
            updated: status.updated_replicas.unwrap_or_default(),
            ready: status.ready_replicas.unwrap_or_default(),
            available: status.available_replicas.unwrap_or_default(),
            problem: None,
            holds_replicas: holds_replicas(&self.metadata),
            paused: false,
            claim_templates: self.spec.claim_templates.iter().filter_map(|template| template.metadata.name.clone()).collect(),
        };
        Seen { state, restarted_for: self.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for CronJobView {
    const KIND: Kind = Kind::CronJob;

    fn seen(&self) -> Seen {
        let status = &self.status;
        let active = status.active.as_ref().map_or(0, |jobs| i32::try_from(jobs.len()).unwrap_or(i32::MAX));
        let begun = status.last_schedule_time.as_ref().map(|t| t.0);
        let succeeded = status.last_successful_time.as_ref().map(|t| t.0);
        let failing = active == 0 && begun.is_some_and(|begun| succeeded.is_none_or(|at| at < begun));
        let state = WorkloadView::Cron(CronView { active, failing });
        Seen { state, restarted_for: self.spec.job_template.spec.restarted_for(), ..of_metadata(&self.metadata) }
    }
}

impl View for AutoscalerView {
    const KIND: Kind = Kind::HorizontalPodAutoscaler;

    fn seen(&self) -> Seen {
        let conditions = self.status.conditions.iter().flatten();
        // Without replicas there is nothing to scale, and nothing is wrong.
        let mut wrong = conditions.filter(|c| {
            matches!(c.type_.as_str(), "AbleToScale" | "ScalingActive")
                && c.status == "False"
                && c.reason.as_deref() != Some("ScalingDisabled")
        });
        let problem = wrong.next().map(|c| c.message.clone().unwrap_or_default());
        Seen { state: WorkloadView::Companion { problem }, ..of_metadata(&self.metadata) }
    }
}

impl View for HttpRouteView {
    const KIND: Kind = Kind::HttpRoute;

    fn seen(&self) -> Seen {
        let mut conditions = self.status.parents.iter().flat_map(|p| &p.conditions);
        let wrong = conditions.find(|c| matches!(c.type_.as_str(), "Accepted" | "ResolvedRefs") && c.status == "False");
        let problem = wrong.map(|c| c.message.clone());
        Seen { state: WorkloadView::Companion { problem }, ..of_metadata(&self.metadata) }
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
            holds_replicas: false,
            paused: false,
            claim_templates: Vec::new(),
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
        // The name of something outside has neither an address nor ports of its own.
        let inside = self.spec.kind.as_deref() != Some("ExternalName");
        let headless = inside.then(|| self.spec.cluster_ip.as_deref() == Some("None"));
        let address = Some(self.spec.cluster_ips.join(",")).filter(|address| headless == Some(false) && !address.is_empty());
        Seen { headless, address, state, ..of_metadata(&self.metadata) }
    }
}

impl View for ClaimView {
    const KIND: Kind = Kind::PersistentVolumeClaim;

    fn seen(&self) -> Seen {
        let phase = self.status.phase.clone().unwrap_or_else(|| "Pending".to_owned());
        let seen = of_metadata(&self.metadata);
        // A claim's annotations alone say whose it is, whoever may have given it an owner.
        let requests = self.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        let spec = ClaimSpec {
            size: requests.and_then(|requests| requests.get("storage")).map(|size| size.0.clone()),
            storage_class: self.spec.storage_class_name.clone(),
            access_modes: self.spec.access_modes.clone().unwrap_or_default(),
        };
        Seen { state: WorkloadView::Claim { phase, spec }, owner: claim_owner(&self.metadata).unwrap_or(seen.owner.clone()), ..seen }
    }
}

impl WorkloadSpec {
    fn restarted_for(&self) -> Option<String> {
        self.template.metadata.annotations.as_ref()?.get(keys::RESTARTED_FOR).cloned()
    }
}

//! Pods, as far as status messages and gates need them.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodStatus};
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde::Deserialize;

use crate::api::keys;
use crate::translate::Kind;

use super::view::{ContainerView, EndedBy, PodView};

/// A pod as the API server sends it, without its spec.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Pod")]
pub struct PodObjectView {
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: PodStatus,
}

impl PodObjectView {
    /// Legal object name of the service that it runs.
    pub fn service(&self) -> Option<&String> {
        self.labels().get(keys::SERVICE)
    }

    /// Name of the stack that it belongs to.
    pub fn stack(&self) -> Option<&String> {
        self.labels().get(keys::STACK)
    }

    pub fn view(&self) -> PodView {
        let condition = |kind: &str| self.status.conditions.iter().flatten().find(|c| c.type_ == kind);
        let containers = self.status.init_container_statuses.iter().chain(&self.status.container_statuses).flatten();
        PodView {
            name: self.name_any(),
            deleting: self.metadata.deletion_timestamp.is_some(),
            phase: self.status.phase.clone().unwrap_or_else(|| "Pending".to_owned()),
            ready: condition("Ready").is_some_and(|c| c.status == "True"),
            inputs: self.annotations().get(keys::INPUTS).cloned(),
            workload: self.workload(),
            unschedulable: condition("PodScheduled").filter(|c| c.status == "False").map(|c| c.message.clone().unwrap_or_default()),
            ended: self.ended(),
            containers: containers.map(container).collect(),
        }
    }

    fn ended(&self) -> Option<String> {
        let reason = self.status.reason.as_deref().filter(|_| self.status.phase.as_deref() == Some("Failed"))?;
        let message = self.status.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        Some(message.map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}")))
    }

    fn workload(&self) -> Option<Kind> {
        let controller = self.owner_references().iter().find(|o| o.controller == Some(true))?;
        match controller.kind.as_str() {
            "ReplicaSet" => Some(Kind::Deployment),
            "DaemonSet" => Some(Kind::DaemonSet),
            "Job" => Some(Kind::Job),
            "StatefulSet" => Some(Kind::StatefulSet),
            _ => None,
        }
    }
}

fn container(status: &ContainerStatus) -> ContainerView {
    let state = status.state.as_ref();
    let ended = state.and_then(|s| s.terminated.as_ref()).or_else(|| status.last_state.as_ref().and_then(|s| s.terminated.as_ref()));
    let waiting = state.and_then(|s| s.waiting.as_ref());
    ContainerView {
        name: status.name.clone(),
        started: status.started.unwrap_or_else(|| state.is_some_and(|s| s.running.is_some() || s.terminated.is_some())),
        ready: status.ready,
        restarts: status.restart_count,
        waiting: waiting.map(|w| (w.reason.clone().unwrap_or_default(), w.message.clone().unwrap_or_default())),
        exit_code: ended.map(|t| t.exit_code),
        ended_by: ended.and_then(ended_by),
        ran: ended.and_then(ran),
        ended: state.is_some_and(|s| s.terminated.is_some()),
    }
}

fn ran(ended: &ContainerStateTerminated) -> Option<u64> {
    let (from, to) = (ended.started_at.as_ref()?, ended.finished_at.as_ref()?);
    u64::try_from(to.0.duration_since(from.0).as_secs()).ok()
}

fn ended_by(ended: &ContainerStateTerminated) -> Option<EndedBy> {
    match ended.reason.as_deref()? {
        "OOMKilled" => Some(EndedBy::OutOfMemory),
        "StartError" | "ContainerCannotRun" => Some(EndedBy::NotStarted(ended.message.clone().unwrap_or_default())),
        _ => None,
    }
}

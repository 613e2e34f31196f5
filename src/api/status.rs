use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of a stack. Conditions follow kstatus, so `kubectl wait`, Flux and Argo CD need no configuration.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ComposeStackStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Services that are Running or Completed, of all: `3/4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceStatus>,
    /// What was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectStatus>,
    /// Keys that have no effect here; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<StackWarning>,
    /// The last revision of the stack that was ready, where one is kept for `failure_action: rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// The update that failed and was undone, until there is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RolledBack>,
}

impl ComposeStackStatus {
    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == kind)
    }
}

/// A revision of a stack.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The generation at which it was ready.
    pub generation: i64,
    /// Hash of the inputs of everything that the stack became.
    pub inputs: String,
}

/// An update that failed and was undone.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The generation that asked for it.
    pub generation: i64,
    /// Hash of the inputs of everything that the stack was to become.
    pub inputs: String,
    /// Which service failed, and how.
    pub message: String,
}

/// State of one service.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceState {
    #[default]
    Waiting,
    Progressing,
    Running,
    Completed,
    Degraded,
    Failed,
    Stopped,
}

/// `status.services[]`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Key of the service in the Compose file.
    pub name: String,
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job` or `CronJob`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Replicas that are wanted.
    #[serde(default)]
    pub desired: i32,
    /// Replicas that are ready.
    #[serde(default)]
    pub ready: i32,
    pub state: ServiceState,
    /// The full reason in words, where there is one to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Services that this one waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
    /// Where published ports answer, as far as the cluster tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// The inputs that are wanted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// The inputs at which the service last met its condition, by condition: `started=<hash>,healthy=<hash>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<String>,
    /// The inputs at which the service has run to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<String>,
    /// The inputs at which the restart limit (`on-failure:n`) was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhausted: Option<String>,
    /// The inputs at which its roll-out failed (`deploy.update_config`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_update: Option<String>,
    /// Restarts that count no longer, for the container had run as long as `deploy.restart_policy.window`: `<pod>=<restarts>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgiven: Option<String>,
    /// What has become of the steps that run once before the service (`pre_start`): `completed=<inputs>`, `failed=<inputs>@<generation>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_start: Option<String>,
    /// When the roll-out that is under way began (RFC 3339), for the progress deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `status.objects[]`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    pub kind: String,
    pub name: String,
    /// The first eight characters of its UID: the hash speaks of no successor of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Hash of our managedFields entry after our last write; a live object whose entry hashes otherwise has drifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<String>,
    /// The addresses of a Service: a successor of the same name is made with them, for programs that resolved the name long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// `status.warnings[]`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StackWarning {
    pub code: String,
    /// `services.web.cgroup_parent`.
    pub path: String,
    /// `compose.yaml:3:7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    pub message: String,
}

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::status::ComposeStackStatus;

/// A Compose stack that runs in this namespace.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "compose-operator.dev",
    version = "v1",
    kind = "ComposeStack",
    plural = "composestacks",
    shortname = "cstack",
    namespaced,
    status = "ComposeStackStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Services", type_ = "string", json_path = ".status.summary"),
    printcolumn(name = "Status", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 40").message("a stack's name has at most 40 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("a stack's name is a DNS label: a-z, 0-9 and -, no dots")
)]
#[x_kube(validation = Rule::new("[has(self.compose), has(self.composeObject), has(self.composeFiles)].filter(s, s).size() == 1").message("set exactly one of compose, composeObject and composeFiles"))]
#[serde(rename_all = "camelCase")]
pub struct ComposeStackSpec {
    /// The Compose file, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub compose: Option<String>,
    /// The Compose file as a mapping, for tools that patch it. Loses what JSON can't say: anchors, `!reset`, `!override`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "free_form")]
    pub compose_object: Option<serde_json::Map<String, serde_json::Value>>,
    /// Names of files below, merged in order as `docker compose -f a -f b` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub compose_files: Option<Vec<String>>,
    /// The project directory: path → text. Content that starts with `#!` is executable. A path that ends in a slash is a directory without
    /// files, and has no text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The project directory's binary files: path → base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub binary_files: BTreeMap<String, String>,
    /// More files, from ConfigMaps and Secrets of the namespace. `files` wins over these, a later one over an earlier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub files_from: Vec<FilesFrom>,
    /// Interpolation variables: what the shell's environment is to docker compose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Interpolation variables from ConfigMaps and Secrets of the namespace. `variables` wins over these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub variables_from: Vec<VariablesFrom>,
    /// Active profiles; `*` is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// What `scale`, `stop`, `start` and `restart` write, by service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ServiceOverride>,
    /// Reconcile nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Every workload at 0; objects and data are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// How published ports leave the cluster; default is the operator's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<PublishMode>,
    /// Which networks become policies; default `Declared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicyMode>,
    /// Defaults for named volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<VolumeDefaults>,
    /// Secrets with registry credentials, for every pod of the stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalReference>,
    /// How long a roll-out may take before the stack is Stalled with `DeadlineExceeded`: a Compose duration, default `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<String>,
}

/// `spec.filesFrom[]`: exactly one source.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("has(self.configMap) != has(self.secret)").message("set exactly one of configMap and secret"))]
#[serde(rename_all = "camelCase")]
pub struct FilesFrom {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ObjectSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<ObjectSource>,
}

/// The keys of a ConfigMap or Secret, as files.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSource {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A missing object is an empty one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Directory that the keys are put into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Only these keys, under these paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<KeyToPath>,
}

/// One key of an object and the path that it becomes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct KeyToPath {
    pub key: String,
    pub path: String,
}

/// `spec.variablesFrom[]`: exactly one source.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("has(self.configMap) != has(self.secret)").message("set exactly one of configMap and secret"))]
#[serde(rename_all = "camelCase")]
pub struct VariablesFrom {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<LocalReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<LocalReference>,
}

/// An object of the stack's own namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct LocalReference {
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A missing object is an empty one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// `spec.services.<name>`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOverride {
    /// Beats `deploy.replicas` and `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// The service at 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// A new value restarts the service's pods; a Job is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
}

/// Type of the Services that publish ports.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishMode {
    LoadBalancer,
    #[default]
    NodePort,
    #[serde(rename = "ClusterIP")]
    ClusterIp,
}

/// Which networks become policies.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkPolicyMode {
    /// Networks that the file declares; services of the default network alone stay open.
    #[default]
    Declared,
    /// The default network too.
    Isolated,
    /// No policies.
    Disabled,
}

/// `spec.volumes`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDefaults {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
    /// A quantity, such as `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// `ReadWriteOnce`, `ReadWriteMany` or `ReadWriteOncePod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_mode: Option<String>,
}

/// A mapping of any shape. The type is written, or CEL does not see the field and the API server refuses the CRD.
fn free_form(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

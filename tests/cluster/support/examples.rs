//! The stacks of `examples/`, each in a namespace as its file wants it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use serde::Deserialize;
use serde_json::{Value, json};

use super::space::Space;

/// An applied example.
pub struct Example {
    pub space: Space,
    /// Name of the stack.
    pub name: String,
}

impl Example {
    /// Applies `examples/<file>.yaml` in a namespace with the labels that the file gives its own.
    pub async fn apply(file: &str) -> Self {
        let (labels, stack) = Self::read(file);
        Self::create(file, labels, &stack).await
    }

    /// Applies it in a namespace without labels.
    pub async fn apply_without_labels(file: &str) -> Self {
        Self::create(file, json!({}), &Self::read(file).1).await
    }

    /// The labels of the namespace, and the stack.
    pub fn read(file: &str) -> (Value, Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{file}.yaml"));
        let text = fs::read_to_string(path).unwrap();
        let documents: Vec<Value> = serde_yaml::Deserializer::from_str(&text).map(|d| Value::deserialize(d).unwrap()).collect();
        let labels =
            documents.iter().find(|document| document["kind"] == "Namespace").map_or(json!({}), |n| n["metadata"]["labels"].clone());
        let stack = documents.iter().find(|document| document["kind"] == "ComposeStack").unwrap();
        (labels, stack.clone())
    }

    async fn create(file: &str, labels: Value, stack: &Value) -> Self {
        let space = Space::open_labelled(file.rsplit('/').next().unwrap(), labels).await;
        let name = stack["metadata"]["name"].as_str().unwrap().to_owned();
        space.create_spec(&name, stack["spec"].clone()).await;
        Self { space, name }
    }

    /// Applies it and waits until it is Ready.
    pub async fn ready(file: &str) -> Self {
        let example = Self::apply(file).await;
        example.space.ready(&example.name).await;
        example
    }

    /// A Service's ports and their targets; none for a headless one without ports.
    pub async fn ports(&self, service: &str) -> Vec<(i32, i32)> {
        let service = self.space.api::<Service>().get(service).await.unwrap();
        let ports = service.spec.into_iter().flat_map(|spec| spec.ports.unwrap_or_default());
        let target = |port: &k8s_openapi::api::core::v1::ServicePort| match &port.target_port {
            Some(k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::Int(target)) => *target,
            _ => port.port,
        };
        ports.map(|port| (port.port, target(&port))).collect()
    }

    /// Whether the names resolve in the namespace: a name is one that a Service has.
    pub async fn resolve(&self, names: &[&str]) -> bool {
        let services = self.space.names::<Service>().await;
        names.iter().all(|name| services.iter().any(|service| service == name))
    }

    /// A Deployment as JSON.
    pub async fn deployment(&self, name: &str) -> Value {
        serde_json::to_value(self.space.api::<Deployment>().get(name).await.unwrap()).unwrap()
    }

    /// The only container of a Deployment, as JSON.
    pub async fn container(&self, deployment: &str) -> Value {
        self.deployment(deployment).await["spec"]["template"]["spec"]["containers"][0].clone()
    }

    /// The Deployments in the order in which the operator made them.
    pub fn created(&self) -> Vec<String> {
        let writes = self.space.writes();
        let made = writes.iter().filter(|event| event.verb == "create" && event.resource() == "deployments");
        made.map(|event| event.name().to_owned()).collect()
    }

    /// Paths of the stack's warnings.
    pub async fn warned(&self) -> Vec<String> {
        let stack = self.space.api::<compose_operator::api::ComposeStack>().get(&self.name).await.unwrap();
        stack.status.into_iter().flat_map(|status| status.warnings).map(|warning| warning.path).collect()
    }

    /// Replicas that the Deployments want.
    pub async fn replicas(&self) -> BTreeMap<String, i32> {
        let deployments = self.space.list::<Deployment>().await;
        let replicas = |d: &Deployment| d.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        deployments.iter().map(|d| (d.metadata.name.clone().unwrap(), replicas(d))).collect()
    }
}

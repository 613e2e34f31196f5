//! What user and admin determine of a workload, as one hash. While it equals the live object's, that object stands, however this version of the
//! operator would render it: so nothing rendered goes in, and nothing that changes other objects alone.

use serde_json::{Map, Value as Json, json};

use crate::compose::model::{Port, Service};
use crate::compose::path::Path;
use crate::yaml;

use super::hash;
use super::host_ports::is_of_node;
use super::labels;
use super::object::Kind;
use super::pod::Pod;
use super::policy::Policy;
use super::report;
use super::stack::{Stack, networks_of, service_path};
use super::workload::Restart;

/// Attributes that change no workload: who waits for whom, what Services and policies are made of, what is the plugin's.
const ELSEWHERE: [&str; 11] =
    ["attach", "build", "depends_on", "develop", "expose", "extends", "links", "networks", "ports", "profiles", "scale"];

/// Hash of a service's inputs. Replicas count for Jobs alone: a Deployment's are compared by themselves.
pub fn of_workload(
    stack: &Stack,
    key: &str,
    service: &Service,
    kind: Kind,
    restart: Restart,
    pod: &Pod,
    alias_labels: &[String],
) -> String {
    let path = service_path(key);
    let mut slice = report::node(&stack.project.root, &path).map(yaml::to_json).unwrap_or_default();
    if let Some(slice) = slice.as_object_mut() {
        for attribute in ELSEWHERE {
            slice.remove(attribute);
        }
        without_replicas(slice);
    }
    let mut ports: Vec<_> = service.ports.iter().map(port).collect();
    ports.sort();
    ports.dedup();
    let networks: Vec<_> = networks_of(service)
        .into_iter()
        .map(|network| (network, stack.project.networks.get(network).map(|declared| &declared.name)))
        .collect();
    let volumes: Map<String, Json> =
        service.volumes.iter().filter_map(|mount| declared(stack, "volumes", mount.source.as_deref()?)).collect();
    let externals: Vec<_> = pod.mounts.externals.iter().map(|external| &external.name).collect();
    let mut intent = json!({
        "service": slice,
        "image": super::images::name(stack, key, service),
        "kind": kind.as_str(),
        "restart": format!("{restart:?}"),
        "ports": ports,
        "networks": networks,
        "aliases": alias_labels,
        "volumes": volumes,
        "files": &pod.mounts.digests,
        "contents": &pod.digests,
        "externals": externals,
        "neighbours": &pod.neighbours,
        "pullSecrets": &stack.settings.image_pull_secrets,
        "deadline": super::workload::progress_deadline(stack, service),
    });
    let mut set = |name: &str, value: Json| {
        if let Some(intent) = intent.as_object_mut().filter(|_| !value.is_null()) {
            intent.insert(name.to_owned(), value);
        }
    };
    if kind == Kind::Job {
        set("replicas", json!(stack.replicas(key, service)));
    }
    set("restartedAt", json!(stack.settings.services.get(key).and_then(|service| service.restarted_at.as_ref())));
    set("cpuRequest", json!(stack.settings.default_requests.cpu_milli));
    set("memoryRequest", json!(stack.settings.default_requests.memory_bytes));
    set("policy", of_policy(stack, service));
    hash::of_json(&intent)
}

/// What the administrator's policy makes of the service's words; what it merely allows changes nothing.
fn of_policy(stack: &Stack, service: &Service) -> Json {
    let (policy, shipped) = (&stack.settings.policy, &Policy::default());
    let mut decided = Map::new();
    let mut decide = |name: &str, value: Json| drop(decided.insert(name.to_owned(), value));
    if let Some(class) = service.runtime.as_ref().and_then(|runtime| policy.runtimes.get(runtime)) {
        decide("runtime", json!(class));
    }
    let reservations = service.deploy.as_ref().map(|deploy| &deploy.reservations);
    let asks_gpus = !service.gpus.is_empty() || reservations.is_some_and(|reservations| !reservations.devices.is_empty());
    if asks_gpus && policy.gpu_drivers != shipped.gpu_drivers {
        decide("gpuDrivers", json!(policy.gpu_drivers));
    }
    let kinds = reservations.into_iter().flat_map(|reservations| &reservations.generic_resources).map(|resource| &resource.kind);
    let generic: Vec<_> = kinds.filter_map(|kind| policy.generic_resources.get(kind)).collect();
    let devices: Vec<_> = service.devices.iter().filter_map(|device| policy.devices.get(&device.source)).collect();
    for (name, resources) in [("genericResources", generic), ("devices", devices)] {
        if !resources.is_empty() {
            decide(name, json!(resources));
        }
    }
    if !service.models.is_empty() {
        decide("modelEndpoint", json!(policy.model_endpoint));
    }
    let left_out: Vec<_> =
        service.labels.keys().chain(service.annotations.keys()).filter(|key| !labels::may_annotate(key, policy)).collect();
    if !left_out.is_empty() {
        decide("annotations", json!(left_out));
    }
    if stack.settings.least_privilege {
        decide("leastPrivilege", json!(true));
    }
    if decided.is_empty() { Json::Null } else { Json::Object(decided) }
}

/// A port as the pod has it: where a Service publishes it is not the pod's.
fn port(port: &Port) -> String {
    let inside = format!("{}/{}", port.target, port.protocol);
    if !is_of_node(port) {
        return inside;
    }
    let (address, number) = (port.host_ip.as_deref().unwrap_or_default(), port.published.as_deref().unwrap_or_default());
    format!("{inside} on the node's {address}:{number}")
}

fn without_replicas(slice: &mut Map<String, Json>) {
    let Some(deploy) = slice.get_mut("deploy").and_then(Json::as_object_mut) else { return };
    deploy.remove("replicas");
    // Nothing else in it: as if it weren't there.
    if deploy.is_empty() {
        slice.remove("deploy");
    }
}

fn declared(stack: &Stack, section: &str, name: &str) -> Option<(String, Json)> {
    let mut node = yaml::to_json(report::node(&stack.project.root, &Path::of(&[section, name]))?);
    if let Some(declaration) = node.as_object_mut() {
        declaration.remove("labels");
    }
    Some((name.to_owned(), node))
}

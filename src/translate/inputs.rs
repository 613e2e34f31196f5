//! What user and admin determine of a workload, as one hash. While it equals the live object's, that object stands, however this version of the
//! operator would render it: so nothing rendered goes in, and nothing that changes other objects alone.

use serde_json::{Map, Value as Json, json};

use crate::compose::model::{Port, Service};
use crate::compose::path::Path;
use crate::yaml;

use super::hash;
use super::host_ports::is_of_node;
use super::kubernetes;
use super::labels;
use super::object::Kind;
use super::pod::{Context, Member, Part, Pod};
use super::policy::Policy;
use super::port::{self, FIRST_FREE};
use super::project::{networks_of, service_path};
use super::report;
use super::stack::Stack;
use super::workload::Restart;

/// Attributes that change no workload: who waits for whom, what Services and policies are made of, what is the plugin's.
const ELSEWHERE: [&str; 12] =
    ["attach", "build", "depends_on", "develop", "expose", "extends", "external_links", "links", "networks", "ports", "profiles", "scale"];

/// Hash of the inputs of a pod's services. Replicas count for Jobs alone: a Deployment's are compared by themselves.
pub fn of_workload(context: &Context, kind: Kind, restarts: &[Restart], pod: &Pod) -> String {
    let mut intents = pod.parts.iter().zip(restarts).map(|(part, restart)| of_part(context, kind, *restart, part));
    let mut intent = intents.next().unwrap_or_default();
    let guests: Vec<Json> = intents.collect();
    intent["neighbours"] = json!(&pod.neighbours);
    if !guests.is_empty() {
        intent["guests"] = json!(guests);
    }
    hash::of_json(&intent)
}

/// Hash of the inputs of the steps that run once before a pod.
pub fn of_steps(context: &Context, parts: &[Part]) -> String {
    let stack = context.stack;
    let of = |part: &Part| {
        let steps = slice(stack, part.member.key).get_mut("pre_start").map(Json::take);
        let steps: Vec<Json> =
            steps.as_ref().and_then(Json::as_array).into_iter().flatten().filter(|step| step["per_replica"] != true).cloned().collect();
        let mounts = slice(stack, part.member.key).get_mut("volumes").map(Json::take);
        json!({
            "steps": steps,
            "mounts": mounts,
            "volumes": volumes(stack, part.member.service),
            "files": &part.mounts.digests,
            "contents": &part.digests,
        })
    };
    let networks: Vec<_> = parts.iter().take(1).flat_map(|part| stack.networks(part.member.key)).collect();
    hash::of_json(&json!({
        "services": parts.iter().map(of).collect::<Vec<_>>(),
        "networks": networks,
        "pullSecrets": &stack.settings.image_pull_secrets,
    }))
}

/// What user and admin determine of one service's part of a pod.
fn of_part(context: &Context, kind: Kind, restart: Restart, part: &Part) -> Json {
    let stack = context.stack;
    let Member { key, service, .. } = part.member;
    let alias_labels: Vec<&String> = context.aliases.labels.get(key).into_iter().flatten().collect();
    let mut ports: Vec<_> = service.ports.iter().map(port).collect();
    ports.sort();
    ports.dedup();
    let networks: Vec<_> = networks_of(service)
        .into_iter()
        .map(|network| (network, stack.project.networks.get(network).map(|declared| &declared.name)))
        .collect();
    let externals: Vec<_> = part.mounts.externals.iter().map(|external| &external.name).collect();
    let mut intent = json!({
        "service": slice(stack, key),
        "image": super::images::name(stack, key, service),
        "kind": kind.as_str(),
        "restart": format!("{restart:?}"),
        "ports": ports,
        "networks": networks,
        "aliases": alias_labels,
        "volumes": volumes(stack, service),
        "files": &part.mounts.digests,
        "contents": &part.digests,
        "externals": externals,
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
    // Without a port that is published, what lets its user listen stands nowhere else here.
    let low = |port: &Port| port.target < FIRST_FREE;
    if !service.ports.iter().any(low) && port::declared(service).any(|listen| listen.port < FIRST_FREE) && !runs_as_root(service) {
        set("lowPorts", json!(true));
    }
    let extension = stack.extension(key);
    let said = serde_json::to_value(&extension.pod).unwrap_or_default();
    set("kubernetes", if said.as_object().is_some_and(Map::is_empty) { Json::Null } else { said });
    set("schedule", json!(extension.schedule));
    let apart: Vec<&String> = part.mounts.apart.keys().collect();
    set("claimTemplates", if apart.is_empty() { Json::Null } else { json!(apart) });
    set("restartedAt", json!(stack.settings.services.get(key).and_then(|service| service.restarted_at.as_ref())));
    set("cpuRequest", json!(stack.settings.default_requests.cpu_milli));
    set("memoryRequest", json!(stack.settings.default_requests.memory_bytes));
    set("policy", of_policy(stack, service));
    let steps = service.pre_start.iter().map(|step| of_policy(stack, &step.container));
    let steps: Vec<Json> = steps.filter(|policy| !policy.is_null()).collect();
    set("stepsPolicy", if steps.is_empty() { Json::Null } else { Json::Array(steps) });
    intent
}

/// What the file says of a service, without what changes no workload.
fn slice(stack: &Stack, key: &str) -> Json {
    let mut slice = report::node(&stack.project.root, &service_path(key)).map(yaml::to_json).unwrap_or_default();
    if let Some(slice) = slice.as_object_mut() {
        without_others(slice);
        without_replicas(slice);
        slice.remove(kubernetes::KEY);
        for step in slice.get_mut("pre_start").and_then(Json::as_array_mut).into_iter().flatten().filter_map(Json::as_object_mut) {
            without_others(step);
        }
    }
    slice
}

/// The declarations of the named volumes that a service mounts.
fn volumes(stack: &Stack, service: &Service) -> Map<String, Json> {
    service.volumes.iter().filter_map(|mount| declared(stack, "volumes", mount.source.as_deref()?)).collect()
}

fn without_others(slice: &mut Map<String, Json>) {
    for attribute in ELSEWHERE {
        slice.remove(attribute);
    }
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

fn runs_as_root(service: &Service) -> bool {
    let user = service.user.as_deref().and_then(|user| user.split(':').next()).unwrap_or_default();
    matches!(user, "" | "0" | "root")
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
    kubernetes::without(&mut node);
    if let Some(declaration) = node.as_object_mut() {
        declaration.remove("labels");
    }
    Some((name.to_owned(), node))
}

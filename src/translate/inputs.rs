//! What user and admin determine of a workload, as one hash. While it equals the live object's, that object stands, however this version of the
//! operator would render it: so nothing rendered goes in, and nothing that changes other objects alone.

use serde_json::{Map, Value as Json, json};

use crate::compose::model::{Port, Service};
use crate::compose::path::Path;
use crate::yaml::{self, Node, Value};

use super::context::{Context, Member};
use super::hash::{self, Fields};
use super::kubernetes;
use super::labels;
use super::object::Kind;
use super::pod::{Part, Pod};
use super::policy::Policy;
use super::port::{self, FIRST_FREE, is_of_node};
use super::project::{networks_of, service_path};
use super::report;
use super::restart::Restart;
use super::stack::Stack;
use super::workload;

/// Attributes that change no workload: who waits for whom, what Services and policies are made of, what is the plugin's.
const ELSEWHERE: [&str; 12] =
    ["attach", "build", "depends_on", "develop", "expose", "extends", "external_links", "links", "networks", "ports", "profiles", "scale"];

/// Hash of the inputs of a pod's services. Replicas count for Jobs alone: a Deployment's are compared by themselves.
pub fn of_workload(context: &Context, kind: Kind, restarts: &[Restart], pod: &Pod) -> String {
    let mut intents = pod.parts.iter().zip(restarts).map(|(part, restart)| of_part(context, kind, *restart, part));
    let mut intent = intents.next().unwrap_or_default();
    intent.set("neighbours", &pod.neighbours);
    if pod.parts.len() > 1 {
        intent.write("guests", |text| hash::write_items(intents, text, |guest, text| text.extend(guest.into_text())));
    }
    hash::of_bytes(&intent.into_text())
}

/// Hash of the inputs of the steps that run once before a pod.
pub fn of_steps(context: &Context, parts: &[Part]) -> String {
    let stack = context.stack;
    let of = |part: &Part| {
        let service = report::node(&stack.project.root, &service_path(part.member.key));
        let steps = service.and_then(|service| service.get("pre_start")?.as_sequence()).into_iter().flatten();
        let steps: Vec<Json> = steps.map(step).filter(|step| step["per_replica"] != true).collect();
        let mounts = service.and_then(|service| service.get("volumes")).map(yaml::to_json);
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
fn of_part(context: &Context, kind: Kind, restart: Restart, part: &Part) -> Fields {
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
    let mut intent = Fields::default();
    intent.write("service", |text| write_slice(stack, key, text));
    intent.set("image", &super::images::name(stack.project, key, service));
    intent.set("kind", kind.as_str());
    intent.set("restart", &format!("{restart:?}"));
    intent.set("ports", &ports);
    intent.set("networks", &networks);
    intent.set("aliases", &alias_labels);
    intent.set_json("volumes", &Json::Object(volumes(stack, service)));
    intent.set("files", &part.mounts.digests);
    intent.set("contents", &part.digests);
    intent.set("externals", &externals);
    intent.set("pullSecrets", &stack.settings.image_pull_secrets);
    intent.set("deadline", &workload::progress_deadline(stack, service));
    if kind == Kind::Job {
        intent.set("replicas", &stack.replicas(key, service));
    }
    // Without a port that is published, what lets its user listen stands nowhere else here.
    let low = |port: &Port| port.target < FIRST_FREE;
    if !service.ports.iter().any(low) && port::declared(service).any(|listen| listen.port < FIRST_FREE) && !runs_as_root(service) {
        intent.set("lowPorts", &true);
    }
    let extension = stack.extension(key);
    let said = serde_json::to_value(&extension.pod).unwrap_or_default();
    intent.set_json("kubernetes", if said.as_object().is_some_and(Map::is_empty) { &Json::Null } else { &said });
    intent.set_json("schedule", &json!(extension.schedule));
    let apart: Vec<&String> = part.mounts.apart.keys().collect();
    if !apart.is_empty() {
        intent.set("claimTemplates", &apart);
    }
    intent.set_json("restartedAt", &json!(stack.settings.services.get(key).and_then(|service| service.restarted_at.as_ref())));
    intent.set_json("cpuRequest", &json!(stack.settings.default_requests.cpu_milli));
    intent.set_json("memoryRequest", &json!(stack.settings.default_requests.memory_bytes));
    intent.set_json("policy", &of_policy(stack, service));
    let steps = service.pre_start.iter().map(|step| of_policy(stack, &step.container));
    let steps: Vec<Json> = steps.filter(|policy| !policy.is_null()).collect();
    if !steps.is_empty() {
        intent.set_json("stepsPolicy", &Json::Array(steps));
    }
    intent
}

/// What the file says of a service, without what changes no workload.
fn write_slice(stack: &Stack, key: &str, text: &mut Vec<u8>) {
    let Some(service) = report::node(&stack.project.root, &service_path(key)) else { return text.extend(b"null") };
    let kept = hash::sorted(service).into_iter().filter(|(key, node)| {
        !ELSEWHERE.contains(key) && *key != kubernetes::KEY && (*key != "deploy" || without_replicas(node).next().is_some())
    });
    hash::write_entries(kept, text, |key, node, text| match (key, &node.value) {
        ("deploy", Value::Mapping(_)) => hash::write_entries(without_replicas(node), text, |_, node, text| hash::write_node(node, text)),
        ("pre_start", Value::Sequence(steps)) => hash::write_items(steps.iter(), text, write_step),
        _ => hash::write_node(node, text),
    });
}

/// What is said of `deploy` beside the replicas: where there is nothing else, it is as if it weren't there.
fn without_replicas(deploy: &Node) -> impl Iterator<Item = (&str, &Node)> {
    hash::sorted(deploy).into_iter().filter(|(key, _)| *key != "replicas")
}

fn write_step(step: &Node, text: &mut Vec<u8>) {
    let kept = hash::sorted(step).into_iter().filter(|(key, _)| !ELSEWHERE.contains(key));
    hash::write_entries(kept, text, |_, node, text| hash::write_node(node, text));
}

/// The declarations of the named volumes that a service mounts.
fn volumes(stack: &Stack, service: &Service) -> Map<String, Json> {
    service.volumes.iter().filter_map(|mount| declared(stack, "volumes", mount.source.as_deref()?)).collect()
}

/// A step before the start, without what changes nothing of it.
fn step(node: &Node) -> Json {
    let mut step = yaml::to_json(node);
    if let Some(step) = step.as_object_mut() {
        step.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
    }
    step
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

/// A claim grows under its pods.
fn without_size(declaration: &mut Map<String, Json>) {
    let Some(options) = declaration.get_mut("driver_opts").and_then(Json::as_object_mut) else { return };
    options.remove("size");
    if options.is_empty() {
        declaration.remove("driver_opts");
    }
}

fn declared(stack: &Stack, section: &str, name: &str) -> Option<(String, Json)> {
    let mut node = yaml::to_json(report::node(&stack.project.root, &Path::of(&[section, name]))?);
    kubernetes::without(&mut node);
    if let Some(declaration) = node.as_object_mut() {
        declaration.remove("labels");
        without_size(declaration);
    }
    Some((name.to_owned(), node))
}

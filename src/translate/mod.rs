//! A [`Project`] → the Kubernetes objects that it becomes, and the gates between them.
//!
//! Pure and deterministic: the same project, settings and facts give the same objects, byte for byte.
//!
//! | module | what it makes |
//! |---|---|
//! | `names` | every object name, label key and label value |
//! | `support` | the table of what becomes of each attribute |
//! | `workload`, `pod`, `env`, `models`, `lifecycle`, `probe`, `resources`, `placement`, `devices`, `security`, `namespaces`, `host_ports` | Deployments, DaemonSets, Jobs |
//! | `aliases`, `expose`, `images`, `service` | Services, and the ports that they forward |
//! | `hosts` | the names that only a pod's hosts file gives it |
//! | `claims`, `storage`, `host_paths`, `mounts`, `configs`, `files` | claims, mounts, ConfigMaps, Secrets |
//! | `helper` | the init containers that write hosts files, own files and fill volumes |
//! | `network_policy` | NetworkPolicies |
//! | `policy` | what the administrator allows |
//! | `gates` | what a service waits for |
//! | `inputs`, `hash` | the hashes that decide whether a live object stands |

mod aliases;
mod claims;
mod configs;
mod desired;
mod devices;
mod env;
mod expose;
mod files;
mod gates;
mod hash;
mod helper;
mod host_paths;
mod host_ports;
mod hosts;
mod http_route;
mod images;
mod inputs;
mod labels;
mod lifecycle;
mod models;
mod mounts;
mod names;
mod namespaces;
mod network_policy;
mod object;
mod objects;
mod placement;
mod pod;
mod policy;
mod probe;
mod report;
mod resources;
mod security;
mod service;
mod settings;
mod stack;
mod storage;
mod support;
mod workload;

use std::collections::BTreeMap;

use crate::compose::diagnostic::Diagnostic;
use crate::compose::model::Project;
use crate::compose::path::Path;

pub use desired::{Desired, Endpoint, External, ExternalKind, Gate, Lifetime, ServicePlan};
pub use http_route::HttpRoute;
pub use names::{content_key, namespace_network_label};
pub use object::{KINDS, Key, Kind, OPTIONAL, Object};
pub use policy::{Policy, page as policy_page};
pub use settings::{DefaultRequests, DnsPeers, Facts, Settings};
pub use support::{Fate, Written, attributes, page as support_page, row_of, rows, written};

use objects::Objects;
use report::Report;
use stack::{Stack, networks_of};
use workload::{Plan, Restart};

/// Translates a project. `None`: something is refused; every problem is among the diagnostics, warnings too.
pub fn translate(project: &Project, settings: &Settings, facts: &Facts) -> (Option<Desired>, Vec<Diagnostic>) {
    let mut report = Report::new(&project.root);
    if !support::check(&project.root, &mut report) {
        return (None, report.into_diagnostics());
    }
    let stack = Stack::new(project, settings, facts, &mut report);
    let mut objects = Objects::default();
    let aliases = aliases::aliases(&stack, &mut report);
    let ports = expose::ports(&stack, &aliases.dialled, &mut report);
    expose::refuse_dialled_addresses(&stack, &mut report);
    let claims = claims::claims(&stack, &mut objects, &mut report);
    let kinds = gates::kinds(&stack, &mut report);
    let mut gates = gates::gates(&stack, &kinds, &mut report);
    service::services(&stack, &ports, &aliases, &mut objects, &mut report);
    network_policy::policies(&stack, &mut objects, &mut report);

    let context = pod::Context { stack: &stack, claims: &claims, aliases: &aliases, users: &storage::users(&stack) };
    let mut plans = Vec::new();
    for (key, ..) in stack.services() {
        let gates = gates.remove(key).unwrap_or_default();
        let (kind, restart) = kinds.get(key).copied().unwrap_or((Kind::Deployment, Restart::Absent));
        plans.extend(plan(&context, key, (kind, restart), gates, &mut objects, &mut report));
    }
    let desired = Desired { objects: objects.into_map(), services: plans, networks: offered(project) };
    let refused = report.has_errors();
    ((!refused).then_some(desired), report.into_diagnostics())
}

fn plan(
    context: &pod::Context,
    key: &str,
    (kind, restart): (Kind, Restart),
    gates: Vec<Gate>,
    objects: &mut Objects,
    report: &mut Report,
) -> Option<ServicePlan> {
    let stack = context.stack;
    let (service, name) = (stack.project.services.get(key)?, stack.name_of(key)?);
    namespaces::check(stack, service, &stack::service_path(key), report);
    let pod = pod::pod(context, key, service, name, kind, objects, report);
    let alias_labels: Vec<String> = context.aliases.labels.get(key).into_iter().flatten().cloned().collect();
    let inputs = inputs::of_workload(stack, key, service, kind, restart, &pod, &alias_labels);
    let replicas = stack.replicas(key, service);
    let plan = Plan { key, service, name, kind, restart, inputs: &inputs, replicas };
    let object = workload::workload(stack, &plan, &pod, report);
    let workload = object.key();
    let path = stack::service_path(key);
    check_replicas(stack, key, service, kind, context, &pod, report);
    objects.add(object, &path, report);
    let endpoints = service::publish(stack, key, service, name, objects, report);
    let stopped = stack.is_stopped(key);
    let wanted = if kind == Kind::DaemonSet { 1 } else { replicas };
    let mut externals = pod.mounts.externals;
    externals.extend(external_networks(stack, service));
    externals.sort();
    externals.dedup();
    Some(ServicePlan {
        name: key.to_owned(),
        workload,
        object_name: name.to_string(),
        image: images::name(stack, key, service),
        replicas: if stopped { 0 } else { wanted },
        autoscaled: None,
        stopped,
        lifetime: workload::lifetime(kind, restart),
        gates,
        externals,
        endpoints,
        progress_deadline: workload::progress_deadline(stack, service),
        inputs,
    })
}

/// A claim of one node can't be on every node; several pods of one name is what `container_name` excludes.
fn check_replicas(
    stack: &Stack,
    key: &str,
    service: &crate::compose::model::Service,
    kind: Kind,
    context: &pod::Context,
    pod: &pod::Pod,
    report: &mut Report,
) {
    let path = stack::service_path(key);
    if service.container_name.is_some() && stack.replicas(key, service) > 1 && kind != Kind::DaemonSet {
        report.refuse(
            "container-name",
            &path.key("container_name"),
            "a container name is for one container, and the service has several replicas",
        );
    }
    if kind != Kind::DaemonSet {
        return;
    }
    for (volume, claim) in context.claims {
        if let claims::Storage::Claim { name, one_node: true, .. } = claim
            && pod.mounts.claims.contains_key(name.as_str())
        {
            report.refuse(
                "claim-on-every-node",
                &path.key("volumes"),
                format!("the volume {volume} can be on one node at a time, and a global service runs on every node"),
            );
        }
    }
}

fn external_networks(stack: &Stack, service: &crate::compose::model::Service) -> Vec<External> {
    let external = |key: &&str| {
        let network = stack.project.networks.get(*key)?;
        let awaited = network.external && stack::engine_network(network).is_none();
        if !awaited {
            return None;
        }
        Some(External { kind: ExternalKind::Network, name: network.name.clone(), path: Path::of(&["networks", key]).to_string() })
    };
    networks_of(service).iter().filter_map(external).collect()
}

/// The engine-wide names of the networks that this stack has itself: other stacks of the namespace may join them.
fn offered(project: &Project) -> BTreeMap<String, String> {
    let own = project.networks.iter().filter(|(_, network)| !network.external && !network.name.is_empty());
    own.map(|(key, network)| (network.name.clone(), key.clone())).collect()
}

#[cfg(test)]
mod tests;

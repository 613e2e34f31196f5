//! A [`Project`] → the Kubernetes objects that it becomes, and the gates between them.
//!
//! Pure and deterministic: the same project, settings and facts give the same objects, byte for byte.
//!
//! | module | what it makes |
//! |---|---|
//! | `names` | every object name, label key and label value |
//! | `project`, `port`, `joins`, `dollars`, `linux_capability` | what the text alone tells |
//! | `settings`, `stack`, `report` | what every part reads and writes |
//! | `support` | the table of what becomes of each attribute |
//! | `limits` | what a pod can hold |
//! | `plans`, `sharing`, `once`, `steps`, `pre_start` | which services share a pod, what runs before it, what `decide` is told of each |
//! | `restart`, `job`, `workload_plan`, `workload`, `update`, `context`, `pod`, `container`, `env`, `models`, `lifecycle`, `probe`, `resources`, `placement`, `devices`, `security`, `namespaces`, `host_ports` | Deployments, DaemonSets, Jobs |
//! | `aliases`, `replica_names`, `external_links`, `expose`, `images`, `service` | Services, and the ports that they forward |
//! | `hosts` | the names that only a pod's hosts file gives it |
//! | `claims`, `volume_users`, `lending`, `mounts`, `store`, `configs`, `files`, `memory`, `host_paths`, `image_volumes`, `storage` | claims, mounts, ConfigMaps, Secrets |
//! | `tasks`, `helper` | the init containers that write hosts files, own files and fill volumes |
//! | `publish`, `routes` | Services, Ingresses and HTTPRoutes of published ports |
//! | `stateful`, `schedule`, `scaling` | StatefulSets, CronJobs, autoscalers and disruption budgets |
//! | `kubernetes`, `elsewhere` | reads `x-kubernetes`, and the labels of Kompose |
//! | `network_policy` | NetworkPolicies |
//! | `policy` | what the administrator allows |
//! | `gates` | what a service waits for |
//! | `inputs`, `hash` | the hashes that decide whether a live object stands |

mod aliases;
mod claims;
mod configs;
mod container;
mod context;
mod desired;
mod devices;
mod dollars;
mod elsewhere;
mod env;
mod expose;
mod external_links;
mod files;
mod gates;
mod hash;
mod helper;
mod host_paths;
mod host_ports;
mod hosts;
mod http_route;
mod image_volumes;
mod images;
mod inputs;
mod job;
mod joins;
mod kubernetes;
mod labels;
mod lending;
mod lifecycle;
mod limits;
mod linux_capability;
mod memory;
mod models;
mod mounts;
mod names;
mod namespaces;
mod network_policy;
mod object;
mod objects;
mod once;
mod placement;
mod plans;
mod pod;
mod policy;
mod port;
mod pre_start;
mod probe;
mod project;
mod publish;
mod replica_names;
mod report;
mod resources;
mod restart;
mod routes;
mod scaling;
mod schedule;
mod security;
mod service;
mod settings;
mod sharing;
mod stack;
mod stateful;
mod steps;
mod storage;
mod store;
mod support;
mod tasks;
mod update;
mod volume_users;
mod workload;
mod workload_plan;

use std::collections::BTreeMap;

use crate::compose::diagnostic::Diagnostic;
use crate::compose::model::Project;

pub use desired::{Desired, Endpoint, External, ExternalKind, Gate, Lifetime, OnFailure, PreStart, ServicePlan};
pub use http_route::HttpRoute;
pub use names::{ObjectName, content_key, namespace_network_label};
pub use object::{KINDS, Key, Kind, OPTIONAL, Object};
pub use policy::{Policy, page as policy_page};
pub use settings::{DefaultRequests, DnsPeers, Facts, Settings};
pub use support::{Fate, Row, Written, attributes, page as support_page, row_of, rows, written};

use objects::Objects;
use report::Report;
use stack::Stack;

/// Translates a project. `None`: something is refused; every problem is among the diagnostics, warnings too.
pub fn translate(project: &Project, settings: &Settings, facts: &Facts) -> (Option<Desired>, Vec<Diagnostic>) {
    let mut report = Report::new(&project.root);
    if !support::check(&project.root, &mut report) || !limits::check(project, &mut report) {
        return (None, report.into_diagnostics());
    }
    let stack = Stack::new(project, settings, facts, &mut report);
    let mut objects = Objects::default();
    elsewhere::check(&stack, &mut report);
    let aliases = aliases::aliases(&stack, &mut report);
    let ports = expose::ports(&stack, &aliases.dialled, &mut report);
    expose::refuse_dialled_addresses(&stack, &mut report);
    let claims = claims::claims(&stack, &mut objects, &mut report);
    let kinds = gates::kinds(&stack, &mut report);
    let mut gates = gates::gates(&stack, &kinds, &mut report);
    service::services(&stack, &ports, &aliases, &mut objects, &mut report);
    external_links::services(&stack, &mut objects, &mut report);
    network_policy::policies(&stack, &mut objects, &mut report);

    sharing::check(&stack, &kinds, &mut report);
    let context = context::Context { stack: &stack, claims: &claims, aliases: &aliases, users: &volume_users::users(&stack) };
    let mut plans = BTreeMap::new();
    for (key, ..) in stack.services().filter(|(key, ..)| stack.host(key) == *key && stack.runs_here(key)) {
        let gates = gates.remove(key).unwrap_or_default();
        plans.extend(plans::plans(&context, key, &kinds, &gates, &mut objects, &mut report));
    }
    let plans = stack.services().filter_map(|(key, ..)| plans.remove(key)).collect();
    let desired = Desired { objects: objects.into_map(), services: plans, networks: offered(project) };
    let refused = report.has_errors();
    ((!refused).then_some(desired), report.into_diagnostics())
}

/// The engine-wide names of the networks that this stack has itself: other stacks of the namespace may join them.
fn offered(project: &Project) -> BTreeMap<String, String> {
    let own = project.networks.iter().filter(|(_, network)| !network.external && !network.name.is_empty());
    own.map(|(key, network)| (network.name.clone(), key.clone())).collect()
}

#[cfg(test)]
mod tests;

//! A pod's workload, and the plan of each service in it.

use std::collections::BTreeMap;

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::claims;
use super::container;
use super::context::{Context, Member};
use super::desired::{External, ExternalKind, Gate, Lifetime, ServicePlan};
use super::images;
use super::inputs;
use super::namespaces;
use super::object::Kind;
use super::objects::Objects;
use super::once;
use super::pod::{self, Pod};
use super::pre_start;
use super::project::service_path;
use super::publish;
use super::report::Report;
use super::restart::{self, Restart};
use super::scaling;
use super::stack::Stack;
use super::update;
use super::workload;
use super::workload_plan::Plan;

/// Makes the workload of a host and its guests; the plans of all of them, by key.
pub fn plans<'a>(
    context: &Context<'a, '_>,
    host: &'a str,
    kinds: &BTreeMap<&'a str, (Kind, Restart)>,
    gates: &[Gate],
    objects: &mut Objects,
    report: &mut Report,
) -> BTreeMap<&'a str, ServicePlan> {
    let stack = context.stack;
    let keys = std::iter::once(host).chain(stack.guests(host));
    let all: Vec<Member> = keys.filter_map(|key| stack.service(key)).map(|(key, service, name)| Member { key, service, name }).collect();
    let Some(first) = all.first().copied() else { return BTreeMap::new() };
    for member in &all {
        namespaces::check(stack, member.service, &member.path(), report);
        update::check(member.service, &member.path(), report);
    }
    let restart = |member: &Member| kinds.get(member.key).map_or(Restart::Absent, |(_, restart)| *restart);
    let kind = kinds.get(host).map_or(Kind::Deployment, |(kind, _)| *kind);
    // A guest that is stopped alone leaves the pod.
    let is_out = |member: &Member| member.key != host && stack.settings.services.get(member.key).is_some_and(|service| service.stopped);
    let inside: Vec<Member> = all.iter().copied().filter(|member| !is_out(member)).collect();
    let mut pod = pod::pod(context, &inside, kind, objects, report);
    let ends = ends(stack, &inside, kind, kinds);
    for container in pod.template.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        container.restart_policy = ends.get(&container.name).map(|policy| (*policy).to_owned());
    }
    let restarts: Vec<Restart> = inside.iter().map(restart).collect();
    let inputs = inputs::of_workload(context, kind, &restarts, &pod);
    let autoscaled = scaling::bounds(stack, host, kind);
    let replicas = scaling::begin_with(autoscaled, stack.replicas(host, first.service));
    let deadline = inside.iter().map(|member| workload::progress_deadline(stack, member.service)).max().unwrap_or_default();
    let plan = Plan {
        key: host,
        service: first.service,
        name: first.name,
        kind,
        restart: restart(&first),
        inputs: &inputs,
        replicas,
        autoscaled: autoscaled.is_some(),
        deadline,
    };
    let object = workload::workload(stack, &plan, &mut pod, report);
    let workload = object.key();
    check_replicas(context, &all, replicas, kind, &pod, report);
    objects.add(object, &first.path(), report);
    scaling::scaling(stack, &plan, objects, report);
    let shared = inside.len() > 1;
    let pre_start = pre_start::job(context, &pod, objects, report);
    let externals = externals(stack, &pod);
    let on_failure = update::on_failure(stack.settings, first.service);
    let stopped = stack.is_stopped(host);
    let wanted = if matches!(kind, Kind::DaemonSet | Kind::CronJob) { replicas.min(1) } else { replicas };
    let planned = |member: &Member| {
        let is_host = member.key == host;
        let stopped = stopped || is_out(member);
        let container = container::container_name(member.service, member.name);
        let lifetime = restart::lifetime(kind, restart(member));
        let once = ends.contains_key(&container);
        let publish::Publication { endpoints, urls } = publish::publish(stack, member.key, member.service, member.name, objects, report);
        ServicePlan {
            name: member.key.to_owned(),
            workload: workload.clone(),
            object_name: member.name.to_string(),
            pod: first.name.to_string(),
            mates: pod.parts.iter().map(|part| part.container.clone()).filter(|name| *name != container).collect(),
            container,
            pre_start: pre_start.clone().filter(|_| is_host),
            image: images::name(stack.project, member.key, member.service),
            replicas: if stopped { 0 } else { wanted },
            autoscaled,
            stopped,
            lifetime: match lifetime {
                _ if once => Lifetime::Once,
                // A pod that others share goes on when one of its programs fails.
                Lifetime::UntilSuccess { .. } if shared => Lifetime::UntilSuccess { attempts: None },
                lifetime => lifetime,
            },
            restart_window: restart::restart_window(member.service),
            gates: if is_host { gates.to_vec() } else { Vec::new() },
            externals: if is_host { externals.clone() } else { Vec::new() },
            endpoints,
            urls,
            progress_deadline: deadline,
            on_failure,
            inputs: inputs.clone(),
        }
    };
    let keys = std::iter::once(host).chain(stack.guests(host));
    keys.zip(all.iter().map(planned)).collect()
}

/// The containers whose programs run once in a pod that goes on, and when each of them is started again.
fn ends(stack: &Stack, members: &[Member], kind: Kind, kinds: &BTreeMap<&str, (Kind, Restart)>) -> BTreeMap<String, &'static str> {
    let guests = members.iter().skip(1).filter(|_| kind == Kind::Deployment);
    guests
        .filter_map(|member| {
            let restart = kinds.get(member.key)?.1;
            let policy = if matches!(restart, Restart::OnFailure { .. }) { "OnFailure" } else { "Never" };
            let once = once::runs_once(stack, member.key, member.service, restart);
            once.then(|| (container::container_name(member.service, member.name), policy))
        })
        .collect()
}

/// What must exist before the pod is made.
fn externals(stack: &Stack, pod: &Pod) -> Vec<External> {
    let mut found: Vec<External> = pod.parts.iter().flat_map(|part| part.mounts.externals.iter().cloned()).collect();
    if let Some(part) = pod.parts.first() {
        found.extend(external_networks(stack, part.member.key));
    }
    found.sort();
    found.dedup();
    found
}

fn external_networks(stack: &Stack, key: &str) -> Vec<External> {
    let external = |key: &&str| {
        let network = stack.project.networks.get(*key)?;
        let awaited = network.external && super::project::engine_network(network).is_none();
        if !awaited {
            return None;
        }
        Some(External { kind: ExternalKind::Network, name: network.name.clone(), path: Path::of(&["networks", key]).to_string() })
    };
    stack.networks(key).iter().filter_map(external).collect()
}

/// A claim of one node can't be on every node; several pods of one name is what `container_name` excludes.
fn check_replicas(context: &Context, members: &[Member], replicas: i32, kind: Kind, pod: &Pod, report: &mut Report) {
    let named = |service: &Service| service.container_name.is_some() && replicas > 1 && kind != Kind::DaemonSet;
    for member in members.iter().filter(|member| named(member.service)) {
        report.refuse(
            "container-name",
            &member.path().key("container_name"),
            "a container name is for one container, and the service has several replicas",
        );
    }
    let apart = pod.parts.iter().find(|part| !part.mounts.apart.is_empty());
    if let Some(part) = apart.filter(|_| kind != Kind::StatefulSet) {
        let message = "a volume that isn't shared (x-kubernetes.shared) is one for each replica, which only the replicas of a StatefulSet have; write x-kubernetes.kind: StatefulSet";
        report.refuse("claim-for-each", &part.member.path().key("volumes"), message);
    }
    let Some(host) = members.first().filter(|_| kind == Kind::DaemonSet) else { return };
    for (volume, claim) in context.claims {
        if let claims::Storage::Claim { name, one_node: true, .. } = claim
            && pod.mounts_claim(name.as_str())
        {
            report.refuse(
                "claim-on-every-node",
                &service_path(host.key).key("volumes"),
                format!("the volume {volume} can be on one node at a time, and a global service runs on every node"),
            );
        }
    }
}

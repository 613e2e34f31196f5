//! The template of a pod: that of one service, or of a host and its guests.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, LocalObjectReference, PodDNSConfig, PodDNSConfigOption, PodSecurityContext, PodSpec, PodTemplateSpec, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::keys;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::claims::Storage;
use super::container::{self, Made, Source, some};
use super::context::{Context, Member};
use super::devices;
use super::helper;
use super::hosts;
use super::kubernetes;
use super::labels;
use super::lending;
use super::mounts::{Mounts, PodVolumes};
use super::names::{self, ObjectName};
use super::namespaces::{self, Shared};
use super::object::Kind;
use super::object::StringMap;
use super::objects::{Objects, selector, service_labels};
use super::placement;
use super::report::Report;
use super::stack::Stack;
use super::steps;
use super::tasks::HostsFile;
use super::volume_users;

/// A pod template, and what of it decides other things.
pub struct Pod<'b> {
    pub template: PodTemplateSpec,
    /// What each of its services adds, the host first.
    pub parts: Vec<Part<'b>>,
    /// The hosts of the pods that must run on one node with this one, itself included.
    pub neighbours: Vec<String>,
}

/// What one service adds to its pod.
pub struct Part<'b> {
    pub member: Member<'b>,
    /// Name of its container.
    pub container: String,
    /// What its container, and its steps before the start, mount.
    pub mounts: Mounts,
    /// Hashes of contents in generated Secrets.
    pub digests: Vec<String>,
}

impl Pod<'_> {
    /// Whether some claim is mounted writable.
    pub fn writes_claims(&self) -> bool {
        self.parts.iter().any(|part| part.mounts.writes_claims())
    }

    /// Whether a claim is mounted.
    pub fn mounts_claim(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.mounts.claims.contains_key(name))
    }
}

/// Makes the pod template of a host and its guests.
pub fn pod<'b>(context: &Context, members: &[Member<'b>], kind: Kind, objects: &mut Objects, report: &mut Report) -> Pod<'b> {
    let mut making = Making::new(context, members, report);
    let parts: Vec<Part> = members.iter().map(|member| making.add(*member, kind, objects, report)).collect();
    let neighbours = neighbours(context, &parts);
    let mut spec = spec(making, members, report);
    spec.share_process_namespace = members.first().is_some_and(|first| context.stack.shares_processes(first.key)).then_some(true);
    if let Some(first) = members.first() {
        host(first.service, &mut spec, &first.path(), report);
        namespaces::share(Shared::of_all(context.stack, members.iter().map(|member| member.service)), &mut spec, &first.path(), report);
        let names: Vec<&ObjectName> = neighbours.iter().filter_map(|other| context.stack.name_of(other)).collect();
        placement::place(context.stack, first.service, first.name, &names, &mut spec, &first.path(), report);
    }
    let mut template = PodTemplateSpec { metadata: Some(metadata(context, members, report)), spec: Some(spec) };
    for (index, part) in parts.iter().enumerate() {
        let whole = (index == 0).then(|| selector(context.stack, part.member.name));
        kubernetes::extend(
            &context.stack.extension(part.member.key).pod,
            kind,
            &part.container,
            whole,
            &mut template,
            &part.member.path(),
            report,
        );
    }
    Pod { template, parts, neighbours }
}

/// What every pod of these services has, whether it is of their steps or of themselves.
pub fn spec(making: Making, members: &[Member], report: &mut Report) -> PodSpec {
    let stack = making.context.stack;
    let secrets = stack.settings.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    let mut spec = PodSpec {
        containers: making.containers,
        init_containers: some(making.before),
        volumes: some(making.volumes.into_vec()),
        enable_service_links: Some(false),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(making.grace),
        security_context: making.asked.security_context,
        host_users: making.asked.host_users,
        image_pull_secrets: some(secrets.collect()),
        ..PodSpec::default()
    };
    hosts::extra(members, &mut spec, report);
    if let Some(first) = members.first() {
        dns(first.service, &mut spec, &first.path(), report);
        spec.runtime_class_name = runtime_class(first.service, stack, &first.path(), report);
    }
    spec
}

/// A pod to which containers are added one by one.
pub struct Making<'m, 'a, 'b> {
    context: &'m Context<'a, 'b>,
    hosts: HostsFile,
    /// Whether an init container writes it already.
    writes_hosts: bool,
    pub containers: Vec<Container>,
    /// What runs before them, in this order.
    pub before: Vec<Container>,
    volumes: PodVolumes,
    /// What its containers ask of it.
    asked: PodSpec,
    /// Seconds that the slowest container may take to end.
    grace: i64,
    /// How many containers have been added.
    count: usize,
}

impl<'m, 'a, 'b> Making<'m, 'a, 'b> {
    /// A pod of these services with nothing in it.
    pub fn new(context: &'m Context<'a, 'b>, members: &[Member], report: &mut Report) -> Self {
        Self {
            context,
            hosts: hosts::file(context.stack, context.aliases, members, report),
            writes_hosts: false,
            containers: Vec::new(),
            before: Vec::new(),
            volumes: PodVolumes::default(),
            asked: PodSpec::default(),
            grace: 0,
            count: 0,
        }
    }

    fn add<'s>(&mut self, member: Member<'s>, kind: Kind, objects: &mut Objects, report: &mut Report) -> Part<'s> {
        let (main, part) = self.main(member, kind, true, objects, report);
        if self.containers.iter().any(|other| other.name == main.name) {
            let message = format!("{:?} is the name of another container of the pod that it shares", main.name);
            report.refuse("name-collision", &member.path().key("container_name"), message);
        }
        self.containers.push(main);
        part
    }

    /// A service's container, which is not yet in the pod, after what prepares its volumes and after its steps: those of each replica, or
    /// those that run once.
    pub fn main<'s>(
        &mut self,
        member: Member<'s>,
        kind: Kind,
        per_replica: bool,
        objects: &mut Objects,
        report: &mut Report,
    ) -> (Container, Part<'s>) {
        let Member { key, service, name } = member;
        // Who runs once leaves nothing in its image's volumes, unless others see them.
        let keeps_image_volumes = !matches!(kind, Kind::Job | Kind::CronJob) || lending::is_lent(self.context.stack.project, key);
        let source = Source { key, service, name, path: member.path(), keeps_image_volumes };
        let made = container::main(self.context, &source, kind, objects, report);
        let container = made.container.name.clone();
        let (mut main, mut mounts, mut digests) = self.take(made, &source.path, report);
        if super::joins::shares_memory(service) {
            share_memory(self.containers.first(), &mut main);
        }
        for (made, path) in steps::steps(self.context, &source, per_replica, objects, report) {
            let (mut step, own, contents) = self.take(made, &path, report);
            inherit(&main, &mut step);
            self.before.push(step);
            mounts.note(&own);
            mounts.digests.extend(own.digests.into_iter().map(|(target, digest)| (format!("{path}:{target}"), digest)));
            digests.extend(contents);
        }
        (main, Part { member, container, mounts, digests })
    }

    /// Takes over what a container asks of its pod, and what prepares its volumes.
    fn take(&mut self, made: Made, path: &Path, report: &mut Report) -> (Container, Mounts, Vec<String>) {
        let Made { container, mut mounts, digests, pod, grace } = made;
        hosts::mount(&self.hosts, !self.writes_hosts, path, &mut mounts, report);
        self.writes_hosts |= mounts.hosts.is_some();
        self.grace = self.grace.max(grace);
        self.asked.host_users = self.asked.host_users.or(pod.host_users);
        match (&mut self.asked.security_context, &pod.security_context) {
            (Some(all), Some(more)) => join(all, more, path, report),
            (all, more) => all.clone_from(more),
        }
        self.volumes.take(&mut mounts, self.count);
        self.count += 1;
        let helpers = helper::containers(self.context.stack.settings.helper_image(), &container, &mounts);
        self.before.reserve_exact(helpers.len());
        self.before.extend(helpers);
        (Container { volume_mounts: some(mounts.volume_mounts()), ..container }, mounts, digests)
    }
}

/// A step before a service mounts what that mounts, but where it mounts something itself.
fn inherit(main: &Container, step: &mut Container) {
    let mounts = step.volume_mounts.get_or_insert_default();
    let own: BTreeSet<String> = mounts.iter().map(|mount| mount.mount_path.clone()).collect();
    mounts.extend(main.volume_mounts.iter().flatten().filter(|mount| !own.contains(&mount.mount_path)).cloned());
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
    if mounts.is_empty() {
        step.volume_mounts = None;
    }
}

/// What several containers ask of their pod, as one.
fn join(pod: &mut PodSecurityContext, more: &PodSecurityContext, path: &Path, report: &mut Report) {
    for group in more.supplemental_groups.iter().flatten() {
        let groups = pod.supplemental_groups.get_or_insert_default();
        if !groups.contains(group) {
            groups.push(*group);
        }
    }
    for sysctl in more.sysctls.iter().flatten() {
        let all = pod.sysctls.get_or_insert_default();
        match all.iter().find(|other| other.name == sysctl.name) {
            Some(other) if other.value == sysctl.value => {}
            Some(other) => {
                let message = format!("shares a pod in which it is {:?}: one pod has one value", other.value);
                report.refuse("shared-pod", &path.key("sysctls").key(sysctl.name.clone()), message);
            }
            None => all.push(sysctl.clone()),
        }
    }
    if pod.fs_group.is_none() {
        pod.fs_group = more.fs_group;
        pod.fs_group_change_policy.clone_from(&more.fs_group_change_policy);
    } else if more.fs_group.is_some() && more.fs_group != pod.fs_group {
        let message = "shares a pod with a user of another group: volumes of the pod belong to the group of the first";
        report.warn("shared-pod", &path.key("user"), message);
    }
}

/// A guest by `ipc: service:x` has the host's /dev/shm, where that has one of its own.
fn share_memory(host: Option<&Container>, guest: &mut Container) {
    const SHM: &str = "/dev/shm";
    let is_shm = |mount: &&VolumeMount| mount.mount_path == SHM;
    let Some(shared) = host.and_then(|host| host.volume_mounts.iter().flatten().find(is_shm)) else { return };
    let mounts = guest.volume_mounts.get_or_insert_default();
    mounts.retain(|mount| mount.mount_path != SHM);
    mounts.push(shared.clone());
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
}

fn runtime_class(service: &Service, stack: &Stack, path: &Path, report: &mut Report) -> Option<String> {
    let runtime = service.runtime.as_ref().filter(|runtime| !matches!(runtime.as_str(), "" | "runc" | "io.containerd.runc.v2"))?;
    let known = &stack.settings.policy.runtimes;
    let class = known.get(runtime);
    if class.is_none() {
        report.forbidden(
            "runtime",
            &path.key("runtime"),
            &format!("{runtime:?} is no runtime of the nodes{}", devices::known(known)),
            "runtimes",
        );
    }
    class.cloned()
}

/// `hostname` and `domainname`.
fn host(service: &Service, spec: &mut PodSpec, path: &Path, report: &mut Report) {
    let Some(hostname) = service.hostname.as_deref().filter(|name| !name.is_empty()) else {
        if service.domainname.is_some() {
            report.warn("domainname", &path.key("domainname"), "has no effect without a hostname");
        }
        return;
    };
    let lower = hostname.to_ascii_lowercase();
    let legal = lower.split('.').all(|label| label.len() <= 63 && ObjectName::new(label).is_ok());
    if !legal {
        report.refuse(
            "hostname",
            &path.key("hostname"),
            format!("{hostname:?} is not a host name: letters, digits and - in parts of at most 63, separated by dots"),
        );
        return;
    }
    let full = service.domainname.as_ref().map_or_else(|| lower.clone(), |domain| format!("{lower}.{}", domain.to_ascii_lowercase()));
    if full.len() > 64 {
        report.warn("hostname", &path.key("hostname"), format!("{full:?} is longer than 64: the pod keeps a name of its own"));
    } else if full.contains('.') {
        spec.hostname_override = Some(full);
    } else {
        spec.hostname = Some(full);
    }
}

fn dns(service: &Service, spec: &mut PodSpec, path: &Path, report: &mut Report) {
    if service.dns.is_empty() && service.dns_search.is_empty() && service.dns_opt.is_empty() {
        return;
    }
    if !service.dns.is_empty() {
        let path = path.key("dns");
        report.warn("dns", &path, "these servers are asked only when the cluster's own doesn't answer");
        if service.dns.len() > 2 {
            report.refuse("dns", &path, "at most 2 servers fit beside the cluster's own");
        }
        for (index, server) in service.dns.iter().enumerate().filter(|(_, server)| server.parse::<std::net::IpAddr>().is_err()) {
            report.refuse("dns", &path.index(index), format!("{server:?} is not an IP address"));
        }
    }
    if service.dns_search.len() > 32 {
        report.refuse("dns", &path.key("dns_search"), "at most 32 search domains are allowed");
    }
    let option = |text: &String| {
        let (name, value) = text.split_once(':').map_or((text.as_str(), None), |(name, value)| (name, Some(value.to_owned())));
        PodDNSConfigOption { name: Some(name.to_owned()), value }
    };
    spec.dns_config = Some(PodDNSConfig {
        nameservers: some(service.dns.clone()),
        searches: some(service.dns_search.clone()),
        options: some(service.dns_opt.iter().map(option).collect()),
    });
}

/// The hosts of the pods that share a claim with these services which only one node at a time can use, their own among them.
pub fn sharers<'a>(context: &Context<'a, '_>, parts: &[Part]) -> BTreeSet<&'a str> {
    let stack = context.stack;
    let one_node = |volume: &&str| matches!(context.claims.get(*volume), Some(Storage::Claim { one_node: true, .. }));
    let sources = parts.iter().flat_map(|part| volume_users::sources(stack.project, part.member.service));
    let users = sources.filter(one_node).filter_map(|volume| context.users.get(volume)).flatten().copied();
    let own = parts.iter().filter(|part| part.mounts.has_own_claim).filter_map(|part| Some(stack.service(part.member.key)?.0));
    let unnamed = parts.iter().flat_map(|part| &part.mounts.sharers).filter_map(|user| Some(stack.service(user)?.0));
    users.chain(own).chain(unnamed).map(|user| stack.host(user)).collect()
}

/// Alone services need no rule: replicas that `scale` adds later must not change the template.
fn neighbours(context: &Context, parts: &[Part]) -> Vec<String> {
    let users = sharers(context, parts);
    let Some(host) = parts.first().map(|part| part.member) else { return Vec::new() };
    let replicas = host.service.deploy.as_ref().and_then(|deploy| deploy.replicas).or(host.service.scale).unwrap_or(1);
    let several = users.len() > 1 || (replicas > 1 && users.contains(host.key));
    if several { users.into_iter().map(str::to_owned).collect() } else { Vec::new() }
}

fn metadata(context: &Context, members: &[Member], report: &mut Report) -> ObjectMeta {
    let stack = context.stack;
    let (mut all, mut annotations) = (StringMap::new(), StringMap::new());
    // What the host says stands where a guest says something else.
    for member in members.iter().rev() {
        let user = labels::of_pods(member.service, &stack.settings.policy, &member.path(), report);
        all.extend(user.labels);
        annotations.extend(user.annotations);
    }
    if let Some(host) = members.first() {
        all.extend(service_labels(stack, host.key, host.name));
        annotations.insert(keys::SERVICE.to_owned(), host.key.to_owned());
        all.extend(membership(stack, host.key));
    }
    if members.len() > 1 {
        let containers: BTreeMap<String, &str> =
            members.iter().map(|member| (container::container_name(member.service, member.name), member.key)).collect();
        annotations.insert(keys::CONTAINERS.to_owned(), serde_json::json!(containers).to_string());
    }
    for member in members {
        all.extend(context.aliases.labels.get(member.key).into_iter().flatten().map(|label| (label.clone(), "true".to_owned())));
    }
    let restarts = members.iter().filter_map(|member| stack.settings.services.get(member.key)?.restarted_at.as_ref());
    if let Some(at) = restarts.max() {
        annotations.insert(keys::RESTARTED_AT.to_owned(), at.clone());
    }
    ObjectMeta { labels: Some(all), annotations: Some(annotations), ..ObjectMeta::default() }
}

/// The labels that put a service's pods on its networks.
pub fn membership(stack: &Stack, key: &str) -> StringMap {
    let networks = stack.networks(key).into_iter().flat_map(|network| network_labels(stack, network));
    networks.map(|label| (label, "true".to_owned())).collect()
}

/// Keys of the labels that say that a pod is on a network: by key, and by the name that other stacks know it by.
fn network_labels(stack: &Stack, network: &str) -> Vec<String> {
    let engine_name = stack.project.networks.get(network).map(|network| network.name.as_str()).filter(|name| !name.is_empty());
    names::network_label(network).into_iter().chain(engine_name.map(names::network_name_label)).collect()
}

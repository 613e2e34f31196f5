//! A service's pod template.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, LocalObjectReference, PodDNSConfig, PodDNSConfigOption, PodSpec, PodTemplateSpec};
use kube::api::ObjectMeta;

use crate::api::keys;
use crate::compose::model::{HealthcheckTest, Service};
use crate::compose::path::Path;

use super::aliases::Aliases;
use super::claims::Storage;
use super::devices;
use super::env;
use super::helper;
use super::host_ports;
use super::hosts;
use super::images;
use super::labels;
use super::lifecycle;
use super::mounts::Mounts;
use super::names::{self, ObjectName};
use super::namespaces::{self, Shared};
use super::object::Kind;
use super::objects::{Objects, service_labels};
use super::placement;
use super::probe;
use super::report::Report;
use super::resources;
use super::security;
use super::stack::{Stack, networks_of, service_path};
use super::storage::{self, Store};

/// A pod template, and what of it decides other things.
pub struct Pod {
    pub template: PodTemplateSpec,
    pub mounts: Mounts,
    /// Hashes of contents in generated Secrets.
    pub digests: Vec<String>,
    /// The services that must run on one node with this one, itself included.
    pub neighbours: Vec<String>,
}

/// What every pod of the stack is made with.
pub struct Context<'a, 'b> {
    pub stack: &'b Stack<'a>,
    pub claims: &'b BTreeMap<&'a str, Storage>,
    pub aliases: &'b Aliases<'a>,
    /// The services that mount each named volume.
    pub users: &'b BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Makes a service's pod template.
pub fn pod(
    context: &Context,
    key: &str,
    service: &Service,
    name: &ObjectName,
    kind: Kind,
    objects: &mut Objects,
    report: &mut Report,
) -> Pod {
    let stack = context.stack;
    let path = service_path(key);
    let process = env::process(stack, key, service, name, objects, report);
    let mut mounts = storage::mounts(&mut Store { stack, claims: context.claims, service, name, objects }, key, report);
    hosts::mount(stack, context.aliases, key, service, &path, &mut mounts, report);
    helper::volumes(&mut mounts);
    let shared = Shared::of(stack, service);
    let mut spec = PodSpec::default();
    let security = security::contexts(service, stack.settings, shared, &mut spec, &path, report);
    if let Some(pod_security) = &mut spec.security_context
        && security.run_as_non_root == Some(true)
        && !mounts.claims.is_empty()
    {
        // A fresh claim belongs to root.
        pod_security.fs_group = security.run_as_group.or(security.run_as_user);
        pod_security.fs_group_change_policy = Some("OnRootMismatch".to_owned());
    }
    let probes = service.healthcheck.as_ref().map(|check| probe::probes(check, &path, report)).unwrap_or_default();
    let (lifecycle, drain) = lifecycle::lifecycle(service, kind, &path, report);
    let image = image(stack, key, service, &path, report);
    let container = Container {
        name: container_name(service, name),
        image_pull_policy: Some(pull_policy(service, &image, &path, report).to_owned()),
        image: Some(image),
        command: process.command,
        args: process.args,
        env: some(process.env),
        env_from: some(process.env_from),
        ports: some(host_ports::ports(service, &stack.settings.policy, &path, report)),
        volume_mounts: some(mounts.volume_mounts()),
        working_dir: working_dir(service, &path, report),
        tty: service.tty.then_some(true),
        stdin: service.stdin_open.then_some(true),
        resources: Some(resources::resources(stack, service, &path, report)),
        readiness_probe: probes.readiness,
        startup_probe: probes.startup,
        lifecycle,
        security_context: (security != k8s_openapi::api::core::v1::SecurityContext::default()).then_some(security),
        ..Container::default()
    };
    let neighbours = neighbours(context, key, service, &mounts);
    let names: Vec<&ObjectName> = neighbours.iter().filter_map(|other| stack.name_of(other)).collect();
    let secrets = stack.settings.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    let mut spec = PodSpec {
        init_containers: some(helper::containers(stack.settings.helper_image(), &container, &mounts)),
        containers: vec![container],
        volumes: some(mounts.volumes()),
        enable_service_links: Some(false),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(lifecycle::grace(service).saturating_add(drain)),
        share_process_namespace: (service.init == Some(true)).then_some(true),
        image_pull_secrets: some(secrets.collect()),
        ..spec
    };
    host(service, &mut spec, &path, report);
    namespaces::share(shared, &mut spec, &path, report);
    dns(service, &mut spec, &path, report);
    hosts::extra(service, &mut spec, &path, report);
    spec.runtime_class_name = runtime_class(service, stack, &path, report);
    placement::place(stack, service, name, &names, &mut spec, &path, report);
    let template = PodTemplateSpec { metadata: Some(metadata(context, key, service, name, &path, report)), spec: Some(spec) };
    Pod { template, mounts, digests: process.digests, neighbours }
}

fn image(stack: &Stack, key: &str, service: &Service, path: &Path, report: &mut Report) -> String {
    let name = images::name(stack, key, service);
    if service.image.as_deref().is_none_or(str::is_empty) {
        if service.build.is_some() {
            let message = format!("nothing is built here: the image {name:?} must have been built and be where the nodes can pull it");
            report.warn("build-without-image", &path.key("build"), message);
        } else if service.provider.is_none() {
            report.refuse("no-image", path, "neither image nor build: there is nothing to run");
        }
    }
    name
}

fn container_name(service: &Service, name: &ObjectName) -> String {
    let own = service.container_name.as_deref().and_then(|name| names::label_form(name, 63));
    own.unwrap_or_else(|| name.to_string())
}

fn pull_policy(service: &Service, image: &str, path: &Path, report: &mut Report) -> &'static str {
    let path = path.key("pull_policy");
    match service.pull_policy.as_deref().unwrap_or_default() {
        "always" => "Always",
        "never" => "Never",
        "" | "build" if images::is_latest(image) => "Always",
        "" | "build" | "missing" | "if_not_present" => "IfNotPresent",
        other if matches!(other, "daily" | "weekly" | "refresh") || other.starts_with("every_") => {
            report.warn("pull-policy", &path, format!("{other}: images are pulled whenever a pod is made, and never in between"));
            "Always"
        }
        other => {
            report.refuse("pull-policy", &path, format!("{other:?} is not a pull policy; allowed are always, never, missing, if_not_present, build, daily, weekly, every_<n><unit>"));
            "IfNotPresent"
        }
    }
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

fn working_dir(service: &Service, path: &Path, report: &mut Report) -> Option<String> {
    let directory = service.working_dir.clone().filter(|directory| !directory.is_empty())?;
    if !directory.starts_with('/') {
        report.refuse("working-dir", &path.key("working_dir"), format!("{directory:?} is not an absolute path"));
    }
    Some(directory)
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

/// The services that share a claim with this one which only one node at a time can use. Alone it needs no rule: replicas that `scale` adds
/// later must not change the template.
fn neighbours(context: &Context, key: &str, service: &Service, mounts: &Mounts) -> Vec<String> {
    let one_node = |volume: &&str| matches!(context.claims.get(*volume), Some(Storage::Claim { one_node: true, .. }));
    let sources = storage::sources(context.stack.project, service);
    let of_volumes = sources.into_iter().filter(one_node).filter_map(|volume| context.users.get(volume)).flatten().copied();
    let users: BTreeSet<&str> = of_volumes.chain(mounts.has_own_claim.then_some(key)).collect();
    let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas).or(service.scale).unwrap_or(1);
    let several = users.len() > 1 || (replicas > 1 && users.contains(key));
    if several { users.into_iter().map(str::to_owned).collect() } else { Vec::new() }
}

fn metadata(context: &Context, key: &str, service: &Service, name: &ObjectName, path: &Path, report: &mut Report) -> ObjectMeta {
    let user = labels::of_pods(service, &context.stack.settings.policy, path, report);
    let mut all = user.labels;
    all.extend(service_labels(context.stack, key, name));
    for network in networks_of(service) {
        all.extend(network_labels(context.stack, network).into_iter().map(|label| (label, "true".to_owned())));
    }
    all.extend(context.aliases.labels.get(key).into_iter().flatten().map(|label| (label.clone(), "true".to_owned())));
    let mut annotations = user.annotations;
    annotations.insert(keys::SERVICE.to_owned(), key.to_owned());
    if let Some(at) = context.stack.settings.services.get(key).and_then(|service| service.restarted_at.as_ref()) {
        annotations.insert(keys::RESTARTED_AT.to_owned(), at.clone());
    }
    ObjectMeta { labels: Some(all), annotations: Some(annotations), ..ObjectMeta::default() }
}

/// Keys of the labels that say that a pod is on a network: by key, and by the name that other stacks know it by.
pub fn network_labels(stack: &Stack, network: &str) -> Vec<String> {
    let engine_name = stack.project.networks.get(network).map(|network| network.name.as_str()).filter(|name| !name.is_empty());
    names::network_label(network).into_iter().chain(engine_name.map(names::network_name_label)).collect()
}

/// Whether a service says how its health is to be told.
pub fn has_check(service: &Service) -> bool {
    service
        .healthcheck
        .as_ref()
        .is_some_and(|check| !check.disable && check.test.as_ref().is_some_and(|test| *test != HealthcheckTest::None))
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

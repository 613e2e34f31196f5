//! A container: of a service, or of a step before its start.

use k8s_openapi::api::core::v1::{Container, PodSpec, SecurityContext};

use crate::compose::model::{HealthcheckTest, Service};
use crate::compose::path::Path;

use super::context::Context;
use super::env;
use super::helper;
use super::host_ports;
use super::images;
use super::lifecycle;
use super::mounts::Mounts;
use super::names::{self, ObjectName};
use super::namespaces::Shared;
use super::object::Kind;
use super::objects::Objects;
use super::probe;
use super::report::Report;
use super::resources;
use super::security;
use super::stack::Stack;
use super::storage;
use super::store::Store;

/// What a container is made from.
pub struct Source<'b> {
    /// The service's key.
    pub key: &'b str,
    /// The service, or the step with what it inherits from it.
    pub service: &'b Service,
    /// Object name of the service.
    pub name: &'b ObjectName,
    /// Where the file says all this.
    pub path: Path,
    /// Whether what its image declares as volumes is kept for as long as the pod.
    pub keeps_image_volumes: bool,
}

/// A container without its mounts, and what it asks of its pod.
pub struct Made {
    pub container: Container,
    pub mounts: Mounts,
    /// Hashes of contents in generated Secrets.
    pub digests: Vec<String>,
    /// The security settings, and the like, of a pod for it alone.
    pub pod: PodSpec,
    /// Seconds that it may take to end.
    pub grace: i64,
}

/// The container of a service.
pub fn main(context: &Context, source: &Source, kind: Kind, objects: &mut Objects, report: &mut Report) -> Made {
    let Source { key, service, path, .. } = source;
    let mut made = base(context, source, container_name(service, source.name), objects, report);
    let probes = service.healthcheck.as_ref().map(|check| probe::probes(check, path, report)).unwrap_or_default();
    let (lifecycle, drain) = lifecycle::lifecycle(context.stack, key, service, kind, path, report);
    made.container.ports = some(host_ports::ports(service, &context.stack.settings.policy, path, report));
    made.container.readiness_probe = probes.readiness;
    made.container.startup_probe = probes.startup;
    made.container.lifecycle = lifecycle;
    made.grace = made.grace.saturating_add(drain);
    made
}

/// What a service and a step before its start have in common.
pub fn base(context: &Context, source: &Source, name: String, objects: &mut Objects, report: &mut Report) -> Made {
    let Source { key, service, path, .. } = source;
    let stack = context.stack;
    let process = env::process(stack, service, source.name, path, objects, report);
    let keeps_image_volumes = source.keeps_image_volumes;
    let mut store = Store { stack, claims: context.claims, service, name: source.name, keeps_image_volumes, objects };
    let mut mounts = storage::mounts(&mut store, path, report);
    helper::volumes(&mut mounts);
    let mut pod = PodSpec::default();
    let security = security::contexts(service, stack.settings, Shared::of(stack, service), &mut pod, path, report);
    if let Some(pod_security) = &mut pod.security_context
        && security.run_as_non_root == Some(true)
        && !mounts.claims.is_empty()
    {
        // A fresh claim belongs to root.
        pod_security.fs_group = security.run_as_group.or(security.run_as_user);
        pod_security.fs_group_change_policy = Some("OnRootMismatch".to_owned());
    }
    let image = image(stack, key, service, path, report);
    let container = Container {
        name,
        image_pull_policy: Some(pull_policy(service, &image, path, report).to_owned()),
        image: Some(image),
        command: process.command,
        args: process.args,
        env: some(process.env),
        env_from: some(process.env_from),
        working_dir: working_dir(service, path, report),
        tty: service.tty.then_some(true),
        stdin: service.stdin_open.then_some(true),
        resources: Some(resources::resources(stack, service, path, report)),
        security_context: (security != SecurityContext::default()).then_some(security),
        ..Container::default()
    };
    Made { container, mounts, digests: process.digests, pod, grace: lifecycle::grace(service) }
}

fn image(stack: &Stack, key: &str, service: &Service, path: &Path, report: &mut Report) -> String {
    let name = images::name(stack.project, key, service);
    if service.image.as_deref().is_none_or(str::is_empty) {
        if service.build.is_some() {
            let message = format!("nothing is built here: the image {name:?} must have been built and be where the nodes can pull it");
            report.warn("build-without-image", &path.key("build"), message);
        } else if service.provider.is_none() {
            report.refuse("no-image", path, "neither image nor build: there is nothing to run");
        }
    }
    if service.image.as_deref().is_some_and(|image| !image.is_empty() && !images::is_reference(image)) {
        report.refuse("image", &path.key("image"), format!("{name:?} names no image: [registry/]repository[:tag][@digest]"));
    }
    name
}

/// What the container of a service is called.
pub fn container_name(service: &Service, name: &ObjectName) -> String {
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

fn working_dir(service: &Service, path: &Path, report: &mut Report) -> Option<String> {
    let directory = service.working_dir.clone().filter(|directory| !directory.is_empty())?;
    if !directory.starts_with('/') {
        report.refuse("working-dir", &path.key("working_dir"), format!("{directory:?} is not an absolute path"));
    }
    Some(directory)
}

/// Whether a service says how its health is to be told.
pub fn has_check(service: &Service) -> bool {
    service
        .healthcheck
        .as_ref()
        .is_some_and(|check| !check.disable && check.test.as_ref().is_some_and(|test| *test != HealthcheckTest::None))
}

/// `None` for an empty list.
pub fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

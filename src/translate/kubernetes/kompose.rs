//! Labels by which Kompose's users say what the extension says: a second spelling, over which the first wins.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::compose::model::{MountKind, Project, Service, Volume};
use crate::compose::path::Path;
use crate::translate::dollars::doubled;
use crate::translate::names::{self, ObjectName};
use crate::translate::object::Kind;
use crate::translate::report::Report;
use crate::yaml::{FileId, parse};

use super::check::{self, Check, Question};
use super::declared::VolumeExtension;
use super::pod::InitStep;
use super::port::{Expose, Host, IngressRule, PortExtension, Tls, is_host};
use super::scale::{Amount, Autoscale, parse_amount};
use super::service::{Schedule, ServiceExtension, Shape};

const PREFIX: &str = "kompose.";
const CODE: &str = "kompose-label";

/// Labels that are Kompose's and aren't read, with what is to be written instead.
const UNREAD: [(&str, &str); 4] = [
    ("service.group", "services share a pod by `network_mode: service:<name>`"),
    ("service.name_override", "a service's name is its key; further names are x-kubernetes.names"),
    ("controller.port.expose", "ports of the nodes are `ports[].mode: host`"),
    ("volume.type", "volumes are claims; other kinds have a spelling of Compose"),
];

/// One label of Kompose.
struct Label<'l> {
    value: &'l str,
    path: Path,
}

/// The labels of Kompose among some labels, by what follows the prefix.
struct Labels<'l>(BTreeMap<&'l str, Label<'l>>);

impl<'l> Labels<'l> {
    fn of(maps: &[(&'l IndexMap<String, String>, Path)]) -> Self {
        let all = maps.iter().flat_map(|(labels, path)| labels.iter().map(move |label| (label, path)));
        let own = all.filter_map(|((key, value), path)| {
            Some((key.strip_prefix(PREFIX)?, Label { value: value.trim(), path: path.key(key.to_owned()) }))
        });
        Self(own.collect())
    }

    /// Takes a label out, so that what is left can be told.
    fn take(&mut self, name: &str) -> Option<Label<'l>> {
        self.0.remove(name)
    }

    fn parsed<T>(&mut self, name: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>, report: &mut Report) -> Option<(T, Path)> {
        let label = self.take(name)?;
        let found = parse(label.value);
        if found.is_none() {
            report.warn(CODE, &label.path, format!("{:?} is not {wanted}: it has no effect", label.value));
        }
        Some((found?, label.path))
    }

    /// Tells what is not read.
    fn finish(self, report: &mut Report) {
        for (name, label) in self.0 {
            let reason = match UNREAD.iter().find(|(unread, _)| *unread == name) {
                Some((_, instead)) => format!("has no effect: {instead}"),
                None => "has no effect: it is no label of Kompose's".to_owned(),
            };
            report.warn(CODE, &label.path, reason);
        }
    }
}

/// Says once in a stack that labels of Kompose were read.
fn tell(labels: &Labels, report: &mut Report) {
    if let Some(label) = labels.0.values().next()
        && !report.has("kompose-spelling")
    {
        report.warn(
            "kompose-spelling",
            &label.path,
            "labels of Kompose are read as a second spelling; x-kubernetes says the same, checked",
        );
    }
}

/// Fills a value in that the first spelling leaves open; another value of the first one stands.
fn fill<T: PartialEq>(slot: &mut Option<T>, found: Option<(T, Path)>, report: &mut Report) {
    let Some((found, path)) = found else { return };
    match slot {
        None => *slot = Some(found),
        Some(written) if *written == found => {}
        Some(_) => report.warn(CODE, &path, "says something else than the file's own attributes, which win"),
    }
}

/// Reads the labels of a service.
pub fn extend(service: &Service, path: &Path, extension: &mut ServiceExtension, ports: &mut [PortExtension], report: &mut Report) {
    let mut maps = vec![(&service.labels, path.key("labels"))];
    maps.extend(service.deploy.as_ref().map(|deploy| (&deploy.labels, path.key("deploy").key("labels"))));
    let mut labels = Labels::of(&maps);
    tell(&labels, report);
    workload(&mut labels, service, extension, report);
    autoscaler(&mut labels, extension, report);
    schedule(&mut labels, extension, report);
    init(&mut labels, extension, report);
    checks(&mut labels, service, extension, report);
    exposure(&mut labels, service, extension, ports, report);
    let subpath = |text: &str| {
        let inside = text.trim_matches('/');
        (!inside.is_empty() && inside.split('/').all(|part| part != "..")).then(|| inside.to_owned())
    };
    for spelling in ["volume.subpath", "volume.sub-path"] {
        let found = labels.parsed(spelling, "a path inside the volume", subpath, report);
        fill(&mut extension.volume_subpath, found, report);
    }
    // Read with the volumes.
    for read_elsewhere in ["volume.size", "volume.storage-class-name"] {
        labels.take(read_elsewhere);
    }
    labels.finish(report);
}

fn workload(labels: &mut Labels, service: &Service, extension: &mut ServiceExtension, report: &mut Report) {
    let kind = |text: &str| match text.to_ascii_lowercase().as_str() {
        "deployment" | "replicationcontroller" => Some(Kind::Deployment),
        "daemonset" => Some(Kind::DaemonSet),
        "statefulset" => Some(Kind::StatefulSet),
        _ => None,
    };
    let found = labels.parsed("controller.type", "deployment, daemonset or statefulset", kind, report);
    fill(&mut extension.kind, found, report);
    let name = |text: &str| names::is_subdomain(text).then(|| text.to_owned());
    let found = labels.parsed("serviceaccount-name", "a name of an object", name, report);
    extension.account_at = extension.account_at.take().or_else(|| found.as_ref().map(|(_, path)| path.clone()));
    fill(&mut extension.pod.service_account, found, report);
    if let Some((secret, _)) = labels.parsed("image-pull-secret", "a name of an object", name, report)
        && !extension.pod.pull_secrets.contains(&secret)
    {
        extension.pod.pull_secrets.push(secret);
    }
    let policy = |text: &str| ["Always", "IfNotPresent", "Never"].into_iter().find(|known| known.eq_ignore_ascii_case(text));
    if let Some((policy, path)) = labels.parsed("image-pull-policy", "Always, IfNotPresent or Never", policy, report) {
        if service.pull_policy.as_deref().is_some_and(|written| !written.is_empty()) {
            report.warn(CODE, &path, "pull_policy says it, which wins");
        } else {
            extension.pod.pull_policy = Some(policy.to_owned());
        }
    }
    let group = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let found = labels.parsed("security-context.fsgroup", "a number", group, report);
    fill(&mut extension.pod.fs_group, found, report);
}

fn autoscaler(labels: &mut Labels, extension: &mut ServiceExtension, report: &mut Report) {
    let count = |text: &str| text.parse::<i32>().ok().filter(|n| *n > 0);
    let min = labels.parsed("hpa.replicas.min", "a number of replicas", count, report);
    let max = labels.parsed("hpa.replicas.max", "a number of replicas", count, report);
    let cpu = labels.parsed("hpa.cpu", "a percentage", parse_amount, report);
    let memory = labels.parsed("hpa.memory", "a percentage or a quantity", parse_amount, report);
    let Some(path) = [&min, &max]
        .into_iter()
        .flatten()
        .chain([])
        .map(|(_, path)| path.clone())
        .next()
        .or_else(|| [&cpu, &memory].into_iter().flatten().map(|(_, path)| path.clone()).next())
    else {
        return;
    };
    // As Kompose does where they are left out.
    let min = min.map_or(1, |(n, _)| n);
    let max = max.map_or(min.max(3), |(n, _)| n);
    let cpu = cpu.map(|(amount, _)| amount);
    let memory = memory.map(|(amount, _)| amount);
    if min > max {
        report.warn(CODE, &path, format!("{min} replicas at least and {max} at most: there is no autoscaler"));
        return;
    }
    let cpu = cpu.or_else(|| memory.is_none().then_some(Amount::Percent(50)));
    fill(&mut extension.hpa, Some((Autoscale { min, max, cpu, memory }, path)), report);
}

fn schedule(labels: &mut Labels, extension: &mut ServiceExtension, report: &mut Report) {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let cron = labels.parsed("cronjob.schedule", "a schedule", text, report);
    let policy = |text: &str| match text.to_ascii_lowercase().as_str() {
        "allow" => Some("Allow"),
        "forbid" => Some("Forbid"),
        "replace" => Some("Replace"),
        _ => None,
    };
    let concurrency = labels.parsed("cronjob.concurrency_policy", "Allow, Forbid or Replace", policy, report);
    let limit = |text: &str| text.parse::<i32>().ok().filter(|n| *n >= 0);
    let backoff_limit = labels.parsed("cronjob.backoff_limit", "a number", limit, report);
    let Some((cron, path)) = cron else {
        for at in [concurrency.map(|(_, path)| path), backoff_limit.map(|(_, path)| path)].into_iter().flatten() {
            if extension.schedule.is_none() {
                report.warn(CODE, &at, "has no effect without a schedule");
            }
        }
        return;
    };
    let made = Schedule { cron, concurrency: concurrency.map(|(word, _)| word), backoff_limit: backoff_limit.map(|(n, _)| n) };
    // A schedule makes a CronJob, whatever the other label says.
    if extension.kind_at.is_none() {
        extension.kind = None;
    }
    fill(&mut extension.schedule, Some((made, path)), report);
}

fn init(labels: &mut Labels, extension: &mut ServiceExtension, report: &mut Report) {
    let name = labels.take("init.containers.name");
    let image = labels.take("init.containers.image");
    let command = labels.take("init.containers.command");
    let Some(image) = image else {
        for label in [name, command].into_iter().flatten() {
            report.warn(CODE, &label.path, "has no effect without kompose.init.containers.image");
        }
        return;
    };
    let written = name.map(|label| label.value).filter(|name| ObjectName::new(name).is_ok() && name.len() <= 63);
    let step = InitStep {
        name: written.unwrap_or("init").to_owned(),
        image: image.value.to_owned(),
        command: command.map(|label| words(label.value)).unwrap_or_default().iter().map(|word| doubled(word)).collect(),
    };
    extension.pod.init = Some(step);
}

/// A list in YAML's or JSON's form, or a shell's line.
fn words(text: &str) -> Vec<String> {
    let (documents, errors) = parse(text, FileId(0));
    let list = documents.first().filter(|_| errors.is_empty()).and_then(|node| node.as_sequence());
    match list {
        Some(items) => items.iter().filter_map(crate::yaml::Node::scalar_text).collect(),
        None if text.is_empty() => Vec::new(),
        None => vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()],
    }
}

fn checks(labels: &mut Labels, service: &Service, extension: &mut ServiceExtension, report: &mut Report) {
    let off = labels.parsed("service.healthcheck.readiness.disable", "true or false", |text| text.parse::<bool>().ok(), report);
    let readiness = one_check(labels, "service.healthcheck.readiness", report);
    let liveness = one_check(labels, "service.healthcheck.liveness", report);
    fill(&mut extension.pod.liveness, liveness, report);
    match (off, readiness) {
        (Some((true, path)), _) if service.healthcheck.is_some() => {
            report.warn(CODE, &path, "has no effect: the service has a healthcheck of its own; write healthcheck.disable");
        }
        (Some((true, _)), _) | (_, None) => {}
        (_, Some((_, path))) if service.healthcheck.is_some() => report.warn(CODE, &path, "the service's own healthcheck wins"),
        (_, readiness) => fill(&mut extension.pod.readiness, readiness, report),
    }
}

fn one_check(labels: &mut Labels, at: &str, report: &mut Report) -> Option<(Check, Path)> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let http_path = labels.parsed(&format!("{at}.http_get_path"), "a path", some, report);
    let http_port = labels.parsed(&format!("{at}.http_get_port"), "a port", port, report);
    let tcp_port = labels.parsed(&format!("{at}.tcp_port"), "a port", port, report);
    let command = labels.parsed(&format!("{at}.test"), "a command", some, report);
    let mut time = |name: &str| labels.parsed(&format!("{at}.{name}"), "a duration", check::parse_duration, report).map(|(d, _)| d);
    let (interval, timeout, start_period) = (time("interval"), time("timeout"), time("start_period"));
    let retries = labels.parsed(&format!("{at}.retries"), "a number", |text| text.parse::<i64>().ok().filter(|n| *n > 0), report);
    let (question, path) = match (http_port, tcp_port, command) {
        (Some((port, path)), ..) => {
            let target = http_path.map_or_else(|| "/".to_owned(), |(path, _)| path);
            (Question::Http { path: target, port }, path)
        }
        (None, Some((port, path)), _) => (Question::Tcp(port), path),
        (None, None, Some((line, path))) => {
            let mut list = words(&line);
            match list.first().map(String::as_str) {
                Some("CMD") => drop(list.remove(0)),
                Some("CMD-SHELL") => list = vec!["/bin/sh".to_owned(), "-c".to_owned(), list[1..].join(" ")],
                _ => {}
            }
            (Question::Command(list), path)
        }
        (None, None, None) => {
            if let Some((_, path)) = http_path {
                report.warn(CODE, &path, "has no effect without http_get_port");
            }
            return None;
        }
    };
    Some((Check { question, interval, timeout, retries: retries.map(|(n, _)| n), start_period }, path))
}

fn exposure(labels: &mut Labels, service: &Service, extension: &mut ServiceExtension, ports: &mut [PortExtension], report: &mut Report) {
    let types = |text: &str| match text.to_ascii_lowercase().as_str() {
        known @ ("nodeport" | "clusterip" | "loadbalancer" | "headless") => Some(known.to_owned()),
        _ => None,
    };
    let kind = labels.parsed("service.type", "nodeport, clusterip, loadbalancer or headless", types, report);
    let hosts = labels.take("service.expose").filter(|label| !label.value.is_empty() && label.value != "false");
    let tls = labels.take("service.expose.tls-secret");
    let class = labels.take("service.expose.ingress-class-name");
    match hosts {
        Some(label) => ingress(&label, tls.as_ref(), class.as_ref(), ports, report),
        None => {
            for label in [tls, class].into_iter().flatten() {
                report.warn(CODE, &label.path, "has no effect without kompose.service.expose");
            }
        }
    }
    if let Some((kind, path)) = kind {
        let expose = match kind.as_str() {
            "headless" => {
                fill(&mut extension.shape, Some((Shape::Headless, path.clone())), report);
                None
            }
            "nodeport" => Some(Expose::NodePort),
            "loadbalancer" => Some(Expose::LoadBalancer),
            _ => Some(Expose::ClusterIp),
        };
        if expose.is_some() && ports.is_empty() {
            report.warn(CODE, &path, "has no effect: the service publishes no ports");
        }
        for port in ports.iter_mut().filter(|port| port.expose.is_none()) {
            port.expose.clone_from(&expose);
        }
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    if let Some((port, path)) = labels.parsed("service.nodeport.port", "a port", number, report) {
        match ports {
            [only] => fill(&mut only.node_port, Some((port, path)), report),
            _ => report.warn(CODE, &path, format!("has no effect on {} ports: one node port is one port's", service.ports.len())),
        }
    }
    let policy = |text: &str| ["Cluster", "Local"].into_iter().find(|known| known.eq_ignore_ascii_case(text)).map(str::to_owned);
    if let Some((policy, path)) = labels.parsed("service.external-traffic-policy", "cluster or local", policy, report) {
        for port in ports.iter_mut() {
            fill(&mut port.external_traffic_policy, Some((policy.clone(), path.clone())), report);
        }
    }
}

/// As Kompose, for the first port: `true`, or hosts, each perhaps with a path.
fn ingress(label: &Label, tls: Option<&Label>, class: Option<&Label>, ports: &mut [PortExtension], report: &mut Report) {
    let Some(port) = ports.first_mut() else {
        report.warn(CODE, &label.path, "has no effect: the service publishes no ports");
        return;
    };
    let mut hosts = Vec::new();
    for entry in label.value.split(',').map(str::trim).filter(|entry| *entry != "true") {
        let (host, below) = entry.split_once('/').map_or((entry, ""), |(host, below)| (host, below));
        if !is_host(host) {
            report.warn(CODE, &label.path, format!("{host:?} is no host name: it has no effect"));
            continue;
        }
        hosts.push(Host { name: host.to_owned(), path: (!below.is_empty()).then(|| format!("/{below}")) });
    }
    let rule = IngressRule {
        hosts,
        path: "/".to_owned(),
        tls: tls.map(|label| Tls::Secret(label.value.to_owned())),
        class: class.map(|label| label.value.to_owned()),
    };
    fill(&mut port.expose, Some((Expose::Ingress(rule), label.path.clone())), report);
}

/// Reads the labels of a volume.
pub fn extend_volume(volume: &Volume, path: &Path, extension: &mut VolumeExtension, report: &mut Report) {
    let mut labels = Labels::of(&[(&volume.labels, path.key("labels"))]);
    tell(&labels, report);
    storage(&mut labels, extension, report);
    labels.finish(report);
}

/// Kompose reads a volume's labels from the services that mount it, too.
pub fn extend_volumes_of_services(project: &Project, volumes: &mut BTreeMap<String, VolumeExtension>, report: &mut Report) {
    for (key, service) in &project.services {
        let path = crate::translate::project::service_path(key).key("labels");
        for mount in service.volumes.iter().filter(|mount| mount.kind == MountKind::Volume) {
            if let Some(extension) = mount.source.as_ref().and_then(|source| volumes.get_mut(source)) {
                storage(&mut Labels::of(&[(&service.labels, path.clone())]), extension, report);
            }
        }
    }
}

fn storage(labels: &mut Labels, extension: &mut VolumeExtension, report: &mut Report) {
    if let Some(label) = labels.take("volume.size") {
        let found = (label.value.to_owned(), label.path.clone());
        match &extension.size {
            None => extension.size = Some(found),
            Some((written, _)) if *written == found.0 => {}
            Some(_) => report.warn(CODE, &label.path, "says something else than the volume's own size, which wins"),
        }
    }
    let name = |text: &str| names::is_subdomain(text).then(|| text.to_owned());
    let found = labels.parsed("volume.storage-class-name", "a name of an object", name, report);
    fill(&mut extension.storage_class, found, report);
}

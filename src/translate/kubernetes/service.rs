//! The extension on services.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Toleration, TopologySpreadConstraint};
use serde::Serialize;

use crate::compose::model::Service;
use crate::compose::path::Path;
use crate::translate::names::{self, ObjectName};
use crate::translate::object::Kind;
use crate::translate::port::{Listen, exposed};
use crate::translate::report::Report;
use crate::translate::settings::{Facts, Settings};

use super::check;
use super::declared::labels;
use super::keys::Keys;
use super::pod::PodExtension;
use super::scale::{Autoscale, Disruption, autoscale, disruption, is_quantity};
use super::value::{KEY, is_to_be_had, object_name};

/// What a service may say.
pub const KEYS: [&str; 30] = [
    "kind",
    "concurrencyPolicy",
    "service",
    "serviceAccountName",
    "automountToken",
    "imagePullSecrets",
    "priorityClassName",
    "tolerations",
    "nodeSelector",
    "topologySpread",
    "runtimeClassName",
    "hostUsers",
    "fsGroup",
    "runAsUser",
    "runAsGroup",
    "liveness",
    "readiness",
    "hpa",
    "pdb",
    "resources",
    "podLabels",
    "podAnnotations",
    "podOverlay",
    "ndots",
    "imageVolumes",
    "schedule",
    "ports",
    "names",
    "external",
    "backoffLimit",
];

/// What may stand at the top level, for all services: all but what one alone can have, which stands last.
pub const DEFAULTS: &[&str] = KEYS.split_at(KEYS.len() - 5).0;

const WORKLOADS: [(&str, Kind); 5] = [
    ("Deployment", Kind::Deployment),
    ("StatefulSet", Kind::StatefulSet),
    ("DaemonSet", Kind::DaemonSet),
    ("Job", Kind::Job),
    ("CronJob", Kind::CronJob),
];

/// What a service says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceExtension {
    pub kind: Option<Kind>,
    pub schedule: Option<Schedule>,
    pub shape: Option<Shape>,
    pub ports: BTreeSet<Listen>,
    /// Further names that every service may use.
    pub names: Vec<(String, Path)>,
    /// Host that the name leads to, outside.
    pub external: Option<String>,
    pub hpa: Option<Autoscale>,
    pub pdb: Option<Disruption>,
    pub pod: PodExtension,
    /// Directory inside the service's volumes that is mounted instead of their root.
    pub volume_subpath: Option<String>,
    /// For what may not be had.
    pub kind_at: Option<Path>,
    pub account_at: Option<Path>,
}

impl ServiceExtension {
    pub const NOTHING: Self = Self {
        kind: None,
        schedule: None,
        shape: None,
        ports: BTreeSet::new(),
        names: Vec::new(),
        external: None,
        hpa: None,
        pdb: None,
        pod: PodExtension::NOTHING,
        volume_subpath: None,
        kind_at: None,
        account_at: None,
    };

    /// The keys that say something of the pod as a whole, and something else than the service whose pod it is.
    pub fn of_the_pod(&self, host: &Self) -> Vec<&'static str> {
        fn differs<T: PartialEq + Default>(own: &T, other: &T) -> bool {
            *own != T::default() && own != other
        }
        let (own, other) = (&self.pod, &host.pod);
        let all = [
            ("kind", differs(&self.kind, &host.kind) && self.schedule.is_none()),
            ("schedule", differs(&self.schedule, &host.schedule)),
            ("hpa", differs(&self.hpa, &host.hpa)),
            ("pdb", differs(&self.pdb, &host.pdb)),
            ("serviceAccountName", differs(&own.service_account, &other.service_account)),
            ("automountToken", differs(&own.automount_token, &other.automount_token)),
            ("priorityClassName", differs(&own.priority_class, &other.priority_class)),
            ("tolerations", differs(&own.tolerations, &other.tolerations)),
            ("nodeSelector", differs(&own.node_selector, &other.node_selector)),
            ("topologySpread", differs(&own.topology_spread, &other.topology_spread)),
            ("runtimeClassName", differs(&own.runtime_class, &other.runtime_class)),
            ("hostUsers", differs(&own.host_users, &other.host_users)),
            ("fsGroup", differs(&own.fs_group, &other.fs_group)),
            ("podOverlay", differs(&own.overlay, &other.overlay)),
            ("ndots", differs(&own.ndots, &other.ndots)),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

/// When a CronJob runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    pub cron: String,
    /// `Allow`, `Forbid` or `Replace`; `None`: as is safe.
    pub concurrency: Option<&'static str>,
    pub backoff_limit: Option<i32>,
}

/// The form of the Service that carries a service's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Auto,
    Headless,
    ClusterIp,
}

pub fn read(keys: &Keys, service: &Service, path: &Path, settings: &Settings, report: &mut Report) -> ServiceExtension {
    let at = path.key(KEY);
    let policies = [("Allow", "Allow"), ("Forbid", "Forbid"), ("Replace", "Replace")];
    let concurrency = keys.word("concurrencyPolicy", &policies, report);
    let backoff_limit = keys.number("backoffLimit", 0..=i64::from(i32::MAX), report).and_then(|n| i32::try_from(n).ok());
    if keys.node("schedule").is_none() {
        for key in ["concurrencyPolicy", "backoffLimit"] {
            // What stands at the top level is for those that have one.
            if let Some((_, path)) = keys.node(key).filter(|(_, path)| *path == at.key(key.to_owned())) {
                report.warn("no-effect", &path, "has no effect without `schedule`");
            }
        }
    }
    let schedule = keys.text("schedule", report).map(|cron| Schedule { cron, concurrency, backoff_limit });
    let shapes = [("auto", Shape::Auto), ("headless", Shape::Headless), ("clusterIP", Shape::ClusterIp)];
    ServiceExtension {
        kind: keys.word("kind", &WORKLOADS, report),
        kind_at: keys.node("kind").map(|(_, path)| path),
        account_at: keys.node("serviceAccountName").map(|(_, path)| path),
        schedule,
        shape: keys.word("service", &shapes, report),
        ports: ports(keys, report),
        names: names_of(keys, report),
        external: external(keys, report),
        hpa: keys.node("hpa").and_then(|(node, path)| autoscale(node, &path, report)),
        pdb: keys.node("pdb").and_then(|(node, path)| disruption(node, &path, report)),
        pod: pod(keys, service, &at, settings, report),
        volume_subpath: None,
    }
}

fn pod(keys: &Keys, service: &Service, at: &Path, settings: &Settings, report: &mut Report) -> PodExtension {
    let id = |key: &str, report: &mut Report| keys.number(key, 0..=i64::from(u32::MAX), report);
    let mut pull_secrets = Vec::new();
    for (name, path) in keys.texts("imagePullSecrets", report) {
        pull_secrets.extend(super::value::legal_name(name, &path, report));
    }
    let runtime_class = object_name(keys, "runtimeClassName", report);
    if let (Some(class), Some((_, path))) = (&runtime_class, keys.node("runtimeClassName"))
        && !settings.policy.runtimes.values().any(|allowed| allowed == class)
    {
        report.forbidden("runtime", &path, &format!("the runtime class {class:?}"), "runtimes");
    }
    let overlay = keys.node("podOverlay").and_then(|(node, path)| {
        if !settings.policy.pod_overlay {
            report.forbidden("pod-overlay", &path, "fields of the pod of one's own choice", "podOverlay");
        } else if node.as_mapping().is_none() {
            report.refuse("wrong-type", &path, format!("expected a mapping, found {}", node.kind()));
        } else {
            return Some(crate::yaml::to_json(node));
        }
        None
    });
    let pod = PodExtension {
        service_account: object_name(keys, "serviceAccountName", report),
        automount_token: keys.flag("automountToken", report),
        pull_secrets,
        pull_policy: None,
        priority_class: object_name(keys, "priorityClassName", report),
        tolerations: tolerations(keys, report),
        node_selector: labels(keys, "nodeSelector", report),
        topology_spread: topology_spread(keys, report),
        runtime_class,
        host_users: keys.flag("hostUsers", report),
        fs_group: id("fsGroup", report),
        run_as_user: id("runAsUser", report),
        run_as_group: id("runAsGroup", report),
        liveness: check::read(keys, "liveness", report),
        readiness: check::read(keys, "readiness", report),
        resources: resources(keys, report),
        labels: user_labels(keys, "podLabels", report),
        annotations: user_annotations(keys, settings, report),
        ndots: keys.number("ndots", 0..=15, report),
        image_volumes: keys.flag("imageVolumes", report),
        init: None,
        overlay,
    };
    if pod.run_as_user.is_some() && service.user.as_deref().is_some_and(|user| !user.is_empty()) {
        report.warn("conflict", &at.key("runAsUser"), "wins over `user`");
    }
    pod
}

fn ports(keys: &Keys, report: &mut Report) -> BTreeSet<Listen> {
    let mut found = BTreeSet::new();
    for (text, path) in keys.texts("ports", report) {
        match exposed(&text) {
            Some(listens) => found.extend(listens),
            None => report.refuse("port", &path, format!("{text:?} is not a port or a range of ports (1-65535)")),
        }
    }
    found
}

fn names_of(keys: &Keys, report: &mut Report) -> Vec<(String, Path)> {
    let mut found = keys.texts("names", report);
    found.retain(|(name, path)| {
        let legal = ObjectName::of_alias(name).is_some();
        if !legal {
            report.refuse("invalid-value", path, format!("{name:?} can't be the name of a Service: letters, digits and -, at most 63"));
        }
        legal
    });
    found
}

fn external(keys: &Keys, report: &mut Report) -> Option<String> {
    let (_, path) = keys.node("external")?;
    let host = keys.text("external", report)?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.parse::<std::net::IpAddr>().is_ok() {
        report.refuse("invalid-value", &path, format!("{host} is an address: DNS leads a name to another name alone"));
        return None;
    }
    if !names::is_subdomain(&host) {
        report.refuse("invalid-value", &path, format!("{host:?} is no host name such as db.example.com"));
        return None;
    }
    Some(host)
}

fn tolerations(keys: &Keys, report: &mut Report) -> Vec<Toleration> {
    let mut found = Vec::new();
    for (item, _) in keys.objects("tolerations", &["key", "operator", "value", "effect", "tolerationSeconds"], report) {
        let operators = [("Exists", "Exists"), ("Equal", "Equal"), ("Lt", "Lt"), ("Gt", "Gt")];
        let effects = [("NoSchedule", "NoSchedule"), ("PreferNoSchedule", "PreferNoSchedule"), ("NoExecute", "NoExecute")];
        found.push(Toleration {
            key: item.text("key", report),
            operator: item.word("operator", &operators, report).map(str::to_owned),
            value: item.text("value", report),
            effect: item.word("effect", &effects, report).map(str::to_owned),
            toleration_seconds: item.number("tolerationSeconds", 0..=i64::MAX, report),
        });
    }
    found
}

/// The pods that are counted are the service's own, always: their selector is filled in where the pod is made.
fn topology_spread(keys: &Keys, report: &mut Report) -> Vec<TopologySpreadConstraint> {
    let mut found = Vec::new();
    for (item, path) in keys.objects("topologySpread", &["topologyKey", "maxSkew", "whenUnsatisfiable", "minDomains"], report) {
        let Some(topology_key) = item.text("topologyKey", report).filter(|key| names::is_label_key(key)) else {
            report.refuse("missing", &path, "topologyKey must be the key of a label of nodes");
            continue;
        };
        let actions = [("DoNotSchedule", "DoNotSchedule"), ("ScheduleAnyway", "ScheduleAnyway")];
        let int = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        found.push(TopologySpreadConstraint {
            topology_key,
            max_skew: int(item.number("maxSkew", 1..=i64::from(i32::MAX), report).unwrap_or(1)),
            when_unsatisfiable: item.word("whenUnsatisfiable", &actions, report).unwrap_or("ScheduleAnyway").to_owned(),
            min_domains: item.number("minDomains", 1..=i64::from(i32::MAX), report).map(int),
            ..TopologySpreadConstraint::default()
        });
    }
    found
}

/// Extended resources: limits and requests alike.
fn resources(keys: &Keys, report: &mut Report) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, (value, path)) in keys.strings("resources", report) {
        let foreign = |domain: &str| domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io");
        let extended = names::is_label_key(&name) && name.split_once('/').is_some_and(|(domain, _)| foreign(domain));
        if !extended && !name.starts_with("hugepages-") {
            report.refuse(
                "invalid-value",
                &path,
                format!("{name:?} is no extended resource such as example.com/fpga; CPU and memory have `cpus`, `mem_limit` and `deploy.resources`"),
            );
        } else if !is_quantity(&value) {
            report.refuse("invalid-value", &path, format!("{value:?} is no quantity such as 1 or 512Mi"));
        } else {
            found.insert(name, value);
        }
    }
    found
}

fn user_labels(keys: &Keys, key: &str, report: &mut Report) -> BTreeMap<String, String> {
    let mut found = labels(keys, key, report);
    let written = keys.strings(key, report);
    found.retain(|name, _| {
        let reserved = crate::translate::labels::is_reserved(name);
        if let Some((_, path)) = written.get(name).filter(|_| reserved) {
            report.refuse("reserved-label", path, crate::translate::labels::RESERVED);
        }
        !reserved
    });
    found
}

fn user_annotations(keys: &Keys, settings: &Settings, report: &mut Report) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, (value, path)) in keys.strings("podAnnotations", report) {
        if crate::translate::labels::is_reserved(&name) {
            report.refuse("reserved-label", &path, crate::translate::labels::RESERVED);
        } else if !names::is_label_key(&name) {
            report.refuse("invalid-value", &path, format!("{name:?} is no legal key of an annotation"));
        } else if !settings.policy.allows_annotation(&name) {
            report.forbidden("annotation", &path, &format!("the annotation {name:?}"), "annotations");
        } else {
            found.insert(name, value);
        }
    }
    found
}

/// Brings together what was said, by whichever spelling, and refuses what can't go together.
pub fn consolidate(
    extension: &mut ServiceExtension,
    service: &Service,
    path: &Path,
    settings: &Settings,
    facts: &Facts,
    report: &mut Report,
) {
    let at = path.key(KEY);
    match (&extension.schedule, extension.kind) {
        (Some(_), None | Some(Kind::CronJob)) => extension.kind = Some(Kind::CronJob),
        (Some(_), Some(kind)) => report.refuse("conflict", &at.key("schedule"), format!("a {kind} has no schedule")),
        (None, Some(Kind::CronJob)) => report.refuse("missing", &at.key("kind"), "a CronJob needs `schedule`"),
        (None, _) => {}
    }
    if let Some(schedule) = &extension.schedule
        && !is_cron(&schedule.cron)
    {
        let message = format!("{:?} is no schedule: five fields such as \"*/5 * * * *\", or @hourly, @daily, …", schedule.cron);
        report.refuse("invalid-value", &at.key("schedule"), message);
    }
    if let (Some(account), Some(path)) = (&extension.pod.service_account, &extension.account_at)
        && !settings.policy.allows_service_account(account)
    {
        report.forbidden("service-account", path, &format!("the rights of the ServiceAccount {account:?}"), "serviceAccounts");
    }
    if extension.hpa.is_some() && !is_to_be_had(Kind::HorizontalPodAutoscaler, settings, facts, &at.key("hpa"), report) {
        extension.hpa = None;
    }
    if extension.pdb.is_some() && !is_to_be_had(Kind::PodDisruptionBudget, settings, facts, &at.key("pdb"), report) {
        extension.pdb = None;
    }
    if extension.hpa.is_some() && service.container_name.is_some() {
        report.refuse("container-name", &path.key("container_name"), "a container name is for one container, and hpa makes several");
    }
    if extension.external.is_some() {
        for (written, attribute) in
            [(!service.ports.is_empty(), "ports"), (service.image.is_some(), "image"), (service.build.is_some(), "build")]
        {
            if written {
                report.warn(
                    "no-effect",
                    &path.key(attribute.to_owned()),
                    "has no effect: the service is somewhere else (x-kubernetes.external)",
                );
            }
        }
    } else if service.provider.is_some() {
        let message = "nothing on a cluster runs programs of your machine; x-kubernetes.external: <host> says where the service is instead";
        report.refuse("refused", &path.key("provider"), message);
    }
}

fn is_cron(text: &str) -> bool {
    if let Some(word) = text.strip_prefix('@') {
        return matches!(word, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly");
    }
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let legal = |field: &&str| field.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ',' | '-' | '?'));
    fields.len() == 5 && fields.iter().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_five_fields_or_a_name() {
        for legal in ["* * * * *", "*/5 0-6 1,15 JAN ?", "@daily"] {
            assert!(is_cron(legal), "{legal}");
        }
        for wrong in ["", "* * * *", "* * * * * *", "@never", "every day at 5 o'clock", "TZ=UTC * * * * *"] {
            assert!(!is_cron(wrong), "{wrong}");
        }
    }
}

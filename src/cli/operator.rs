//! Flags of `compose-operator`. Each can be given as a variable of the environment too; the README has the table.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;

use crate::api::{NetworkPolicyMode, PublishMode, VolumeDefaults};
use crate::compose::decode::units;
use crate::controller::{Election, Options};
use crate::helper;
use crate::telemetry::log;
use crate::translate::{DefaultRequests, DnsPeers, Kind, OPTIONAL, Policy, Settings};

use super::policy;

/// Runs Compose stacks on Kubernetes.
#[derive(Parser, Debug)]
#[command(name = "compose-operator", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Reconcile the stacks of the cluster until SIGTERM or Ctrl-C.
    Run(Box<RunFlags>),
    /// Print the CustomResourceDefinition of ComposeStack.
    Crd,
    /// What the init containers of stacks' pods run.
    #[command(subcommand)]
    Helper(helper::Command),
}

#[derive(Args, Debug)]
pub struct RunFlags {
    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "COMPOSE_OPERATOR_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Wait until no other replica leads, by a Lease.
    #[arg(long, env = "COMPOSE_OPERATOR_LEADER_ELECT")]
    pub leader_elect: bool,
    /// The operator's own namespace: of the Lease, and of the stacks' last good revisions.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// This replica's name, in the Lease and in Events.
    #[arg(long, env = "POD_NAME", default_value = "compose-operator")]
    pub identity: String,
    /// What is logged: directives such as info,compose_operator=debug.
    #[arg(long, env = "COMPOSE_OPERATOR_LOG", default_value = "info")]
    pub log: String,
    #[arg(long, env = "COMPOSE_OPERATOR_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// How published ports leave the cluster, for stacks that don't say: LoadBalancer, NodePort or ClusterIP.
    #[arg(long, env = "COMPOSE_OPERATOR_PUBLISH", default_value = "NodePort", value_parser = named::<PublishMode>)]
    pub publish: PublishMode,
    /// Which networks become policies, for stacks that don't say: Declared, Isolated or Disabled.
    #[arg(long, env = "COMPOSE_OPERATOR_NETWORK_POLICY", default_value = "Declared", value_parser = named::<NetworkPolicyMode>)]
    pub network_policy: NetworkPolicyMode,
    /// Storage class of claims, for volumes and stacks that don't say; default is the cluster's.
    #[arg(long, env = "COMPOSE_OPERATOR_STORAGE_CLASS")]
    pub storage_class: Option<String>,
    /// Size of claims, for volumes and stacks that don't say.
    #[arg(long, env = "COMPOSE_OPERATOR_VOLUME_SIZE")]
    pub volume_size: Option<String>,
    /// Access mode of claims, for volumes and stacks that don't say.
    #[arg(long, env = "COMPOSE_OPERATOR_VOLUME_ACCESS_MODE")]
    pub volume_access_mode: Option<String>,
    /// How long a roll-out may take, for stacks that don't say.
    #[arg(long, env = "COMPOSE_OPERATOR_PROGRESS_DEADLINE", default_value = "10m", value_parser = duration)]
    pub progress_deadline: Duration,
    /// Image of the init containers that stacks' pods need, with this operator's binary at /compose-operator.
    #[arg(long, env = "COMPOSE_OPERATOR_HELPER_IMAGE")]
    pub helper_image: Option<String>,
    /// Domain of the cluster's DNS.
    #[arg(long, env = "COMPOSE_OPERATOR_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Kinds of objects beside the workloads that stacks may have; the operator needs no rights to the others.
    #[arg(
        long,
        env = "COMPOSE_OPERATOR_OPTIONAL_KINDS",
        default_value = "HorizontalPodAutoscaler,PodDisruptionBudget,Ingress,HTTPRoute",
        value_parser = optional_kinds
    )]
    pub optional_kinds: OptionalKinds,
    /// CPU that containers ask for that reserve none, in CPUs or as 50m; default is 10m.
    #[arg(long, env = "COMPOSE_OPERATOR_CPU_REQUEST", value_parser = cpu)]
    pub cpu_request: Option<i64>,
    /// Memory that containers ask for that reserve none; default is 32m.
    #[arg(long, env = "COMPOSE_OPERATOR_MEMORY_REQUEST", value_parser = memory)]
    pub memory_request: Option<i64>,
    /// Namespace of the cluster's DNS pods, which services on internal networks alone may still reach.
    #[arg(long, env = "COMPOSE_OPERATOR_DNS_NAMESPACE", default_value = "kube-system")]
    pub dns_namespace: String,
    /// Labels of the cluster's DNS pods, separated by commas.
    #[arg(long, env = "COMPOSE_OPERATOR_DNS_POD_LABELS", default_value = "k8s-app=kube-dns", value_delimiter = ',', value_parser = label)]
    pub dns_pod_labels: Vec<(String, String)>,
    /// Where node-local DNS listens, in CIDR notation, separated by commas.
    #[arg(long, env = "COMPOSE_OPERATOR_DNS_CIDRS", default_value = "169.254.20.10/32", value_delimiter = ',')]
    pub dns_cidrs: Vec<String>,
    /// Drop all capabilities, and the way to more, of services that add none.
    #[arg(long, env = "COMPOSE_OPERATOR_LEAST_PRIVILEGE")]
    pub least_privilege: bool,
    /// File that says what stacks may ask for beyond their own pods; default is nothing.
    #[arg(long, env = "COMPOSE_OPERATOR_POLICY", value_name = "FILE", value_parser = policy::read)]
    pub policy: Option<Policy>,
}

/// Some of the optional kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalKinds(BTreeSet<Kind>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl From<LogFormat> for log::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

impl RunFlags {
    /// How the operator runs.
    pub fn options(&self) -> Options {
        Options {
            kubeconfig: None,
            settings: self.settings(),
            listen: Some(self.listen),
            namespace: Some(self.namespace.clone()),
            election: self.leader_elect.then(|| Election { namespace: self.namespace.clone() }),
            instance: self.identity.clone(),
        }
    }

    /// What the admin settles for all stacks.
    fn settings(&self) -> Settings {
        Settings {
            publish: self.publish,
            network_policy: self.network_policy,
            volumes: VolumeDefaults {
                storage_class_name: self.storage_class.clone(),
                size: self.volume_size.clone(),
                access_mode: self.volume_access_mode.clone(),
            },
            progress_deadline: self.progress_deadline.as_secs(),
            helper_image: self.helper_image.clone().filter(|image| !image.is_empty()),
            cluster_domain: Some(self.cluster_domain.clone()).filter(|domain| !domain.is_empty()),
            without: OPTIONAL.into_iter().filter(|kind| !self.optional_kinds.0.contains(kind)).collect(),
            default_requests: DefaultRequests { cpu_milli: self.cpu_request, memory_bytes: self.memory_request },
            dns: DnsPeers {
                namespace: self.dns_namespace.clone(),
                pod_labels: self.dns_pod_labels.iter().cloned().collect(),
                cidrs: self.dns_cidrs.iter().filter(|cidr| !cidr.is_empty()).cloned().collect(),
            },
            policy: self.policy.clone().unwrap_or_default(),
            least_privilege: self.least_privilege,
            ..Settings::default()
        }
    }
}

/// CPUs as a decimal number, or thousandths with an `m`, in thousandths.
fn cpu(text: &str) -> Result<i64, String> {
    let whole = |number: &str, fraction: &str| {
        let digits = format!("{fraction:0<3}");
        (fraction.len() <= 3).then(|| format!("{number}{digits}").parse::<i64>().ok()).flatten()
    };
    let milli = match text.strip_suffix('m') {
        Some(milli) => milli.parse::<i64>().ok(),
        None => text.split_once('.').map_or_else(|| whole(text, ""), |(number, fraction)| whole(number, fraction)),
    };
    milli.filter(|milli| *milli > 0).ok_or_else(|| "expected CPUs to the thousandth, such as 0.1 or 100m".to_owned())
}

/// A Compose size.
fn memory(text: &str) -> Result<i64, String> {
    units::bytes(text).filter(|bytes| *bytes > 0).ok_or_else(|| "expected a size, such as 64m".to_owned())
}

/// `key=value`.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "expected key=value".to_owned())?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// Names of optional kinds, with commas between them.
fn optional_kinds(text: &str) -> Result<OptionalKinds, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let kind = |name: &str| {
        OPTIONAL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            let allowed: Vec<&str> = OPTIONAL.iter().map(|kind| kind.as_str()).collect();
            format!("{name:?} is not one of {}", allowed.join(", "))
        })
    };
    names.map(kind).collect::<Result<_, _>>().map(OptionalKinds)
}

/// A word of one of the resource's enums.
pub(super) fn named<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    serde_json::from_value(word.into()).map_err(|error| error.to_string())
}

/// A Compose duration of at least a second.
fn duration(text: &str) -> Result<Duration, String> {
    let nanoseconds = units::duration(text).and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
    let duration = nanoseconds.map(Duration::from_nanos).filter(|duration| duration.as_secs() > 0);
    duration.ok_or_else(|| "expected a duration of at least a second, such as 90s or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Settings, String> {
        let all = ["compose-operator", "run"].iter().chain(arguments);
        match Arguments::try_parse_from(all).map_err(|error| error.to_string())?.command {
            Command::Run(flags) => Ok(flags.settings()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn without_flags_the_settings_are_those_that_are_shipped() {
        let settings = parse(&[]);
        let shipped = Settings { progress_deadline: 600, cluster_domain: Some("cluster.local".to_owned()), ..Settings::default() };
        assert_eq!(settings, Ok(shipped));
    }

    #[test]
    fn words_of_the_resource_are_words_of_the_flags() {
        assert_eq!(parse(&["--publish=ClusterIP"]).map(|settings| settings.publish), Ok(PublishMode::ClusterIp));
        assert!(parse(&["--publish=Ingress"]).is_err_and(|error| error.contains("LoadBalancer")));
    }

    #[test]
    fn kinds_that_are_not_named_are_done_without() {
        let without = |flag: &str| parse(&[flag]).map(|settings| settings.without);
        assert_eq!(
            without("--optional-kinds=Ingress,HTTPRoute"),
            Ok(BTreeSet::from([Kind::HorizontalPodAutoscaler, Kind::PodDisruptionBudget]))
        );
        assert_eq!(without("--optional-kinds="), Ok(BTreeSet::from(OPTIONAL)));
        assert!(without("--optional-kinds=Gateway").is_err_and(|error| error.contains("HTTPRoute")));
    }

    #[test]
    fn requests_are_thousandths_and_bytes() {
        let requests = |arguments: &[&str]| parse(arguments).map(|settings| settings.default_requests);
        let expected = |cpu_milli, memory_bytes| Ok(DefaultRequests { cpu_milli, memory_bytes });
        assert_eq!(requests(&["--cpu-request=50m", "--memory-request=64m"]), expected(Some(50), Some(64 << 20)));
        assert_eq!(requests(&["--cpu-request=0.1"]), expected(Some(100), None));
        assert_eq!(requests(&["--cpu-request=2"]), expected(Some(2000), None));
        for wrong in ["--cpu-request=0", "--cpu-request=0.0001", "--cpu-request=many", "--memory-request=64Mi", "--memory-request=0"] {
            assert!(requests(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dns_is_where_the_flags_say() {
        let dns = |arguments: &[&str]| parse(arguments).map(|settings| settings.dns);
        let labels = [("app", "coredns"), ("tier", "x")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let expected = DnsPeers { namespace: "dns".to_owned(), pod_labels: labels.into(), cidrs: Vec::new() };
        assert_eq!(dns(&["--dns-namespace=dns", "--dns-pod-labels=app=coredns,tier=x", "--dns-cidrs="]), Ok(expected));
        assert!(dns(&["--dns-pod-labels=app"]).is_err());
    }

    #[test]
    fn a_policy_that_is_none_is_told() {
        assert!(parse(&["--policy=/nowhere/policy.yaml"]).is_err_and(|error| error.contains("--policy <FILE>")));
    }

    #[test]
    fn a_deadline_is_a_compose_duration() {
        assert_eq!(parse(&["--progress-deadline=1h30m"]).map(|settings| settings.progress_deadline), Ok(5400));
        assert!(parse(&["--progress-deadline=90"]).is_err());
        assert!(parse(&["--progress-deadline=0s"]).is_err());
    }
}

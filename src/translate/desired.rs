use std::collections::BTreeMap;

use crate::compose::model::{DependencyCondition, FailureAction};

use super::hash;
use super::object::{Key, Kind, Object};

/// All that a stack is to become.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// Every object by key, workloads included, whether or not their gates are open yet. Each carries the annotation
    /// `compose-operator.dev/inputs`. Workload objects carry the wanted replicas (0 where stopped).
    pub objects: BTreeMap<Key, Object>,
    /// Every active service, in the order of the file, by its key there.
    pub services: Vec<ServicePlan>,
    /// Networks that the stack has itself, by engine-wide name, with their keys: the `external` networks of other stacks in the namespace.
    pub networks: BTreeMap<String, String>,
}

/// How a service's run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Runs for ever: restart always or unless-stopped.
    Forever,
    /// Absent restart policy or on-failure as a Deployment: `Completed` once every replica waits in CrashLoopBackOff after exit code 0.
    UntilSuccess {
        /// `on-failure:n`: failures after which it is given up.
        attempts: Option<u32>,
    },
    /// A Job.
    Once,
}

/// One service as decide sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePlan {
    /// Key in the Compose file.
    pub name: String,
    /// The workload's kind and name. A Job's name ends in a hash of its inputs.
    pub workload: Key,
    /// Legal object name; value of the label `compose-operator.dev/service`.
    pub object_name: String,
    /// Object name of the service in whose pods it runs: its own, unless it shares another's. Then the workload is that one's, and so are
    /// the gates and external resources: nothing is to be done for this service alone.
    pub pod: String,
    /// Name of its container.
    pub container: String,
    /// Containers of other services in the same pods.
    pub mates: Vec<String>,
    /// What runs once before any replica.
    pub pre_start: Option<PreStart>,
    /// Hash of what user and admin determine, replicas aside; equal to the workload's annotation.
    pub inputs: String,
    pub image: String,
    /// Wanted replicas: 0 where the stack or the service is stopped; for a DaemonSet 1 stands for "as many as there are nodes".
    pub replicas: i32,
    /// The least and the most replicas of an autoscaler, which has the number then: `replicas` are what it begins with.
    pub autoscaled: Option<(i32, i32)>,
    /// Stopped by `spec.stopped` or `spec.services.<name>.stopped`: DaemonSets and unfinished Jobs are deleted, Deployments scaled to 0.
    pub stopped: bool,
    pub lifetime: Lifetime,
    /// Seconds after which a run that ends has been a good one: failures before it don't count any more.
    pub restart_window: Option<u64>,
    pub gates: Vec<Gate>,
    /// External resources that must exist before the workload is written.
    pub externals: Vec<External>,
    /// The Service that publishes its ports, and the ports.
    pub endpoints: Vec<Endpoint>,
    /// Names under which its published ports answer, each with the object that sees to it.
    pub urls: Vec<(Key, String)>,
    /// Seconds that a roll-out may take before it counts as failed.
    pub progress_deadline: u64,
    /// What follows when a roll-out fails, where the file says something of it.
    pub on_failure: Option<OnFailure>,
}

/// What follows when the roll-out of a service fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnFailure {
    /// `Pause` or `Rollback`.
    pub action: FailureAction,
    /// The share of the new replicas that may fail.
    pub tolerated: f64,
}

/// Steps that run once before any replica of a service: a Job, and who knows whether it has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreStart {
    pub workload: Key,
    /// Hash of what user and admin determine of the steps: when it changes they run again.
    pub inputs: String,
    /// Value of the label `compose-operator.dev/service` of its pods.
    pub pod: String,
}

/// An entry of `depends_on`, or what links, shared namespaces and `volumes_from` imply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Key of the dependency in the Compose file.
    pub service: String,
    pub condition: DependencyCondition,
    /// `false`: a missing or failed dependency only warns.
    pub required: bool,
    /// The dependent is restarted after the dependency's roll-out.
    pub restart: bool,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name of the `<service>--published` Service.
    pub service: String,
    /// Port of that Service.
    pub port: i32,
    /// Port in the container.
    pub target: i32,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// What an `external: true` resource is looked up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExternalKind {
    /// A network that another stack of the namespace, or the namespace's label, offers.
    Network,
    PersistentVolumeClaim,
    ConfigMap,
    Secret,
}

/// An external resource that a service needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct External {
    pub kind: ExternalKind,
    pub name: String,
    /// `networks.default`: where the file names it.
    pub path: String,
}

impl Desired {
    /// The plan of a service by its key in the Compose file.
    pub fn service(&self, name: &str) -> Option<&ServicePlan> {
        self.services.iter().find(|s| s.name == name)
    }

    /// Hash of the inputs of everything, replicas included: it tells one revision of a stack from another.
    pub fn inputs(&self) -> String {
        let objects = self.objects.iter().map(|(key, object)| format!("{key}={}\n", object.inputs()));
        let services = self.services.iter().map(|s| format!("{}={}x{}\n", s.name, s.inputs, s.replicas));
        hash::of_bytes(objects.chain(services).collect::<String>().as_bytes())
    }

    /// Whether a revision of the stack that is ready is to be kept, so that a failed update can be undone.
    pub fn is_to_be_kept(&self) -> bool {
        self.services.iter().any(|s| s.on_failure.is_some_and(|f| f.action == FailureAction::Rollback))
    }
}

impl ServicePlan {
    pub fn kind(&self) -> Kind {
        self.workload.kind
    }

    /// Whether it runs in the pods of another service.
    pub fn is_guest(&self) -> bool {
        self.pod != self.object_name
    }
}

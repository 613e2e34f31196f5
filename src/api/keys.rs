//! Constants: labels, annotations, conditions and reasons. Nothing else in the crate spells one of them.
//!
//! # Facts that outlive the process
//! Memory alone decides nothing. What `decide` must remember stands here and nowhere else:
//!
//! | fact | where |
//! |---|---|
//! | the inputs an object was written for | annotation [`INPUTS`] on the object |
//! | which fields of an object are ours, after our last write | `status.objects[].fields` |
//! | the inputs at which a service last met its condition | `status.services[].met` |
//! | the inputs at which a run-to-completion service has completed | `status.services[].completed` |
//! | that the steps which run once before a service have completed, or failed, and at which generation | `status.services[].preStart` |
//! | the addresses that a Service is made with again | `status.objects[].address` |
//! | that a service's roll-out has failed, so that it is paused | `status.services[].failedUpdate` |
//! | restarts that don't count as attempts | `status.services[].forgiven` |
//! | that there is a record of a revision that was ready (a Secret in the operator's own namespace) | `status.revision` |
//! | that an update has failed and is undone | `status.rolledBack` |
//! | that a dependency's roll-out restarted this service | annotation [`RESTARTED_FOR`] on the pod template |
//! | whose a claim is | annotations [`STACK`] and [`VOLUME`] on the claim |

/// Group of the resource, and prefix of our labels and annotations.
pub const GROUP: &str = "compose-operator.dev";
/// Field manager of all our writes to objects.
pub const MANAGER: &str = "compose-operator";
/// Field manager that holds a workload's replicas from when they stop being ours until its autoscaler sets them.
pub const SCALE_MANAGER: &str = "compose-operator-scale";
/// Field manager of what the plugin writes; value of [`MANAGED_BY`] on what it makes beside a stack.
pub const PLUGIN: &str = "kubectl-compose";
/// Field manager of our writes to a stack's status.
pub const STATUS_MANAGER: &str = "compose-operator-status";

/// Value of [`MANAGED_BY`] on every object of ours; the caches select by it.
pub const MANAGED_BY_VALUE: &str = "compose-operator";
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub const NAME: &str = "app.kubernetes.io/name";
pub const INSTANCE: &str = "app.kubernetes.io/instance";
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";

/// Label (and, on claims, annotation): the stack's name.
pub const STACK: &str = "compose-operator.dev/stack";
/// Label: the legal object name of a service. Annotation: its key in the Compose file.
pub const SERVICE: &str = "compose-operator.dev/service";
/// Annotation of pods that run several services: name of each one's container → its key in the Compose file, as JSON.
pub const CONTAINERS: &str = "compose-operator.dev/containers";
/// Annotation of claims: the volume's key in the Compose file.
pub const VOLUME: &str = "compose-operator.dev/volume";
/// Annotation: hash of what user and admin determine of an object.
pub const INPUTS: &str = "compose-operator.dev/inputs";
/// Annotation by which a foreign object's owner hands it to a stack.
pub const ADOPT: &str = "compose-operator.dev/adopt";
/// Annotation of claims: `data` where the content lies in the subdirectory `data`.
pub const LAYOUT: &str = "compose-operator.dev/layout";
/// Annotation of pod templates: the dependency's inputs for which this service was restarted.
pub const RESTARTED_FOR: &str = "compose-operator.dev/restarted-for";
/// Annotation of pod templates: `spec.services.<name>.restartedAt`.
pub const RESTARTED_AT: &str = "compose-operator.dev/restarted-at";
/// Annotation of pod templates: the Compose labels as JSON.
pub const LABELS: &str = "compose-operator.dev/labels";
/// Annotation of a config's or secret's object: the name by which an engine would know it.
pub const CONTENT_NAME: &str = "compose-operator.dev/content-name";
/// Annotation of published Services: the names of ports in the file that are none in Kubernetes, as JSON.
pub const PORT_NAMES: &str = "compose-operator.dev/port-names";
/// Label of the Secrets that keep revisions: the UID of the stack.
pub const REVISION_OF: &str = "compose-operator.dev/revision-of";
/// Label prefix: membership of a network of the stack, by object name.
pub const NETWORK_PREFIX: &str = "compose-operator.dev/net.";
/// Label prefix: membership of a network by its engine-wide name.
pub const NETWORK_NAME_PREFIX: &str = "compose-operator.dev/net-name.";
/// Label prefix on namespaces: an external network that the namespace offers.
pub const NAMESPACE_NETWORK_PREFIX: &str = "compose-operator.dev/network.";
/// Label prefix on pods: an alias that several services share.
pub const ALIAS_PREFIX: &str = "compose-operator.dev/alias.";
/// Annotation of Argo CD, on claims: neither pruned nor deleted with the application.
pub const ARGO_SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// Types of conditions (kstatus).
pub mod condition {
    pub const READY: &str = "Ready";
    pub const RECONCILING: &str = "Reconciling";
    pub const STALLED: &str = "Stalled";
}

/// Reasons of conditions and Events.
pub mod reason {
    pub const READY: &str = "Ready";
    pub const PROGRESSING: &str = "Progressing";
    pub const WAITING_FOR: &str = "WaitingFor";
    pub const WAITING_FOR_DELETION: &str = "WaitingForDeletion";
    pub const INVALID_SPEC: &str = "InvalidSpec";
    pub const SOURCE_MISSING: &str = "SourceMissing";
    pub const NAME_CONFLICT: &str = "NameConflict";
    pub const FORBIDDEN: &str = "Forbidden";
    pub const EXTERNAL_RESOURCE_MISSING: &str = "ExternalResourceMissing";
    pub const SERVICE_FAILED: &str = "ServiceFailed";
    pub const DEPENDENCY_FAILED: &str = "DependencyFailed";
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
    pub const ROLLED_BACK: &str = "RolledBack";
    pub const RESTART_LIMIT_REACHED: &str = "RestartLimitReached";
    pub const SUSPENDED: &str = "Suspended";
    pub const STOPPED: &str = "Stopped";
    /// Event: a field or object of ours that somebody else changed is put back.
    pub const DRIFT_REPAIRED: &str = "DriftRepaired";
    /// Event: an object was made.
    pub const CREATED: &str = "Created";
    /// Event: an object was changed.
    pub const UPDATED: &str = "Updated";
    /// Event: an object that left the file was deleted.
    pub const PRUNED: &str = "Pruned";
    /// Event: keys of the file that have no effect here, or another one than in Compose.
    pub const KEYS_WITHOUT_EFFECT: &str = "KeysWithoutEffect";
    /// Event: a run-to-completion service completed.
    pub const COMPLETED: &str = "Completed";
}

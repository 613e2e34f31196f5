//! The containers of a stack's services, as the API server last knew them, in docker's words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container as Spec, ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;

use crate::api::keys;
use crate::cli::age;
use crate::translate::ObjectName;

/// A container that runs a service.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// Key of the service in the Compose file.
    pub service: &'a str,
    pub pod: &'a Pod,
    pub spec: &'a Spec,
    pub status: Option<&'a ContainerStatus>,
}

/// What a container does, as docker compose tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not yet started.
    Created,
    Running,
    /// It ended, and is started again after a while.
    Restarting,
    /// Its pod ends.
    Removing,
    Exited,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Created, Self::Running, Self::Restarting, Self::Removing, Self::Exited];

    pub fn word(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running => "running",
            State::Restarting => "restarting",
            State::Removing => "removing",
            State::Exited => "exited",
        }
    }
}

/// The containers of services in pods, by service and age.
pub fn of_pods(pods: &[Pod]) -> Vec<Container<'_>> {
    let mut found: Vec<Container<'_>> = pods.iter().flat_map(of_pod).collect();
    found.sort_by_key(|container| (container.service, container.pod.creation_timestamp(), container.pod.metadata.name.as_deref()));
    found
}

fn of_pod(pod: &Pod) -> Vec<Container<'_>> {
    let containers = pod.spec.as_ref().map_or(&[][..], |spec| spec.containers.as_slice());
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let service = |spec: &Spec| service(pod, containers, &spec.name);
    let status = |spec: &Spec| statuses.iter().find(|status| status.name == spec.name);
    containers.iter().filter_map(|spec| Some(Container { service: service(spec)?, pod, spec, status: status(spec) })).collect()
}

/// The service that a container runs; none for those that others have put into the pod.
fn service<'a>(pod: &'a Pod, containers: &[Spec], name: &str) -> Option<&'a str> {
    let annotations = pod.metadata.annotations.as_ref()?;
    let host = annotations.get(keys::SERVICE)?;
    if let Some(known) = annotations.get(keys::CONTAINERS) {
        let services: BTreeMap<&str, &str> = serde_json::from_str(known).ok()?;
        return services.get(name).copied();
    }
    // What its steps before the start say is not the service's.
    let object = pod.labels().get(keys::SERVICE).filter(|label| !ObjectName::is_before(label))?;
    let named = containers.iter().find(|other| other.name == *object).or(containers.first());
    named.filter(|own| own.name == name).map(|_| host.as_str())
}

impl<'a> Container<'a> {
    /// The command line, as far as the pod says: what the image brings is not known.
    pub fn command(&self) -> String {
        let words = self.spec.command.iter().chain(&self.spec.args).flatten();
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    pub fn image(&self) -> &'a str {
        self.spec.image.as_deref().unwrap_or_default()
    }

    pub fn pod_name(&self) -> &'a str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// When its pod was made.
    pub fn created(&self) -> Option<Timestamp> {
        Some(self.pod.metadata.creation_timestamp.as_ref()?.0)
    }

    pub fn state(&self) -> State {
        let state = self.status.and_then(|status| status.state.as_ref());
        match state {
            _ if self.pod.metadata.deletion_timestamp.is_some() => State::Removing,
            Some(state) if state.running.is_some() => State::Running,
            Some(state) if state.terminated.is_some() => State::Exited,
            Some(_) if self.last().is_some() => State::Restarting,
            _ => State::Created,
        }
    }

    /// Exit code of a container that has ended.
    pub fn exit_code(&self) -> i32 {
        match self.state() {
            State::Exited | State::Restarting => self.ended().map_or(0, |ended| ended.exit_code),
            _ => 0,
        }
    }

    /// `starting`, `healthy` or `unhealthy`, where the service has a healthcheck.
    pub fn health(&self) -> Option<&'static str> {
        self.spec.readiness_probe.as_ref()?;
        let status = self.status.filter(|_| self.state() == State::Running)?;
        if status.ready {
            return Some("healthy");
        }
        // A pod that has never been ready says so since it was made.
        let since = self.condition("Ready").and_then(|ready| Some(ready.last_transition_time.as_ref()?.0));
        let started = status.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0;
        Some(if since.is_some_and(|since| since > started) { "unhealthy" } else { "starting" })
    }

    /// Docker's words: `Up 3 minutes (healthy)`, `Exited (1) 5 seconds ago`; why it isn't started, where it isn't.
    pub fn told(&self, now: Timestamp) -> String {
        let ago = |ended: &ContainerStateTerminated| {
            ended.finished_at.as_ref().map_or_else(String::new, |at| format!(" {} ago", age::since(at.0, now)))
        };
        match self.state() {
            State::Removing => "Removal In Progress".to_owned(),
            State::Running => {
                let started = self.status.and_then(|status| status.state.as_ref()?.running.as_ref()?.started_at.as_ref());
                let up = started.map_or_else(|| "Up".to_owned(), |at| format!("Up {}", age::since(at.0, now)));
                match self.health() {
                    Some("starting") => format!("{up} (health: starting)"),
                    Some(health) => format!("{up} ({health})"),
                    None => up,
                }
            }
            State::Exited => self.ended().map_or_else(|| "Exited".to_owned(), |e| format!("Exited ({}){}", e.exit_code, ago(e))),
            State::Restarting => self.last().map_or_else(|| "Restarting".to_owned(), |e| format!("Restarting ({}){}", e.exit_code, ago(e))),
            State::Created => match self.held_by() {
                Some(reason) => format!("Created ({reason})"),
                None => "Created".to_owned(),
            },
        }
    }

    /// Why a container isn't started yet, where it isn't just on its way.
    fn held_by(&self) -> Option<&'a str> {
        let waiting = self.status.and_then(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        let scheduled = self.condition("PodScheduled").filter(|condition| condition.status == "False");
        let scheduled = scheduled.and_then(|condition| condition.reason.as_deref());
        waiting.filter(|reason| !matches!(*reason, "ContainerCreating" | "PodInitializing")).or(scheduled)
    }

    fn condition(&self, kind: &str) -> Option<&'a k8s_openapi::api::core::v1::PodCondition> {
        self.pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
    }

    /// Exit code of a container that has ended and isn't started again.
    pub fn ended_with(&self) -> Option<i32> {
        let terminated = self.status?.state.as_ref()?.terminated.as_ref()?;
        Some(terminated.exit_code)
    }

    fn ended(&self) -> Option<&'a ContainerStateTerminated> {
        self.status.and_then(|status| status.state.as_ref()?.terminated.as_ref()).or_else(|| self.last())
    }

    /// How it ended the last time.
    fn last(&self) -> Option<&'a ContainerStateTerminated> {
        self.status.and_then(|status| status.last_state.as_ref()?.terminated.as_ref())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T01:00:00Z";

    fn pod(annotations: &Value, spec: &Value, status: &Value) -> Pod {
        let metadata = json!({
            "name": "web-1",
            "labels": {"compose-operator.dev/service": "web"},
            "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
    }

    #[track_caller]
    fn check(status: &Value, expected: (State, &str)) {
        let spec = json!({"containers": [{"name": "web", "readinessProbe": {}}]});
        let pod = pod(&json!({"compose-operator.dev/service": "web"}), &spec, status);
        let found = of_pods(std::slice::from_ref(&pod));
        let told = found[0].told(NOW.parse().unwrap());
        assert_eq!((found[0].state(), told.as_str()), expected);
    }

    fn with_state(ready: bool, state: &Value, last: &Value) -> Value {
        let container = json!({
            "name": "web", "ready": ready, "restartCount": 1, "image": "", "imageID": "", "state": state, "lastState": last,
        });
        let unready = json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:30:00Z"});
        json!({"containerStatuses": [container], "conditions": [unready]})
    }

    #[test]
    fn containers_are_told_in_the_words_of_docker() {
        let running = |at: &str| json!({"running": {"startedAt": at}});
        let ended = json!({"terminated": {"exitCode": 3, "finishedAt": "2026-01-01T00:59:55Z"}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        check(&with_state(true, &running("2026-01-01T00:57:00Z"), &json!({})), (State::Running, "Up 3 minutes (healthy)"));
        check(&with_state(false, &running("2026-01-01T00:57:00Z"), &json!({})), (State::Running, "Up 3 minutes (health: starting)"));
        check(&with_state(false, &running("2026-01-01T00:10:00Z"), &json!({})), (State::Running, "Up 50 minutes (unhealthy)"));
        check(&with_state(false, &ended, &json!({})), (State::Exited, "Exited (3) 5 seconds ago"));
        check(&with_state(false, &waiting("CrashLoopBackOff"), &ended), (State::Restarting, "Restarting (3) 5 seconds ago"));
        check(&with_state(false, &waiting("ImagePullBackOff"), &json!({})), (State::Created, "Created (ImagePullBackOff)"));
        check(&with_state(false, &waiting("ContainerCreating"), &json!({})), (State::Created, "Created"));
        let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
        check(&unscheduled, (State::Created, "Created (Unschedulable)"));
    }

    #[test]
    fn steps_before_the_start_are_no_containers_of_the_service() {
        let spec = json!({"containers": [{"name": "web--pre-start-1"}]});
        let mut pod = pod(&json!({"compose-operator.dev/service": "web"}), &spec, &json!({}));
        pod.labels_mut().insert("compose-operator.dev/service".to_owned(), "web--pre-start".to_owned());
        assert!(of_pods(&[pod]).is_empty());
    }

    #[test]
    fn containers_of_others_in_a_pod_are_none_of_a_service() {
        let service = |annotations: Value, names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            let pod = pod(&annotations, &json!({"containers": containers}), &json!({}));
            let found = of_pods(std::slice::from_ref(&pod));
            found.iter().map(|container| format!("{}={}", container.spec.name, container.service)).collect::<Vec<_>>()
        };
        let host = json!({"compose-operator.dev/service": "web"});
        assert_eq!(service(host.clone(), &["mesh-proxy", "web"]), ["web=web"]);
        assert_eq!(service(host, &["shop-web", "mesh-proxy"]), ["shop-web=web"]);
        let both = json!({"compose-operator.dev/service": "web", "compose-operator.dev/containers": r#"{"web":"web","side":"tail"}"#});
        assert_eq!(service(both, &["mesh-proxy", "web", "side"]), ["side=tail", "web=web"]);
    }
}

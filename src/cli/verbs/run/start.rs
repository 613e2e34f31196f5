//! How far a one-off container has come.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::cluster::session::exec::End;

/// Reasons that pass only if somebody does something.
const HOPELESS: [&str; 5] =
    ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"];

/// Whether a container has been started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It runs, or has run.
    Done,
    /// Not yet, and for what reason where that is a particular one.
    Pending(Option<String>),
    Impossible(String),
}

/// Whether the pod's container has been started.
pub fn of(pod: &Pod, container: &str) -> Start {
    let Some(status) = &pod.status else { return Start::Pending(None) };
    let own = status.container_statuses.iter().flatten().find(|status| status.name == container);
    if own.is_some_and(|own| own.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())) {
        return Start::Done;
    }
    if status.phase.as_deref() == Some("Failed") {
        let failed = status.init_container_statuses.iter().flatten().find_map(failure);
        let words = failed.or_else(|| status.message.clone()).or_else(|| status.reason.clone());
        return Start::Impossible(words.unwrap_or_else(|| "the pod has failed".to_owned()));
    }
    let all = || status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let waiting = || all().filter_map(|status| status.state.as_ref()?.waiting.as_ref());
    let told = |reason: &str, message: Option<&String>| message.map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}"));
    let hopeless = waiting().find(|waiting| waiting.reason.as_deref().is_some_and(|reason| HOPELESS.contains(&reason)));
    if let Some(hopeless) = hopeless {
        return Start::Impossible(told(hopeless.reason.as_deref().unwrap_or_default(), hopeless.message.as_ref()));
    }
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions.find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    Start::Pending(unscheduled.map(|condition| told(condition.reason.as_deref().unwrap_or_default(), condition.message.as_ref())))
}

fn failure(status: &ContainerStatus) -> Option<String> {
    let ended = status.state.as_ref()?.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    Some(format!("{} ended with {}", status.name, ended.exit_code))
}

/// How the pod's container ended; none while it runs.
pub fn end(pod: &Pod, container: &str) -> Option<End> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref();
    let own = statuses.and_then(|statuses| statuses.iter().find(|status| status.name == container));
    let ended = own.and_then(|own| own.state.as_ref()?.terminated.as_ref());
    match (ended, pod.status.as_ref()?.phase.as_deref()) {
        (Some(ended), _) if ended.reason.as_deref() == Some("StartError") => Some(End::Failed(ended.message.clone().unwrap_or_default())),
        (Some(ended), _) => Some(End::Exited(ended.exit_code)),
        // As when its node is lost, or it is evicted.
        (None, Some("Failed")) => {
            Some(End::Failed(pod.status.as_ref()?.message.clone().unwrap_or_else(|| "the pod has failed".to_owned())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "web-run-1"}, "spec": {"containers": []}, "status": status})).unwrap()
    }

    fn state(state: &Value) -> Value {
        json!({"containerStatuses": [{"name": "web", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": state}]})
    }

    #[test]
    fn what_can_never_be_started_is_told_from_what_takes_its_time() {
        let of = |status: &Value| of(&pod(status), "web");
        assert_eq!(of(&json!({"phase": "Pending"})), Start::Pending(None));
        assert_eq!(of(&state(&json!({"waiting": {"reason": "ContainerCreating"}}))), Start::Pending(None));
        assert_eq!(of(&state(&json!({"running": {}}))), Start::Done);
        let pull = state(&json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}));
        assert_eq!(of(&pull), Start::Impossible("ImagePullBackOff: no such image".to_owned()));
        let unscheduled = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"});
        assert_eq!(of(&json!({"conditions": [unscheduled]})), Start::Pending(Some("Unschedulable: 0/1 nodes".to_owned())));
        assert_eq!(of(&json!({"phase": "Failed", "message": "evicted"})), Start::Impossible("evicted".to_owned()));
    }

    #[test]
    fn an_end_is_an_exit_code_or_why_there_is_none() {
        let end = |status: &Value| end(&pod(status), "web");
        assert_eq!(end(&state(&json!({"running": {}}))), None);
        assert_eq!(end(&state(&json!({"terminated": {"exitCode": 7}}))), Some(End::Exited(7)));
        let start = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such program"}});
        assert_eq!(end(&state(&start)), Some(End::Failed("no such program".to_owned())));
        assert_eq!(end(&json!({"phase": "Failed", "message": "evicted"})), Some(End::Failed("evicted".to_owned())));
    }
}

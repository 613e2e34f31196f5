//! Which container of a service is meant.

use jiff::Timestamp;

use crate::api::ComposeStack;
use crate::cli::error::Error;

use super::containers::{Container, State};
use super::known;

/// A service's replica by its age, from 1.
pub fn nth<'a>(containers: &[Container<'a>], service: &str, index: usize) -> Result<Container<'a>, Error> {
    let mut replicas = containers.iter().filter(|container| container.service == service);
    let found = index.checked_sub(1).and_then(|index| replicas.nth(index));
    found.copied().ok_or_else(|| Error::NoReplica { service: service.to_owned(), index })
}

/// A service's container that runs: the replica of this number, or the oldest that is ready, or the oldest.
pub fn running<'a>(
    stack: &ComposeStack,
    containers: &[Container<'a>],
    service: &str,
    index: Option<usize>,
    now: Timestamp,
) -> Result<Container<'a>, Error> {
    known::check(stack, &[service.to_owned()])?;
    let not_running = |state: Option<String>| Error::NotRunning { service: service.to_owned(), state };
    if let Some(index) = index {
        let found = nth(containers, service, index)?;
        return if found.state() == State::Running { Ok(found) } else { Err(not_running(Some(found.told(now)))) };
    }
    let own = || containers.iter().filter(|container| container.service == service);
    let mut running = own().filter(|container| container.state() == State::Running);
    let ready = running.clone().find(|container| container.status.is_some_and(|status| status.ready));
    let found = ready.or_else(|| running.next()).copied();
    found.ok_or_else(|| not_running(own().next().map(|container| container.told(now)).or_else(|| told(stack, service))))
}

/// What the stack's status says of a service without containers.
fn told(stack: &ComposeStack, service: &str) -> Option<String> {
    let status = stack.status.iter().flat_map(|status| &status.services).find(|status| status.name == service)?;
    let message = status.message.as_deref().map_or_else(String::new, |message| format!(", {message}"));
    Some(format!("{:?}{message}", status.state))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{ComposeStackStatus, ServiceStatus};
    use crate::cli::verbs::containers::of_pods;

    fn pod(name: &str, age: u32, ready: bool, state: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": {"compose-operator.dev/service": "web"},
                "annotations": {"compose-operator.dev/service": "web"},
                "creationTimestamp": format!("2026-01-01T00:00:{:02}Z", 30 - age),
            },
            "spec": {"containers": [{"name": "web"}]},
            "status": {"containerStatuses": [
                {"name": "web", "ready": ready, "restartCount": 0, "image": "", "imageID": "", "state": state},
            ]},
        }))
        .unwrap()
    }

    fn found(pods: &[Pod], service: &str, index: Option<usize>) -> Result<String, String> {
        let status = ComposeStackStatus {
            observed_generation: Some(1),
            services: vec![ServiceStatus { name: "web".to_owned(), ..ServiceStatus::default() }],
            ..ComposeStackStatus::default()
        };
        let stack = ComposeStack { status: Some(status), ..ComposeStack::default() };
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let found = running(&stack, &of_pods(pods), service, index, now);
        found.map(|container| container.pod_name().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_oldest_that_is_ready_is_meant_or_the_one_that_is_named() {
        let running = json!({"running": {}});
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff"}});
        let pods = [
            pod("young", 1, true, &running),
            pod("old", 9, false, &running),
            pod("middle", 5, true, &running),
            pod("new", 0, false, &waiting),
        ];
        assert_eq!(found(&pods, "web", None), Ok("middle".to_owned()));
        assert_eq!(found(&pods, "web", Some(1)), Ok("old".to_owned()));
        assert_eq!(found(&pods, "web", Some(4)), Err("service web is not running: Created (ImagePullBackOff)".to_owned()));
        assert_eq!(found(&pods, "web", Some(5)), Err("service web has no replica 5".to_owned()));
        assert_eq!(found(&pods, "db", None), Err("no such service: db".to_owned()));
        assert_eq!(found(&pods[1..2], "web", None), Ok("old".to_owned()));
        assert_eq!(found(&pods[3..], "web", None), Err("service web is not running: Created (ImagePullBackOff)".to_owned()));
    }
}

//! `kubectl compose why`: why a service is as it is, from the stack's status, its containers and the cluster's events.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::keys::{self, condition};
use crate::api::{ComposeStack, ServiceState, ServiceStatus};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cli::{age, output};

use super::containers::{Container, of_pods};
use super::events::last_seen;

/// Events that are shown, the latest of them.
const EVENTS: usize = 10;

#[derive(Args, Debug, Default)]
pub struct Flags {
    pub service: String,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Prints what is known of the service.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let pods = target.session.pods(&target.name).await?;
    let events = target.session.events().await?;
    let containers: Vec<Container<'_>> = of_pods(&pods).into_iter().filter(|container| container.service == flags.service).collect();
    let account = Account { stack: &stack, containers: &containers, events: &events, now: Timestamp::now() };
    output::write(&account.of(&flags.service)?, None)?;
    Ok(ExitCode::SUCCESS)
}

/// What an account of a service is made of.
struct Account<'a> {
    stack: &'a ComposeStack,
    containers: &'a [Container<'a>],
    events: &'a [Event],
    now: Timestamp,
}

impl Account<'_> {
    fn of(&self, name: &str) -> Result<String, Error> {
        let Some(service) = self.status(name) else {
            return Err(self.unknown(name));
        };
        let mut text = sentence(service) + "\n";
        for awaited in service.waiting_for.iter().filter_map(|name| self.status(name)) {
            let _ = writeln!(text, "  it waits for {}", sentence(awaited));
        }
        let stalled = self.stalled().filter(|stalled| service.state != ServiceState::Running && !stalled.message.is_empty());
        if let Some(stalled) = stalled {
            let _ = writeln!(text, "  the stack is stalled ({}): {}", stalled.reason, stalled.message);
        }
        for container in self.containers {
            let _ = writeln!(text, "  {}: {}", container.pod_name(), container.told(self.now));
        }
        let events = self.events(service);
        if !events.is_empty() {
            text.push_str("  events\n");
        }
        for event in events.iter().rev().take(EVENTS).rev() {
            let ago = last_seen(event).map_or_else(String::new, |at| age::since(at, self.now) + " ago");
            let of = event.involved_object.name.as_deref().unwrap_or_default();
            let (reason, message) = (event.reason.as_deref().unwrap_or_default(), event.message.as_deref().unwrap_or_default());
            let _ = writeln!(text, "    {ago}: {of}: {reason}: {}", message.trim());
        }
        Ok(text)
    }

    fn statuses(&self) -> impl Iterator<Item = &ServiceStatus> {
        self.stack.status.iter().flat_map(|status| &status.services)
    }

    fn stalled(&self) -> Option<&Condition> {
        self.stack.status.as_ref()?.condition(condition::STALLED).filter(|stalled| stalled.status == "True")
    }

    fn status(&self, name: &str) -> Option<&ServiceStatus> {
        self.statuses().find(|status| status.name == name)
    }

    /// A stack whose file is refused has no services: then that is why.
    fn unknown(&self, name: &str) -> Error {
        match self.stalled() {
            Some(stalled) if self.statuses().next().is_none() => {
                Error::Stalled { reason: stalled.reason.clone(), message: stalled.message.clone() }
            }
            _ => output::Error::NoService(name.to_owned()).into(),
        }
    }

    /// The warnings about the service's pods and its workload, by time.
    fn events(&self, service: &ServiceStatus) -> Vec<&Event> {
        let object = self.containers.first().and_then(|container| container.pod.metadata.labels.as_ref()?.get(keys::SERVICE));
        let is_its_own = |event: &&Event| {
            let about = &event.involved_object;
            let of_pod = self.containers.iter().any(|container| about.uid.is_some() && about.uid == container.pod.metadata.uid);
            let of_workload = about.kind.as_ref() == Some(&service.kind) && about.name.as_deref() == Some(object.unwrap_or(&service.name));
            of_pod || of_workload
        };
        let mut events: Vec<&Event> =
            self.events.iter().filter(|event| event.type_.as_deref() == Some("Warning")).filter(is_its_own).collect();
        events.sort_by_key(|event| last_seen(event));
        events
    }
}

/// `web is Degraded, 1 of 3 ready: why`.
fn sentence(service: &ServiceStatus) -> String {
    let replicas = match service.state {
        ServiceState::Completed | ServiceState::Stopped => String::new(),
        _ => format!(", {} of {} ready", service.ready, service.desired),
    };
    let message = service.message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
    format!("{} is {:?}{replicas}{message}", service.name, service.state)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus};

    fn stack(services: Vec<ServiceStatus>, stalled: Option<&str>) -> ComposeStack {
        let mut stack = ComposeStack::new("shop", ComposeStackSpec::default());
        let condition = |message: &str| -> Condition {
            let time = "2026-01-01T00:00:00Z";
            let value =
                json!({"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": message, "lastTransitionTime": time});
            serde_json::from_value(value).unwrap()
        };
        stack.status = Some(ComposeStackStatus {
            services,
            conditions: stalled.map(condition).into_iter().collect(),
            ..ComposeStackStatus::default()
        });
        stack
    }

    fn service(name: &str, state: ServiceState, message: &str) -> ServiceStatus {
        ServiceStatus { name: name.to_owned(), state, desired: 1, message: Some(message.to_owned()), ..ServiceStatus::default() }
    }

    fn account(stack: &ComposeStack, pods: Value, events: Value) -> Result<String, String> {
        let (pods, events): (Vec<_>, Vec<_>) = (serde_json::from_value(pods).unwrap(), serde_json::from_value(events).unwrap());
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let account = Account { stack, containers: &of_pods(&pods), events: &events, now };
        account.of("web").map_err(|error| error.to_string())
    }

    #[test]
    fn a_service_that_waits_says_for_whom_and_why_that_one_is_not_there() {
        let web =
            ServiceStatus { waiting_for: vec!["db".to_owned()], ..service("web", ServiceState::Waiting, "waits for db to be healthy") };
        let stack = stack(vec![web, service("db", ServiceState::Progressing, "the image can't be pulled")], None);
        let expected = "web is Waiting, 0 of 1 ready: waits for db to be healthy\n  \
                        it waits for db is Progressing, 0 of 1 ready: the image can't be pulled\n";
        assert_eq!(account(&stack, json!([]), json!([])).as_deref(), Ok(expected));
    }

    #[test]
    fn warnings_about_its_pods_are_told_and_those_of_others_are_not() {
        let stack = stack(vec![service("web", ServiceState::Failed, "exited with 1")], None);
        let labels = json!({"compose-operator.dev/service": "web"});
        let metadata = json!({"name": "web-1", "uid": "u1", "labels": labels, "annotations": {"compose-operator.dev/service": "web"}});
        let pods = json!([{"metadata": metadata, "spec": {"containers": [{"name": "web"}]}}]);
        let event = |uid: &str, kind: &str, reason: &str| {
            let about = json!({"kind": "Pod", "name": "web-1", "uid": uid});
            let time = "2026-01-01T00:00:30Z";
            json!({"metadata": {}, "involvedObject": about, "type": kind, "reason": reason, "message": "why\n", "lastTimestamp": time})
        };
        let events = json!([event("u2", "Warning", "Other"), event("u1", "Normal", "Pulled"), event("u1", "Warning", "BackOff")]);
        let expected = "web is Failed, 0 of 1 ready: exited with 1\n  web-1: Created\n  events\n    30 seconds ago: web-1: BackOff: why\n";
        assert_eq!(account(&stack, pods, events).as_deref(), Ok(expected));
    }

    #[test]
    fn a_refused_file_is_why_there_is_no_service() {
        let refused = stack(Vec::new(), Some("services.web.imgae: no such key"));
        let told = account(&refused, json!([]), json!([]));
        assert_eq!(told, Err("the stack is stalled (InvalidSpec): services.web.imgae: no such key".to_owned()));
        let other = stack(vec![service("db", ServiceState::Running, "")], None);
        assert_eq!(account(&other, json!([]), json!([])), Err("no such service: web".to_owned()));
    }
}

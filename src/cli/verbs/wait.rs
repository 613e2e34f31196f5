//! `kubectl compose wait`: until services have ended, and how.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;

use clap::Args;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;

use crate::api::{ComposeStack, ServiceState};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;

use super::containers::{State, of_pods};
use super::settle::End;
use super::{down, known};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to wait for.
    #[arg(value_name = "SERVICE", required = true)]
    pub service: Vec<String>,
    /// Remove the stack afterwards.
    #[arg(long)]
    pub down_project: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Waits, prints how each service has ended, and exits with the code of the first.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    known::check(&target.stack().await?, &flags.service)?;
    let ends = tokio::select! {
        ends = ends(&target, &flags.service) => ends?,
        _ = tokio::signal::ctrl_c() => return End::Interrupted.code(),
    };
    let told = |name: &String| {
        let (pod, code) = ends.of(name);
        format!("container {pod:?} exited with status code {code}\n")
    };
    output::write(&flags.service.iter().map(told).collect::<String>(), None)?;
    if flags.down_project {
        down::down(&target, &down::Flags::default()).await?;
    }
    let first = flags.service.first().map_or(0, |name| ends.of(name).1);
    Ok(ExitCode::from(u8::try_from(first).unwrap_or(u8::MAX)))
}

/// Waits until all services have ended.
async fn ends(target: &Target, services: &[String]) -> Result<Ends, Error> {
    let mut ends = Ends::default();
    target.session.pods(&target.name).await?.iter().for_each(|pod| ends.note(pod));
    let mut stack: Option<ComposeStack> = None;
    let mut stacks = pin!(target.session.follow_stack(&target.name));
    let mut pods = pin!(target.session.follow_pods(&target.name));
    loop {
        tokio::select! {
            seen = stacks.next() => match seen.transpose()?.flatten() {
                Some(seen) => stack = Some(seen),
                // What has gone has ended.
                None => return Ok(ends),
            },
            pod = pods.next() => if let Some(pod) = pod.transpose()? {
                ends.note(&pod);
            },
        }
        let has_ended = |name: &String| stack.as_ref().is_some_and(|stack| ends.has_ended(stack, name));
        if services.iter().all(has_ended) {
            break;
        }
    }
    // The watch may be behind what the status tells.
    target.session.pods(&target.name).await?.iter().for_each(|pod| ends.note(pod));
    for service in stack.iter().flat_map(|stack| stack.status.iter().flat_map(|status| &status.services)) {
        ends.states.insert(service.name.clone(), service.state);
    }
    Ok(ends)
}

/// How containers have ended.
#[derive(Debug, Default)]
struct Ends {
    /// By service: its pods by the time at which they were made, with what their containers do.
    pods: BTreeMap<String, BTreeMap<(String, String), One>>,
    states: BTreeMap<String, ServiceState>,
}

/// A service's container in one pod.
#[derive(Clone, Copy, Debug, Default)]
struct One {
    /// It runs, or is to.
    goes_on: bool,
    /// How it ended, as was heard last.
    code: Option<i32>,
}

impl Ends {
    fn note(&mut self, pod: &Pod) {
        for container in of_pods(std::slice::from_ref(pod)) {
            let created = container.created().map(|at| at.to_string()).unwrap_or_default();
            let pods = self.pods.entry(container.service.to_owned()).or_default();
            let known = pods.entry((created, container.pod_name().to_owned())).or_default();
            known.goes_on = !matches!(container.state(), State::Exited | State::Removing);
            known.code = if known.goes_on { None } else { container.ended_with().or(known.code) };
        }
    }

    fn has_ended(&self, stack: &ComposeStack, name: &str) -> bool {
        let service = stack.status.iter().flat_map(|status| &status.services).find(|service| service.name == name);
        service.is_some_and(|service| match service.state {
            ServiceState::Completed | ServiceState::Stopped => true,
            ServiceState::Failed => !self.pods.get(name).into_iter().flatten().any(|(_, container)| container.goes_on),
            _ => false,
        })
    }

    /// The last pod of a service, and the code with which it ended. What nobody has seen end is taken for what its state says.
    fn of<'a>(&'a self, name: &'a str) -> (&'a str, i32) {
        let by_state = i32::from(self.states.get(name) == Some(&ServiceState::Failed));
        let pods = self.pods.get(name).into_iter().flatten();
        let pod = pods.rev().find_map(|((_, pod), container)| Some((pod.as_str(), container.code?)));
        // The name of the service stands for a container that nobody has seen.
        pod.unwrap_or_else(|| (self.named(name), by_state))
    }

    fn named<'a>(&'a self, name: &'a str) -> &'a str {
        self.pods.get(name).and_then(|pods| pods.keys().next_back()).map_or(name, |(_, pod)| pod)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus, ServiceStatus};

    fn pod(name: &str, second: u8, state: &Value, deleting: bool) -> Pod {
        let annotations = json!({"compose-operator.dev/service": "job"});
        let created = format!("2026-01-01T00:00:0{second}Z");
        let deleted = deleting.then_some("2026-01-01T00:01:00Z");
        let metadata = json!({"name": name, "annotations": annotations, "creationTimestamp": created, "deletionTimestamp": deleted,
            "labels": {"compose-operator.dev/service": "job"}});
        let container = json!({"name": "job", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": state});
        let spec = json!({"containers": [{"name": "job"}]});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": {"containerStatuses": [container]}})).unwrap()
    }

    fn ended(code: i32) -> Value {
        json!({"terminated": {"exitCode": code}})
    }

    fn stack(state: ServiceState) -> ComposeStack {
        let service = ServiceStatus { name: "job".to_owned(), state, ..ServiceStatus::default() };
        let mut stack = ComposeStack::new("shop", ComposeStackSpec::default());
        stack.status = Some(ComposeStackStatus { services: vec![service], ..ComposeStackStatus::default() });
        stack
    }

    #[test]
    fn the_last_attempt_tells_how_a_service_ended() {
        let mut ends = Ends::default();
        ends.note(&pod("b", 1, &ended(3), false));
        ends.note(&pod("a", 2, &json!({"running": {}}), false));
        assert_eq!(ends.of("job"), ("b", 3));
        assert!(!ends.has_ended(&stack(ServiceState::Failed), "job") && !ends.has_ended(&stack(ServiceState::Running), "job"));
        ends.note(&pod("a", 2, &ended(0), false));
        assert_eq!(ends.of("job"), ("a", 0));
        assert!(ends.has_ended(&stack(ServiceState::Failed), "job") && ends.has_ended(&stack(ServiceState::Completed), "job"));
        assert_eq!(ends.of("other"), ("other", 0));
    }

    #[test]
    fn a_container_that_is_stopped_tells_its_code_on_its_way_out() {
        let mut ends = Ends::default();
        ends.note(&pod("a", 1, &json!({"running": {}}), true));
        assert_eq!(ends.of("job"), ("a", 0));
        ends.note(&pod("a", 1, &ended(143), true));
        assert_eq!(ends.of("job"), ("a", 143));
    }
}

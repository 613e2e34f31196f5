//! How far a stack is on its way to where it is wanted, and what is told of that meanwhile.

use std::collections::BTreeMap;

use crate::api::keys::{condition, reason};
use crate::api::{ComposeStack, ServiceState, ServiceStatus};

/// Where services are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Running, or run to their end; what is wanted at 0 is there.
    Running,
    Stopped,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// The generation that asks for it.
    pub generation: i64,
    /// These services alone; the whole stack where there is none.
    pub services: Vec<String>,
    pub goal: Goal,
    /// The version at which the stack may still miss what it has got meanwhile.
    pub mended: Option<String>,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    OnTheWay,
    Reached,
    /// By this reason; it doesn't get on before somebody does something.
    Failed {
        reason: String,
        message: String,
    },
}

impl Awaited {
    /// What is awaited of a stack as it was written.
    pub fn of(stack: &ComposeStack, services: Vec<String>, goal: Goal) -> Self {
        Self { generation: stack.metadata.generation.unwrap_or_default(), services, goal, mended: None }
    }

    /// Whether a status speaks of the generation that is meant.
    pub fn is_observed(&self, stack: &ComposeStack) -> bool {
        stack.status.as_ref().and_then(|status| status.observed_generation).is_some_and(|observed| observed >= self.generation)
    }

    /// Judges a stack.
    pub fn verdict(&self, stack: &ComposeStack) -> Verdict {
        if stack.spec.suspend {
            let message = "spec.suspend is set: the operator does nothing for it before that is taken away".to_owned();
            return Verdict::Failed { reason: reason::SUSPENDED.to_owned(), message };
        }
        let Some(status) = stack.status.as_ref().filter(|_| self.is_observed(stack)) else { return Verdict::OnTheWay };
        let is_true = |kind: &str| status.condition(kind).filter(|condition| condition.status == "True");
        let stalled = is_true(condition::STALLED);
        let misses = stalled.is_some_and(|stalled| stalled.reason == reason::SOURCE_MISSING);
        if misses && self.mended.is_some() && self.mended == stack.metadata.resource_version {
            return Verdict::OnTheWay;
        }
        let failed = stalled.map(|stalled| Verdict::Failed { reason: stalled.reason.clone(), message: stalled.message.clone() });
        if self.services.is_empty() {
            let on_its_way = is_true(condition::RECONCILING).is_some() || status.conditions.is_empty();
            return failed.unwrap_or(if on_its_way { Verdict::OnTheWay } else { Verdict::Reached });
        }
        // What is told of the services is about an older generation then.
        let refused = [reason::INVALID_SPEC, reason::SOURCE_MISSING, reason::ROLLED_BACK];
        if let Some(failed) = failed.clone().filter(|_| stalled.is_some_and(|stalled| refused.contains(&stalled.reason.as_str()))) {
            return failed;
        }
        let named = self.services.iter().map(|name| (name, status.services.iter().find(|service| service.name == *name)));
        let rest: Vec<_> = named.filter(|(_, service)| !service.is_some_and(|service| self.is_reached(service))).collect();
        if rest.is_empty() {
            return Verdict::Reached;
        }
        let broken = rest.iter().find_map(|(_, service)| service.filter(|service| service.state == ServiceState::Failed));
        if let Some(broken) = broken {
            let message = broken.message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
            return Verdict::Failed { reason: reason::SERVICE_FAILED.to_owned(), message: format!("{}{message}", broken.name) };
        }
        let waits = |service: Option<&ServiceStatus>| service.is_none_or(|service| service.state == ServiceState::Waiting);
        failed.filter(|_| rest.iter().all(|(_, service)| waits(*service))).unwrap_or(Verdict::OnTheWay)
    }

    fn is_reached(&self, service: &ServiceStatus) -> bool {
        match self.goal {
            Goal::Running => matches!(service.state, ServiceState::Running | ServiceState::Completed | ServiceState::Stopped),
            Goal::Stopped => service.state == ServiceState::Stopped,
        }
    }
}

/// What has been told of each service.
#[derive(Debug, Default)]
pub struct Progress(BTreeMap<String, String>);

impl Progress {
    /// A line for each service of which there is something else to tell than before.
    pub fn news(&mut self, services: &[ServiceStatus], asked: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for service in services.iter().filter(|service| super::is_asked_for(asked, &service.name)) {
            let told = told(service);
            if self.0.get(&service.name) != Some(&told) {
                lines.push(line("Service", &service.name, &told));
                self.0.insert(service.name.clone(), told);
            }
        }
        lines
    }
}

/// docker compose's form: ` Service web  Running`.
pub fn line(what: &str, name: &str, told: &str) -> String {
    format!(" {what} {name}  {told}")
}

fn told(service: &ServiceStatus) -> String {
    let state = format!("{:?}", service.state);
    match (&service.message, service.state) {
        (_, ServiceState::Waiting) if !service.waiting_for.is_empty() => format!("Waiting for {}", service.waiting_for.join(", ")),
        (Some(message), _) if !message.is_empty() => format!("{state}: {message}"),
        _ => state,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
    use serde_json::json;

    use super::*;
    use crate::api::{ComposeStackSpec, ComposeStackStatus};

    fn service(name: &str, state: ServiceState, message: &str) -> ServiceStatus {
        let message = Some(message.to_owned()).filter(|message| !message.is_empty());
        ServiceStatus { name: name.to_owned(), state, message, ..ServiceStatus::default() }
    }

    /// A stack of generation 2 whose status speaks of `observed`.
    fn stack(observed: i64, kind: &str, why: &str, services: Vec<ServiceStatus>) -> ComposeStack {
        let conditions: Vec<Condition> = ["Ready", "Reconciling", "Stalled"]
            .into_iter()
            .map(|known| {
                let (status, time) = (if known == kind { "True" } else { "False" }, "2026-01-01T00:00:00Z");
                let value = json!({"type": known, "status": status, "reason": why, "message": "said", "lastTransitionTime": time});
                serde_json::from_value(value).unwrap()
            })
            .collect();
        let mut stack = ComposeStack::new("shop", ComposeStackSpec::default());
        stack.metadata.generation = Some(2);
        stack.status =
            Some(ComposeStackStatus { observed_generation: Some(observed), conditions, services, ..ComposeStackStatus::default() });
        stack
    }

    fn failed(reason: &str, message: &str) -> Verdict {
        Verdict::Failed { reason: reason.to_owned(), message: message.to_owned() }
    }

    #[track_caller]
    fn check(goal: Goal, services: &[&str], stack: &ComposeStack, expected: &Verdict) {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(&Awaited { generation: 2, services, goal, mended: None }.verdict(stack), expected);
    }

    #[test]
    fn a_whole_stack_is_judged_by_its_conditions_at_the_new_generation() {
        use Goal::{Running, Stopped};
        check(Running, &[], &ComposeStack::default(), &Verdict::OnTheWay);
        check(Running, &[], &stack(1, "Ready", "Ready", vec![]), &Verdict::OnTheWay);
        check(Running, &[], &stack(1, "Stalled", "InvalidSpec", vec![]), &Verdict::OnTheWay);
        check(Running, &[], &stack(2, "Ready", "Ready", vec![]), &Verdict::Reached);
        check(Running, &[], &stack(3, "Ready", "Ready", vec![]), &Verdict::Reached);
        check(Running, &[], &stack(2, "Reconciling", "WaitingFor", vec![]), &Verdict::OnTheWay);
        check(Running, &[], &stack(2, "Stalled", "InvalidSpec", vec![]), &failed("InvalidSpec", "said"));
        check(Stopped, &[], &stack(2, "", "Stopped", vec![]), &Verdict::Reached);
        let mut suspended = stack(1, "Ready", "Suspended", vec![]);
        suspended.spec.suspend = true;
        let awaited = Awaited { generation: 2, services: Vec::new(), goal: Running, mended: Some("7".to_owned()) };
        assert!(matches!(awaited.verdict(&suspended), Verdict::Failed { reason, .. } if reason == "Suspended"));
        let mut missing = stack(2, "Stalled", "SourceMissing", vec![]);
        assert_eq!(awaited.verdict(&missing), failed("SourceMissing", "said"));
        missing.metadata.resource_version = Some("7".to_owned());
        assert_eq!(awaited.verdict(&missing), Verdict::OnTheWay, "it was told before the source was brought");
    }

    #[test]
    fn services_are_judged_by_themselves() {
        use ServiceState::{Failed, Progressing, Running, Stopped, Waiting};
        let of = |web: ServiceState, other: ServiceState| vec![service("web", web, "why"), service("db", other, "")];
        let one = |kind: &str, why: &str, web, other| stack(2, kind, why, of(web, other));
        check(Goal::Running, &["web"], &one("Stalled", "ServiceFailed", Running, Failed), &Verdict::Reached);
        check(Goal::Running, &["web"], &one("Stalled", "ServiceFailed", Progressing, Failed), &Verdict::OnTheWay);
        check(Goal::Running, &["web"], &one("Stalled", "ServiceFailed", Failed, Running), &failed("ServiceFailed", "web: why"));
        check(Goal::Running, &["web"], &one("Stalled", "DependencyFailed", Waiting, Failed), &failed("DependencyFailed", "said"));
        check(Goal::Running, &["web"], &one("Stalled", "InvalidSpec", Running, Running), &failed("InvalidSpec", "said"));
        check(Goal::Running, &["web"], &one("Reconciling", "WaitingFor", Waiting, Progressing), &Verdict::OnTheWay);
        check(Goal::Running, &["web", "new"], &one("Ready", "Ready", Running, Running), &Verdict::OnTheWay);
        check(Goal::Stopped, &["web"], &one("Reconciling", "Progressing", Running, Running), &Verdict::OnTheWay);
        check(Goal::Stopped, &["web"], &one("Ready", "Ready", Stopped, Running), &Verdict::Reached);
    }

    #[test]
    fn each_change_of_a_service_is_a_line() {
        let mut progress = Progress::default();
        let waiting = ServiceStatus { waiting_for: vec!["db".to_owned()], ..service("web", ServiceState::Waiting, "db to start: …") };
        let db = service("db", ServiceState::Progressing, "0 of 1 ready");
        let told = progress.news(&[waiting.clone(), db.clone()], &[]);
        assert_eq!(told, [" Service web  Waiting for db", " Service db  Progressing: 0 of 1 ready"]);
        let db = service("db", ServiceState::Running, "");
        assert_eq!(progress.news(&[waiting.clone(), db.clone()], &[]), [" Service db  Running"]);
        assert_eq!(progress.news(&[waiting, db], &[]), [""; 0]);
        assert_eq!(Progress::default().news(&[service("db", ServiceState::Running, "")], &["web".to_owned()]), [""; 0]);
    }
}

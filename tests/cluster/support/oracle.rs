//! Every request of the operator, judged from the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use devcluster::{AuditEvent, AuditLog, Stage};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::installed::{OPERATOR_NAMESPACE, installed};

#[derive(Default)]
struct Ledger {
    log: Option<AuditLog>,
    /// Finished requests by namespace, everybody's, in the order of their completion.
    requests: BTreeMap<String, Vec<AuditEvent>>,
    /// The namespaces of the tests.
    expected: BTreeSet<String>,
    /// From when till when two operators led at once, in time stamps of the log.
    rivalries: Vec<(String, Option<String>)>,
    /// Where the stack with this UID is.
    stacks: BTreeMap<String, String>,
}

static LEDGER: Mutex<Option<Ledger>> = Mutex::new(None);

fn ledger() -> MutexGuard<'static, Option<Ledger>> {
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is an audit log. Says so where there is none, as the test then judges less.
pub fn audited() -> bool {
    let audited = installed().is_audited();
    if !audited {
        eprintln!("this cluster has no audit log of ours: what the operator wrote is not judged");
    }
    audited
}

/// A namespace in which the operator may have something to do.
pub fn expect(namespace: &str) {
    ledger().get_or_insert_default().expected.insert(namespace.to_owned());
}

/// A second operator begins or ceases to lead: of both writing the same, the later one changes nothing.
pub fn rivalry(begins: bool) {
    let now = Timestamp::now().to_string();
    let mut guard = ledger();
    let rivalries = &mut guard.get_or_insert_default().rivalries;
    match rivalries.last_mut() {
        Some((_, end)) if !begins => *end = Some(now),
        _ => rivalries.push((now, None)),
    }
}

/// Successful writes of the operator in the namespace, without Events.
pub fn writes(namespace: &str) -> Vec<AuditEvent> {
    let mut guard = ledger();
    let ledger = guard.get_or_insert_default();
    ledger.read();
    let requests = ledger.requests.get(namespace).into_iter().flatten();
    requests.filter(|event| is_operator(event) && event.is_write() && event.succeeded() && event.resource() != "events").cloned().collect()
}

/// Successful writes of the plugin in the namespace, without Events.
pub fn writes_of_plugin(namespace: &str) -> Vec<String> {
    let mut guard = ledger();
    let ledger = guard.get_or_insert_default();
    ledger.read();
    let requests = ledger.requests.get(namespace).into_iter().flatten();
    let is_plugin = |event: &&AuditEvent| event.user_agent.starts_with("kubectl-compose/") && event.is_write() && event.succeeded();
    requests.filter(is_plugin).map(AuditEvent::summary).collect()
}

/// Every request of the operator about the namespace.
pub fn requests(namespace: &str) -> Vec<String> {
    let mut guard = ledger();
    let ledger = guard.get_or_insert_default();
    ledger.read();
    ledger.requests.get(namespace).into_iter().flatten().filter(|event| is_operator(event)).map(AuditEvent::summary).collect()
}

/// What the operator did in the namespace, or outside of all tests' namespaces, that it must not do.
pub fn violations(namespace: &str) -> Vec<String> {
    let mut guard = ledger();
    let ledger = guard.get_or_insert_default();
    ledger.read();
    let requests = ledger.requests.get(namespace).map_or(&[][..], Vec::as_slice);
    let mut violations = Vec::new();
    for (index, event) in requests.iter().enumerate().filter(|(_, event)| is_operator(event)) {
        let mut wrong = |what: &str| violations.push(format!("{what}: {}", event.summary()));
        if event.code() == 403 && lacks_right(event) {
            wrong("the chart gives no right to this");
        }
        if event.verb == "deletecollection" {
            wrong("deletes without preconditions");
        }
        if event.verb == "delete" && !has_preconditions(event) {
            wrong("a delete without the preconditions uid and resourceVersion");
        }
        if event.verb == "delete" && event.resource() == "persistentvolumeclaims" {
            wrong("a claim is deleted");
        }
        if event.verb == "patch" && event.code() == 201 {
            wrong("an object is made by something other than a POST");
        }
        if changed_nothing(event, &requests[..index]) && !ledger.has_rivals(&event.stage_timestamp) {
            wrong("a write that changes nothing");
        }
        for owner in ledger.foreign_owners(event) {
            wrong(&format!("an owner of another namespace ({owner})"));
        }
    }
    let outside = ledger.requests.iter().filter(|(namespace, _)| !ledger.expected.contains(*namespace) && *namespace != OPERATOR_NAMESPACE);
    for event in outside.flat_map(|(_, events)| events).filter(|event| is_operator(event) && !is_cluster_wide_read(event)) {
        violations.push(format!("a request where no stack is: {}", event.summary()));
    }
    violations
}

impl Ledger {
    fn read(&mut self) {
        if self.log.is_none() {
            self.log = installed().audit();
        }
        let Some(log) = &mut self.log else { return };
        for event in log.read().unwrap() {
            if event.verb == "create"
                && event.resource() == "composestacks"
                && let Some(uid) = event.response_object.as_ref().and_then(|stack| stack.pointer("/metadata/uid")?.as_str())
            {
                self.stacks.insert(uid.to_owned(), event.namespace().to_owned());
            }
            if event.stage == Stage::ResponseComplete || event.verb == "watch" {
                self.requests.entry(event.namespace().to_owned()).or_default().push(event);
            }
        }
    }

    fn has_rivals(&self, at: &str) -> bool {
        self.rivalries.iter().any(|(begin, end)| at >= begin.as_str() && end.as_ref().is_none_or(|end| at <= end.as_str()))
    }

    /// Stacks of other namespaces that the written object names as its owners.
    fn foreign_owners(&self, event: &AuditEvent) -> Vec<String> {
        let body = event.request_object.iter().filter_map(|body| body.pointer("/metadata/ownerReferences").and_then(Value::as_array));
        let uids = body.flatten().filter_map(|owner| owner["uid"].as_str());
        uids.filter(|uid| self.stacks.get(*uid).is_some_and(|namespace| namespace != event.namespace())).map(str::to_owned).collect()
    }
}

fn is_operator(event: &AuditEvent) -> bool {
    event.user() == format!("system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_NAMESPACE}")
}

/// Whether a request was forbidden for want of a right, and not by admission (a quota, a policy, a namespace in deletion).
fn lacks_right(event: &AuditEvent) -> bool {
    let message = event.response_object.as_ref().and_then(|status| status["message"].as_str());
    message.is_none_or(|message| message.contains(" cannot "))
}

fn has_preconditions(event: &AuditEvent) -> bool {
    let set = |field| event.request_object.as_ref().is_some_and(|options| options.pointer(field).is_some_and(Value::is_string));
    set("/preconditions/uid") && set("/preconditions/resourceVersion")
}

/// The server answers a write that changes nothing with the version that the object had already, which an earlier write was answered with.
fn changed_nothing(event: &AuditEvent, earlier: &[AuditEvent]) -> bool {
    let same = |other: &AuditEvent| other.resource() == event.resource() && other.name() == event.name();
    let changes = matches!(event.verb.as_str(), "patch" | "update") && event.succeeded() && !event.request_uri.contains("dryRun=");
    changes
        && event
            .answered_version()
            .is_some_and(|version| earlier.iter().any(|other| same(other) && other.answered_version() == Some(version)))
}

/// Discovery, lists and watches across namespaces, and looks at the resource definition, are about no stack.
fn is_cluster_wide_read(event: &AuditEvent) -> bool {
    event.namespace().is_empty() && !event.is_write()
}

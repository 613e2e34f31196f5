//! Events: on transitions between what is recorded and what is now, and on repairs; never on a state that stays.

use super::conditions::cut;
use super::observed::Input;
use super::outcome::{Action, Cause, Note};
use super::report::{is_same, spelled};
use super::view::Scene;
use crate::api::keys::{condition, reason};
use crate::api::{ComposeStackStatus, ServiceState, ServiceStatus};

/// Longest note, in bytes: the API's own bound.
const NOTE: usize = 1024;

/// Notes of a stack that is reconciled.
pub(super) fn all(scene: &Scene, actions: &[Action], status: &ComposeStackStatus) -> Vec<Note> {
    let recorded = scene.input.recorded;
    let mut notes = Vec::new();
    let had = |o: &crate::api::ObjectStatus| recorded.objects.iter().any(|r| r.kind == o.kind && r.name == o.name && r.uid == o.uid);
    notes.extend(listed(reason::CREATED, "made", status.objects.iter().filter(|o| !had(o)).map(spelled)));
    let wanted = |o: &crate::api::ObjectStatus| scene.desired.objects.keys().any(|key| is_same(o, key));
    let gone = recorded.objects.iter().filter(|o| !wanted(o) && !status.objects.iter().any(|s| s.kind == o.kind && s.name == o.name));
    notes.extend(listed(reason::PRUNED, "removed, for they left the file:", gone.map(spelled)));
    let updated = actions.iter().filter(|a| matches!(a, Action::Apply { cause: Cause::Changed | Cause::Adopted, .. }));
    notes.extend(listed(reason::UPDATED, "changed", updated.map(|a| a.key().to_string())));
    let drifted = actions.iter().filter(|a| matches!(a, Action::Apply { cause: Cause::Drift, .. }));
    notes.extend(drifted.map(|a| drift(scene, a)));
    for service in &status.services {
        let shared = scene.desired.service(&service.name).is_some_and(|plan| !plan.mates.is_empty());
        notes.extend(of_service(recorded.services.iter().find(|s| s.name == service.name), service, shared));
    }
    notes.extend(of_warnings(recorded, status));
    notes.extend(of_conditions(scene.input, status));
    notes
}

/// Warnings that were not there before, in one Event: a stack with many of them must not flood the namespace.
fn of_warnings(recorded: &ComposeStackStatus, status: &ComposeStackStatus) -> Option<Note> {
    let new: Vec<String> =
        status.warnings.iter().filter(|w| !recorded.warnings.contains(w)).map(|w| format!("{}: {}", w.path, w.message)).collect();
    (!new.is_empty()).then(|| note(true, reason::KEYS_WITHOUT_EFFECT, &new.join("; ")))
}

fn note(warning: bool, reason: &'static str, message: &str) -> Note {
    Note { warning, reason, message: cut(message, NOTE) }
}

fn listed(reason: &'static str, verb: &str, names: impl Iterator<Item = String>) -> Option<Note> {
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| note(false, reason, &format!("{verb} {}", names.join(", "))))
}

fn drift(scene: &Scene, action: &Action) -> Note {
    let key = action.key();
    let by = scene.get(&key).and_then(|s| s.object.changed_by.as_deref()).unwrap_or("somebody");
    note(false, reason::DRIFT_REPAIRED, &format!("{key} was changed by {by} and is put back"))
}

fn of_service(before: Option<&ServiceStatus>, now: &ServiceStatus, shared: bool) -> Option<Note> {
    if before.is_some_and(|b| b.state == now.state) {
        return None;
    }
    let message = || format!("{}: {}", now.name, now.message.as_deref().unwrap_or_default());
    match now.state {
        ServiceState::Completed if now.kind != "Job" && !shared => Some(note(
            false,
            reason::COMPLETED,
            &format!(
                "{} has ended with exit code 0 and is scaled to 0; it may have run more than once (restart: \"no\" makes it run once)",
                now.name
            ),
        )),
        ServiceState::Completed => Some(note(false, reason::COMPLETED, &format!("{} has completed", now.name))),
        ServiceState::Failed if now.exhausted.is_some() && now.exhausted == now.inputs => {
            Some(note(true, reason::RESTART_LIMIT_REACHED, &message()))
        }
        ServiceState::Failed => Some(note(true, reason::SERVICE_FAILED, &message())),
        _ => None,
    }
}

/// A stack that stalls, for another reason than before, and one that gets ready.
pub(super) fn of_conditions(input: &Input, status: &ComposeStackStatus) -> Option<Note> {
    let find = |status: &ComposeStackStatus, kind: &str| status.conditions.iter().find(|c| c.type_ == kind).cloned();
    let stalled = find(status, condition::STALLED).filter(|c| c.status == "True");
    if let Some(now) = stalled {
        let before = find(input.recorded, condition::STALLED).filter(|c| c.status == "True");
        let same = before
            .is_some_and(|b| b.reason == now.reason && (b.message == now.message || b.observed_generation == now.observed_generation));
        return (!same).then(|| Note { warning: true, reason: known(&now.reason), message: cut(&now.message, NOTE) });
    }
    let is_ready = |status: &ComposeStackStatus| find(status, condition::READY).is_some_and(|c| c.status == "True");
    (is_ready(status) && !is_ready(input.recorded))
        .then(|| note(false, reason::READY, &format!("{} services are there", status.summary.as_deref().unwrap_or_default())))
}

fn known(text: &str) -> &'static str {
    let reasons = [
        reason::INVALID_SPEC,
        reason::SOURCE_MISSING,
        reason::NAME_CONFLICT,
        reason::FORBIDDEN,
        reason::EXTERNAL_RESOURCE_MISSING,
        reason::DEPENDENCY_FAILED,
        reason::DEADLINE_EXCEEDED,
        reason::ROLLED_BACK,
    ];
    reasons.into_iter().find(|r| *r == text).unwrap_or(reason::SERVICE_FAILED)
}

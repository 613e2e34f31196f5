//! Updates that fail and are undone (`failure_action: rollback`): the stack's last revision that was ready is put back, with all its services,
//! and stays until another update is asked for.
//!
//! That an update has failed is on record before anything is undone: what fails is not seen any more afterwards, and would be tried again.

use super::conditions::{Situation, cut};
use super::observed::Kept;
use super::outcome::Record;
use super::services::Assessed;
use super::undo::{Undo, revision};
use super::view::Scene;
use crate::api::{ComposeStackStatus, Revision, RolledBack, StackWarning};
use crate::compose::model::FailureAction;

/// Longest account of a failure that is kept, in bytes.
const MESSAGE: usize = 1024;

/// What is put on record when the update of a service has failed that asks for it to be undone.
pub(super) fn begins(scene: &Scene, services: &[Assessed]) -> Option<RolledBack> {
    let undoes = |one: &&Assessed| {
        let plan = scene.desired.service(&one.status.name);
        one.status.failed_update.is_some() && plan.and_then(|plan| plan.on_failure).is_some_and(|f| f.action == FailureAction::Rollback)
    };
    let failed: Vec<String> = services
        .iter()
        .filter(undoes)
        .map(|one| format!("{}: {}", one.status.name, one.status.message.as_deref().unwrap_or("its update failed")))
        .collect();
    (scene.is_update && !failed.is_empty()).then(|| RolledBack {
        generation: scene.input.stack.generation,
        inputs: scene.desired.inputs(),
        message: cut(&failed.join("; "), MESSAGE),
    })
}

/// What to do about the record of the last good revision, now that the stack is in this situation.
pub(super) fn keep(scene: &Scene, situation: &Situation) -> Option<Record> {
    let (input, desired) = (scene.input, scene.desired);
    if situation.ready != Some(true) || matches!(scene.undo, Undo::Back(_)) {
        return None;
    }
    if !desired.is_to_be_kept() {
        return revision(input).map(|_| Record::Drop);
    }
    let inputs = desired.inputs();
    let refused = matches!(input.kept, Kept::Refused { inputs: refused, .. } if *refused == inputs);
    let known = revision(input).is_some_and(|revision| revision.inputs == inputs);
    (!refused && !known).then_some(Record::Keep(Revision { generation: input.stack.generation, inputs }))
}

/// The situation of a stack whose update has failed.
pub(super) fn situation(scene: &Scene, now: Situation) -> Situation {
    match scene.undo {
        Undo::Back(record) => {
            let back = revision(scene.input).map(|revision| format!(" of generation {}", revision.generation)).unwrap_or_default();
            let rest = if now.ready == Some(true) { "runs again".to_owned() } else { format!("is put back: {}", now.message) };
            Situation::rolled_back(format!("{}; the last good revision{back} {rest}", record.message))
        }
        Undo::Stuck(_, refusal) if now.stalled => {
            let message = format!("{}; the update can't be undone: {}", now.message, refusal.message);
            Situation { message, ..now }
        }
        Undo::Stuck(..) | Undo::No => now,
    }
}

/// What a status says of revisions.
pub(super) fn note(scene: &Scene, status: &mut ComposeStackStatus, ready: bool) {
    status.revision = revision(scene.input).cloned();
    status.rolled_back = match scene.undo {
        Undo::Back(record) => Some(record.clone()),
        Undo::Stuck(record, _) if !ready => Some(record.clone()),
        Undo::Stuck(..) | Undo::No => None,
    };
}

/// That a revision could not be kept.
pub(super) fn warning(scene: &Scene) -> Option<StackWarning> {
    let Kept::Refused { inputs, message } = scene.input.kept else { return None };
    (*inputs == scene.desired.inputs()).then(|| StackWarning {
        code: "revision-not-kept".to_owned(),
        path: "services".to_owned(),
        position: None,
        message: format!("this revision is not kept, so a failed update can't be undone to it: {message}"),
    })
}

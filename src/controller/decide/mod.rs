//! What to do about one stack: (desired × live × unseen writes × recorded facts × now) → actions and status. Pure: no I/O, no clock.
//!
//! | module | what it decides |
//! |---|---|
//! | `undo`, `view` | what is known: of a failed update what is on record; of each object the cache, and our own newer writes on top |
//! | `acts` | which actions are asked for now, and which later |
//! | `stand`, `writes` | whose the object of a wanted name is; how one of ours is repaired, applied, replaced |
//! | `progress` | how far a service's workload and its pods are |
//! | `facts` | what is true of a service beyond this moment: conditions met, completed, out of attempts |
//! | `updates` | when a roll-out has failed |
//! | `gather` | the facts on record, with what can be seen now on top |
//! | `gates` | `depends_on` |
//! | `template`, `words` | what pods are made of, and why a service isn't there, in words |
//! | `claims` | what of a claim stays as it is, and what is told of that |
//! | `objects` | Services, claims, policies, ConfigMaps, Secrets: made, changed, repaired |
//! | `stamp` | what a pod template carries of all this: inputs, and the dependencies that restart it |
//! | `hold` | why a workload is not written yet |
//! | `steps` | the Job of the steps that run once before a service (`pre_start`) |
//! | `turn` | a service's workload: made, changed, scaled, repaired, replaced, removed |
//! | `services` | every service's turn, and its state |
//! | `prune` | what left the file |
//! | `conditions` | the stack's situation |
//! | `rollback` | that the last good revision is put back after an update that failed |
//! | `report`, `refused`, `notes` | the stack's status and Events |
//!
//! A module names only such as stand above it.

mod acts;
mod bugs;
mod claims;
mod conditions;
mod facts;
mod gates;
mod gather;
mod hold;
mod notes;
mod objects;
mod observed;
mod outcome;
mod progress;
mod prune;
mod refused;
mod report;
mod rollback;
mod services;
mod stamp;
mod stand;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod turn;
mod undo;
mod updates;
mod view;
mod words;
mod writes;

pub use crate::cluster::view::{ClaimSpec, ContainerView, CronView, EndedBy, JobView, PodView, PortView, WorkloadView};
#[doc(hidden)]
pub use bugs::Bugs;
pub use observed::{Answer, Failure, FailureKind, Input, Kept, Live, LiveObject, Observed, Probed, Refusal, Repair, StackView, Unseen};
pub use outcome::{Action, Cause, Note, Outcome, Record};

use acts::{AFTER_RECORD, Acts};
use conditions::Situation;
use undo::Undo;
use view::Scene;

/// What to do now about one stack, and what to say of it.
///
/// Carry the actions out, put their answers into `Unseen` (and 409s into `Live::probed`), decide again until there is no action left, then
/// write the status if it differs from the recorded one, and publish the notes of the decisions whose actions were carried out.
pub fn decide(input: &Input) -> Outcome {
    decide_with(input, Bugs::default())
}

/// [`decide`] with mistakes, for the tests that show that the simulation sees them.
#[doc(hidden)]
pub fn decide_with(input: &Input, bugs: Bugs) -> Outcome {
    if input.stack.deleting {
        return Outcome { status: input.recorded.clone(), ..Outcome::default() };
    }
    if input.stack.suspend {
        return told(input, report::unchanged(input, &Situation::suspended()));
    }
    let wanted = match input.desired {
        Err(refusal) => return told(input, refused::status(input, refusal)),
        Ok(wanted) => wanted,
    };
    match (undo::record(input, wanted).filter(|_| !bugs.forget_undone), input.good) {
        (None, _) => reconcile(&Scene::new(input, wanted, Undo::No, bugs)),
        (Some(record), Some(Ok(good))) => reconcile(&Scene::new(input, good, Undo::Back(record), bugs)),
        (Some(record), Some(Err(refusal))) => reconcile(&Scene::new(input, wanted, Undo::Stuck(record, refusal), bugs)),
        // It is read before the next decision.
        (Some(_), None) => Outcome { status: input.recorded.clone(), again: Some(AFTER_RECORD), ..Outcome::default() },
    }
}

fn told(input: &Input, status: crate::api::ComposeStackStatus) -> Outcome {
    let notes = notes::of_conditions(input, &status).into_iter().collect();
    Outcome { status, notes, ..Outcome::default() }
}

fn reconcile(scene: &Scene) -> Outcome {
    let mut acts = Acts::new(scene.input);
    let standings = objects::plan(scene, &mut acts);
    let services = services::plan(scene, &standings, &mut acts);
    let left = prune::plan(scene, &services, &mut acts);
    let failure = rollback::begins(scene, &services);
    let situation = match &failure {
        Some(record) => Situation::rolled_back(format!("{}; the last good revision is put back", record.message)),
        None => rollback::situation(scene, conditions::judge(scene.input, &standings, &services, &left)),
    };
    let record = rollback::keep(scene, &situation);
    let undone = matches!(scene.undo, Undo::Back(_));
    let mut status = report::status(scene, services, acts.contested, &situation);
    rollback::note(scene, &mut status, situation.ready == Some(true));
    if failure.is_some() {
        status.rolled_back = failure;
        (acts.actions, acts.again) = (Vec::new(), Some(AFTER_RECORD));
    }
    let status = report::fit(status);
    let notes = notes::all(scene, &acts.actions, &status);
    Outcome { actions: acts.actions, status, notes, again: acts.again, record, undone }
}

//! What to do about one stack: (desired × live × unseen writes × recorded facts × now) → actions and status. Pure: no I/O, no clock.
//!
//! | module | what it decides |
//! |---|---|
//! | `view` | what is known of each object: the cache, and our own newer writes on top |
//! | `facts` | what is true of a service beyond this moment: conditions met, completed, out of attempts |
//! | `objects` | Services, claims, policies, ConfigMaps, Secrets: made, changed, repaired |
//! | `claims` | what of a claim stays as it is, and what is told of that |
//! | `gates` | `depends_on` |
//! | `turn` | a service's workload: made, changed, scaled, repaired, replaced, removed |
//! | `steps` | the Job of the steps that run once before a service (`pre_start`) |
//! | `stamp` | what a pod template carries of that: inputs, and the dependencies that restart it |
//! | `prune` | what left the file |
//! | `updates` | when a roll-out has failed |
//! | `rollback` | that the last good revision is put back then, and which one that is |
//! | `services`, `words` | a service's state, and why, in words |
//! | `conditions`, `report`, `refused`, `notes` | the stack's status and Events |

mod acts;
mod bugs;
mod claims;
mod conditions;
mod facts;
mod gates;
mod notes;
mod objects;
mod observed;
mod outcome;
mod prune;
mod refused;
mod report;
mod rollback;
mod services;
mod stamp;
mod steps;
#[cfg(test)]
mod tests;
mod turn;
mod updates;
mod view;
mod words;

pub use crate::cluster::view::{ClaimSpec, ContainerView, CronView, EndedBy, JobView, PodView, PortView, WorkloadView};
#[doc(hidden)]
pub use bugs::Bugs;
pub use observed::{Answer, Failure, FailureKind, Input, Kept, Live, LiveObject, Observed, Probed, Refusal, Repair, StackView, Unseen};
pub use outcome::{Action, Cause, Note, Outcome, Record};

use std::time::Duration;

use acts::Acts;
use conditions::Situation;
use rollback::Undo;
use view::Scene;

/// When to look again after a status that has to be written first.
const AFTER_RECORD: Duration = Duration::from_millis(500);

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
    match (rollback::record(input, wanted).filter(|_| !bugs.forget_undone), input.good) {
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

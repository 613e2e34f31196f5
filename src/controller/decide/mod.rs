//! What to do about one stack: (desired × live × unseen writes × recorded facts × now) → actions and status. Pure: no I/O, no clock.

mod observed;
mod outcome;

pub use crate::cluster::view::{ContainerView, JobView, PodView, PortView, WorkloadView};
pub use observed::{Answer, Failure, FailureKind, Input, Live, LiveObject, Observed, Probed, Refusal, StackView, Unseen};
pub use outcome::{Action, Cause, Note, Outcome};

/// What to do now about one stack, and what to say of it.
///
/// Carry the actions out, put their answers into `Unseen` (and 409s into `Live::probed`), decide again until there is no action left, then
/// write the status if it differs from the recorded one, and publish the notes of the decisions whose actions were carried out.
pub fn decide(input: &Input) -> Outcome {
    Outcome { status: input.recorded.clone(), ..Outcome::default() }
}

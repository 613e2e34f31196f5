//! What to do about one stack: (desired × live × unseen writes × recorded facts × now) → actions and status. Pure: no I/O, no clock.

mod observed;
mod outcome;

pub use observed::{ContainerView, Input, JobView, Live, LiveObject, Observed, PodView, Refusal, StackView, Unseen, WorkloadView};
pub use outcome::{Action, Cause, Note, Outcome};

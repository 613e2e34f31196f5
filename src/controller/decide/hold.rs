use super::observed::FailureKind;

/// Why a workload is not written, or that it is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// An action of this very decision.
    Pending,
    Gates(Vec<String>, String),
    DependencyFailed(Vec<String>, String),
    External(String),
    Objects {
        message: String,
        /// It is not going to be there before somebody does something.
        blocked: bool,
    },
    /// The steps that run once before it are under way.
    Steps(String),
    StepsFailed(String),
    Deletion(String),
    Conflict(String),
    Failed(FailureKind, String),
}

/// Mistakes that the simulation must be able to see (`tests/simulation.rs`). Nothing outside tests can set one: [`decide`](super::decide)
/// always passes the default, which is none.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bugs {
    /// Whatever bears a wanted name counts as ours.
    pub skip_uid_test: bool,
    /// Whatever is seen and not wanted is deleted, whoever owns it.
    pub prune_by_label: bool,
    /// The cache alone is believed.
    pub forget_unseen: bool,
    /// `completed` of the status counts for nothing.
    pub rerun_finished: bool,
    /// Replicas that are to be an autoscaler's are left out while they are still ours.
    pub keep_hold_of_replicas: bool,
    /// Replicas are put back at full speed, however often an autoscaler of others sets them.
    pub fight_over_replicas: bool,
    /// Updates go out whatever state the dependencies are in.
    pub ignore_update_gate: bool,
    /// An update that has been undone is tried again.
    pub forget_undone: bool,
}

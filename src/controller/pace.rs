//! How often a status is written: what somebody waits for at once, how far things have come every few seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::ComposeStackStatus;
use crate::api::keys::condition;

/// Time between two writes of a status that only tells how far things have come, and between verdicts once there were too many.
const GAP: Duration = Duration::from_secs(3);
/// Verdicts on one generation in a row that are written at once; a stack whose pods come and go must not flood the API server.
const BURST: u32 = 6;

/// How long a stack that was ready may be unready before that is told. A Deployment whose annotations change has not been observed for a
/// moment, and nothing has happened.
const BLINK: Duration = Duration::from_millis(500);

/// When a stack's status was written.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
    /// Since when a stack that its status calls ready is not.
    unready: Option<Instant>,
    /// Verdicts within the last gaps.
    verdicts: u32,
}

impl Pace {
    /// How long a changed status may wait: zero for what a user or a tool waits for (ready, stalled, a new generation), and for what must
    /// never be done again; a few seconds for progress, so that a stack that converges costs a handful of writes and not one a pod.
    pub fn delay(&mut self, old: &ComposeStackStatus, new: &ComposeStackStatus) -> Duration {
        if blinks(old, new) {
            let left = BLINK.saturating_sub(self.unready.get_or_insert_with(Instant::now).elapsed());
            if !left.is_zero() {
                return left;
            }
        }
        let Some(last) = self.last else { return Duration::ZERO };
        let urgent = (is_verdict(old, new) && self.verdicts_now() < BURST) || old.observed_generation != new.observed_generation;
        if urgent { Duration::ZERO } else { GAP.saturating_sub(last.elapsed()) }
    }

    /// Notes that the status is as it is to be.
    pub fn settled(&mut self) {
        self.unready = None;
    }

    /// Notes a write.
    pub fn written(&mut self, old: &ComposeStackStatus, new: &ComposeStackStatus) {
        let before = if old.observed_generation == new.observed_generation { self.verdicts_now() } else { 0 };
        self.verdicts = before + u32::from(is_verdict(old, new));
        self.last = Some(Instant::now());
        self.settled();
    }

    fn verdicts_now(&self) -> u32 {
        let gaps = self.last.map_or(0, |last| last.elapsed().as_secs() / GAP.as_secs());
        self.verdicts.saturating_sub(u32::try_from(gaps).unwrap_or(u32::MAX))
    }
}

fn is(status: &ComposeStackStatus, kind: &str) -> Option<bool> {
    status.conditions.iter().find(|c| c.type_ == kind).map(|c| c.status == "True")
}

/// Whether a ready stack is not ready, for no reason that calls for somebody.
fn blinks(old: &ComposeStackStatus, new: &ComposeStackStatus) -> bool {
    let was_ready = is(old, condition::READY) == Some(true) && old.observed_generation == new.observed_generation;
    was_ready && is(new, condition::READY) == Some(false) && is(new, condition::STALLED) != Some(true)
}

fn is_verdict(old: &ComposeStackStatus, new: &ComposeStackStatus) -> bool {
    let conditions =
        |status: &ComposeStackStatus| [condition::READY, condition::RECONCILING, condition::STALLED].map(|kind| is(status, kind));
    // What must never be done again is on record before anything else happens.
    let ended = |status: &ComposeStackStatus| -> BTreeMap<String, (Option<String>, Option<String>)> {
        let ended = status.services.iter().filter(|s| s.completed.is_some() || s.exhausted.is_some());
        ended.map(|s| (s.name.clone(), (s.completed.clone(), s.exhausted.clone()))).collect()
    };
    let revisions = |status: &ComposeStackStatus| (status.revision.clone(), status.rolled_back.clone());
    conditions(old) != conditions(new) || ended(old) != ended(new) || revisions(old) != revisions(new)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use k8s_openapi::jiff::Timestamp;
    use tokio::time::advance;

    use super::*;

    fn status(ready: &str, summary: &str) -> ComposeStackStatus {
        let condition = Condition {
            type_: condition::READY.to_owned(),
            status: ready.to_owned(),
            reason: "Any".to_owned(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: Some(1),
        };
        ComposeStackStatus { conditions: vec![condition], summary: Some(summary.to_owned()), ..ComposeStackStatus::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn progress_waits_and_readiness_does_not() {
        let (first, progress, ready) = (status("False", "0/2"), status("False", "1/2"), status("True", "2/2"));
        let mut pace = Pace::default();
        assert_eq!(pace.delay(&ComposeStackStatus::default(), &first), Duration::ZERO);
        pace.written(&ComposeStackStatus::default(), &first);
        assert_eq!(pace.delay(&first, &progress), GAP);
        advance(Duration::from_secs(1)).await;
        assert_eq!(pace.delay(&first, &progress), GAP.saturating_sub(Duration::from_secs(1)));
        assert_eq!(pace.delay(&first, &ready), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stack_that_flaps_does_not_flood() {
        let (down, up) = (status("False", "0/1"), status("True", "1/1"));
        let mut pace = Pace::default();
        for _ in 0..BURST {
            assert_eq!(pace.delay(&down, &up), Duration::ZERO);
            pace.written(&down, &up);
        }
        assert_eq!(pace.delay(&down, &up), GAP);
        advance(GAP).await;
        assert_eq!(pace.delay(&down, &up), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blink_is_not_told() {
        let (down, up) = (status("False", "0/1"), status("True", "1/1"));
        let mut pace = Pace::default();
        assert_eq!(pace.delay(&up, &down), BLINK);
        pace.settled();
        advance(BLINK).await;
        assert_eq!(pace.delay(&up, &down), BLINK, "the stack was ready in between");
        advance(BLINK).await;
        assert_eq!(pace.delay(&up, &down), Duration::ZERO);
    }
}

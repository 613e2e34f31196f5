//! How long to wait before a failed write is tried again.

use std::time::Duration;

use crate::cluster::retry::jittered;

use super::decide::FailureKind;

/// Delay before the next attempt, after `attempts` failures in a row.
///
/// What the API server refuses on purpose is asked again once a minute at most; what should pass by itself soon, then ever more rarely.
pub fn delay(kind: FailureKind, attempts: u32) -> Duration {
    let doubled = |first: Duration, most: Duration| first.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(most);
    let delay = match kind {
        FailureKind::Forbidden | FailureKind::Refused | FailureKind::Immutable => doubled(Duration::from_mins(1), Duration::from_mins(5)),
        FailureKind::Transient => doubled(Duration::from_millis(500), Duration::from_mins(1)),
    };
    jittered(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_asked_again_once_a_minute_at_most() {
        for attempts in 1..40 {
            assert!(delay(FailureKind::Refused, attempts) >= Duration::from_mins(1));
            assert!(delay(FailureKind::Forbidden, attempts) <= Duration::from_mins(6));
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_soon_and_then_ever_more_rarely() {
        assert!(delay(FailureKind::Transient, 1) < Duration::from_secs(1));
        assert!(delay(FailureKind::Transient, 5) >= Duration::from_secs(8));
        assert!(delay(FailureKind::Transient, 30) <= Duration::from_secs(72));
    }
}

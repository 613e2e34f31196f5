//! Delays between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use kube::runtime::utils::Backoff;

/// Delays between attempts to list or watch. An API server that was away is seen again within the last of them.
#[derive(Debug, Default)]
pub struct WatchRetry {
    attempts: u32,
}

impl Iterator for WatchRetry {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let doubled = Duration::from_millis(200).saturating_mul(1 << self.attempts.min(10));
        self.attempts += 1;
        Some(jittered(doubled.min(Duration::from_secs(4))))
    }
}

impl Backoff for WatchRetry {
    fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Up to a fifth more, so that a thousand of them don't come back at the same moment.
pub fn jittered(delay: Duration) -> Duration {
    let share = u32::try_from(RandomState::new().hash_one(0u8) % 1000).unwrap_or_default();
    delay + delay / 5 * share / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_server_that_returns_is_seen_within_five_seconds() {
        assert!(WatchRetry::default().take(50).all(|delay| delay <= Duration::from_secs(5)));
        assert!(WatchRetry::default().next().is_some_and(|first| first < Duration::from_millis(250)));
    }
}

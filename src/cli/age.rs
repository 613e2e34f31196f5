//! Spans of time in docker's words.

use jiff::Timestamp;

/// How long ago a moment was, or how long something has lasted since: `3 minutes`.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    words(now.duration_since(then).as_secs().max(0))
}

/// A span of whole seconds, as docker says it.
fn words(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    // Hours are rounded, all else is cut.
    let hours = (seconds + HOUR / 2) / HOUR;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        _ if seconds < MINUTE => format!("{seconds} seconds"),
        _ if seconds < 2 * MINUTE => "About a minute".to_owned(),
        _ if seconds < HOUR => format!("{} minutes", seconds / MINUTE),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 14 * 24 => format!("{} days", hours / 24),
        _ if hours < 60 * 24 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 730 * 24 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / (365 * DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_docker_says_them() {
        #[track_caller]
        fn check(seconds: i64, expected: &str) {
            assert_eq!(words(seconds), expected);
        }
        check(0, "Less than a second");
        check(1, "1 second");
        check(59, "59 seconds");
        check(60, "About a minute");
        check(119, "About a minute");
        check(120, "2 minutes");
        check(3_599, "59 minutes");
        check(3_600, "About an hour");
        check(2 * 3_600, "2 hours");
        check(47 * 3_600, "47 hours");
        check(48 * 3_600, "2 days");
        check(14 * 86_400, "2 weeks");
        check(61 * 86_400, "2 months");
        check(800 * 86_400, "2 years");
    }

    #[test]
    fn a_clock_that_is_behind_counts_as_now() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(since(now + jiff::SignedDuration::from_secs(5), now), "Less than a second");
    }
}

//! Points in time as docker writes them: a date, seconds since 1970, or how long ago.

use jiff::{SignedDuration, Timestamp};

/// Reads a point in time. What names no zone is in UTC.
///
/// # Errors
/// What is expected, where it is none.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let dates = [text.to_owned(), format!("{text}Z"), format!("{text}:00Z"), format!("{text}:00:00Z"), format!("{text}T00:00:00Z")];
    // Hours alone, or nothing of the time, are only forms of what begins with a date.
    let is_date = text.len() >= 10 && text.as_bytes()[4] == b'-';
    let date = || dates.iter().find_map(|text| text.parse::<Timestamp>().ok()).filter(|_| is_date);
    let found = date().or_else(|| unix(text)).or_else(|| now.checked_sub(ago(text)?).ok());
    found.ok_or_else(|| "expected a time such as 2026-01-31T13:23:37Z, or how long ago, such as 42m or 1h30m".to_owned())
}

fn unix(text: &str) -> Option<Timestamp> {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let nanoseconds: i32 = format!("{rest:0<9}").get(..9)?.parse().ok().filter(|_| is_number(rest))?;
    Timestamp::new(seconds.parse().ok().filter(|_| is_number(seconds))?, nanoseconds).ok()
}

/// A duration as Go writes it.
fn ago(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, f64); 7] = [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len()));
        seconds += number.parse::<f64>().ok()? * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = after;
    }
    SignedDuration::try_from_secs_f64(seconds).ok().filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_read_in_dockers_forms() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-01-01T13:23:37Z", "2026-01-01T13:23:37Z"),
            ("2026-01-01T13:23:37.5+02:00", "2026-01-01T11:23:37.5Z"),
            ("2026-01-01T13:23:37", "2026-01-01T13:23:37Z"),
            ("2026-01-01T13:23", "2026-01-01T13:23:00Z"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("1767225600.25", "2026-01-01T00:00:00.25Z"),
            ("42m", "2026-01-02T11:18:00Z"),
            ("1h30m1.5s", "2026-01-02T10:29:58.5Z"),
        ] {
            assert_eq!(parse(text, now).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "m", "42", "yesterday", "1d", "2026-13-01", "-5m", "1.2.3"] {
            assert!(text == "42" || parse(text, now).is_err(), "{text}");
        }
    }
}

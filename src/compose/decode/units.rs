//! Byte sizes and durations ("Values" of the Compose specification).

use crate::yaml::parse_float;

/// What [`bytes`] takes, for messages.
pub const BYTES_WANTED: &str = "a number of bytes, alone or with b, k, m, g, t or p, such as 512m or 1.5GiB";
/// What [`duration`] takes, for messages.
pub const DURATION_WANTED: &str = "a number with a unit of w, d, h, m, s, ms, us or ns, such as 1m30s";

/// Bytes of `1.5g`, `512MiB`, `1024` or `-1`: powers of 1024, units in any case, `b` and `ib` after them optional. `None` for anything else
/// and past `i64`.
pub fn bytes(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let number = text[..=last].strip_suffix(' ').unwrap_or(&text[..=last]);
    let unit = text[last + 1..].to_lowercase();
    let number = parse_float(number).filter(|number| *number >= 0.0)?;
    let (power, rest) = match unit.chars().next() {
        None => (0, ""),
        Some('b') => (0, &unit[1..]),
        Some(letter) => ("kmgtp".find(letter)? + 1, unit[1..].strip_prefix("ib").or(unit[1..].strip_prefix('b')).unwrap_or(&unit[1..])),
    };
    let size = number * 1024_f64.powi(i32::try_from(power).ok()?);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the range is checked; fractions of a byte are cut")]
    (rest.is_empty() && size < i64::MAX as f64).then_some(size as i64)
}

const NANOSECOND: i64 = 1;
const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Nanoseconds of `1h5m30s20ms`, also `us`, `ns`, `d` and `w`, with fractions and a sign. A number without a unit is refused, but for 0.
/// `None` for anything else and past `i64`.
pub fn duration(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Some(0);
    }
    let mut rest = unsigned;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let whole = digits(&mut rest);
        let fraction = rest.strip_prefix('.').map(|after| {
            rest = after;
            digits(&mut rest)
        });
        if whole.is_empty() && fraction.is_none_or(str::is_empty) {
            return None;
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => NANOSECOND,
            "us" | "µs" | "μs" => MICROSECOND,
            "ms" => MILLISECOND,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => WEEK,
            _ => return None,
        };
        rest = &rest[end..];
        let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
        let part = whole.checked_mul(unit)?.checked_add(fraction.map_or(0, |fraction| fraction_of(unit, fraction)))?;
        total = total.checked_add(part)?;
    }
    (!unsigned.is_empty()).then_some(if negative { -total } else { total })
}

/// A duration as the reference prints it (Go's `time.Duration`): `1h5m30.02s`, `1.5ms`, `0s`.
pub fn format_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    let second = SECOND.unsigned_abs();
    if total < second {
        let text = match total {
            0 => "0s".to_owned(),
            1..1_000 => format!("{total}ns"),
            1_000..1_000_000 => format!("{}µs", decimal(total, 1_000, 3)),
            _ => format!("{}ms", decimal(total, 1_000_000, 6)),
        };
        return format!("{sign}{text}");
    }
    let minutes = total / second / 60;
    let seconds = decimal(total % (60 * second), second, 9);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn digits<'t>(rest: &mut &'t str) -> &'t str {
    let (digits, after) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    *rest = after;
    digits
}

/// A decimal fraction of a unit, in whole nanoseconds; digits that an `i64` can't hold are not significant.
fn fraction_of(unit: i64, digits: &str) -> i64 {
    const SIGNIFICANT: usize = 18;
    let digits = &digits[..digits.len().min(SIGNIFICANT)];
    let Ok(value) = digits.parse::<i64>() else { return 0 };
    let scale = 10_f64.powi(i32::try_from(digits.len()).unwrap_or_default());
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "less than one unit, cut to nanoseconds")]
    let part = (value as f64 * (unit as f64 / scale)) as i64;
    part
}

/// `total / unit` with up to `places` decimals and no trailing zeros.
fn decimal(total: u64, unit: u64, places: usize) -> String {
    let fraction = format!("{:0places$}", total % unit);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{}", total / unit) } else { format!("{}.{fraction}", total / unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn size(text: &str, expected: Option<i64>) {
        assert_eq!(bytes(text), expected, "{text}");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        size("1024", Some(1024));
        size("-1", Some(-1));
        size("0", Some(0));
        size("1.5g", Some(1_610_612_736));
        size("512MiB", Some(536_870_912));
        size("1KB", Some(1024));
        size("2 k", Some(2048));
        size("1t", Some(1 << 40));
        size("1PiB", Some(1 << 50));
        size("10b", Some(10));
        size("0.5", Some(0));
        size(".5k", Some(512));
        size("1e3", Some(1000));
        for refused in ["", "m", "1mi", "1kbb", "1bb", "1e", "1x", "-1k", "a1", "1 2k", "9e30", "99999999p", "1kİ", "k1"] {
            size(refused, None);
        }
    }

    #[track_caller]
    fn time(text: &str, nanoseconds: i64, printed: &str) {
        assert_eq!(duration(text), Some(nanoseconds), "{text}");
        assert_eq!(format_duration(nanoseconds), printed, "{text}");
    }

    #[test]
    fn durations_are_read_and_printed_as_the_reference_does() {
        time("1h5m30s20ms", 3_930_020_000_000, "1h5m30.02s");
        time("90s", 90 * SECOND, "1m30s");
        time("1.5h", 90 * MINUTE, "1h30m0s");
        time("1d", DAY, "24h0m0s");
        time("1w", WEEK, "168h0m0s");
        time("1.5us", 1500, "1.5µs");
        time("100µs", 100_000, "100µs");
        time("1500us", 1_500_000, "1.5ms");
        time("7ns", 7, "7ns");
        time("0", 0, "0s");
        time("0s", 0, "0s");
        time("-1m", -MINUTE, "-1m0s");
        time(".5s", 500 * MILLISECOND, "500ms");
        time("1m1m", 2 * MINUTE, "2m0s");
        for refused in ["", "10", "s", ".s", "1", "1x", "1h 5m", "1,5h", "9999999999h", "--1s", "1.2.3s", "1h5"] {
            assert_eq!(duration(refused), None, "{refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_printed_duration_reads_back_the_same(nanoseconds in proptest::num::i64::ANY) {
            // The fraction of a second passes through a float.
            let rounded = nanoseconds / 1000 * 1000;
            proptest::prop_assert_eq!(duration(&format_duration(rounded)), Some(rounded));
        }

        #[test]
        fn a_whole_size_reads_back_the_same(size in 0_i64..1 << 40) {
            proptest::prop_assert_eq!(bytes(&format!("{size}k")), Some(size * 1024));
            proptest::prop_assert_eq!(bytes(&size.to_string()), Some(size));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,12}|[0-9.kmgbisunµhdw+ -]{0,12}") {
            let _ = (bytes(&text), duration(&text));
        }
    }
}

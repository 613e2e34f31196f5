/// A plain scalar that go-yaml reads as a time, printed as Go prints it: `2001-12-14 21:59:43.1 -0500 -0500`.
///
/// The forms are go-yaml's: a date; a date, a blank and a time; a date, `T` or `t`, a time and a zone.
pub fn resolve(text: &str) -> Option<String> {
    let mut rest = text;
    let year = digits(&mut rest, 4, 4)?;
    let month = eat(&mut rest, '-').then(|| digits(&mut rest, 1, 2)).flatten().filter(|month| (1..=12).contains(month))?;
    let day = eat(&mut rest, '-').then(|| digits(&mut rest, 1, 2)).flatten().filter(|day| (1..=days(year, month)).contains(day))?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date} 00:00:00 +0000 UTC"));
    }
    let zoned = eat(&mut rest, 'T') || eat(&mut rest, 't');
    if !zoned && !eat(&mut rest, ' ') {
        return None;
    }
    if !zoned {
        rest = rest.trim_start_matches(' ');
    }
    let time = clock(&mut rest)?;
    let zone = if zoned { zone(rest)? } else { rest.is_empty().then(|| "+0000 UTC".to_owned())? };
    Some(format!("{date} {time} {zone}"))
}

/// A time as [`resolve`] prints it, in the form of RFC 3339: `2001-12-14T21:59:43.1-05:00`.
pub fn rfc3339(printed: &str) -> String {
    let parts: Vec<&str> = printed.split(' ').collect();
    match parts[..] {
        [date, time, _, "UTC"] => format!("{date}T{time}Z"),
        [date, time, zone, _] if zone.len() == 5 => format!("{date}T{time}{}:{}", &zone[..3], &zone[3..]),
        _ => printed.to_owned(),
    }
}

fn eat(rest: &mut &str, wanted: char) -> bool {
    rest.strip_prefix(wanted).map(|after| *rest = after).is_some()
}

fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(count);
    *rest = after;
    (count >= least).then(|| number.parse().ok()).flatten()
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `15:04:05.999999999`, the fraction without its trailing zeros.
fn clock(rest: &mut &str) -> Option<String> {
    let hour = digits(rest, 1, 2).filter(|hour| *hour < 24)?;
    let minute = eat(rest, ':').then(|| digits(rest, 1, 2)).flatten().filter(|minute| *minute < 60)?;
    let second = eat(rest, ':').then(|| digits(rest, 1, 2)).flatten().filter(|second| *second < 60)?;
    let mut time = format!("{hour:02}:{minute:02}:{second:02}");
    if eat(rest, '.') || eat(rest, ',') {
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, after) = rest.split_at(count);
        *rest = after;
        let nanoseconds = fraction.get(..count.min(9)).filter(|kept| !kept.is_empty())?.trim_end_matches('0');
        if !nanoseconds.is_empty() {
            time = format!("{time}.{nanoseconds}");
        }
    }
    Some(time)
}

/// `Z` or `±hh:mm`, with the name that Go gives to the zone.
fn zone(rest: &str) -> Option<String> {
    if rest == "Z" {
        return Some("+0000 UTC".to_owned());
    }
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let mut rest = &rest[1..];
    let hours = digits(&mut rest, 2, 2).filter(|hours| *hours <= 24)?;
    let minutes = eat(&mut rest, ':').then(|| digits(&mut rest, 2, 2)).flatten().filter(|minutes| *minutes < 60)?;
    if !rest.is_empty() {
        return None;
    }
    if (hours, minutes) == (0, 0) {
        return Some("+0000 UTC".to_owned());
    }
    let offset = format!("{sign}{hours:02}{minutes:02}");
    Some(format!("{offset} {offset}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(resolve(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_printed_as_the_reference_prints_them() {
        check("2020-01-31", Some("2020-01-31 00:00:00 +0000 UTC"));
        check("2020-1-3", Some("2020-01-03 00:00:00 +0000 UTC"));
        check("2001-12-14t21:59:43.10-05:00", Some("2001-12-14 21:59:43.1 -0500 -0500"));
        check("2001-12-14T21:59:43Z", Some("2001-12-14 21:59:43 +0000 UTC"));
        check("2001-12-14 21:59:43.10", Some("2001-12-14 21:59:43.1 +0000 UTC"));
        check("2001-12-14T21:59:43", None);
        check("2001-12-14 21:59:43Z", None);
        check("2021-02-29", None);
        check("2020-13-01", None);
        check("20-01-01", None);
        check("2020-01-01x", None);
        check("2020-01-é", None);
    }
}

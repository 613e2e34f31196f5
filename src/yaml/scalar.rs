use super::{TIMESTAMP, Value, timestamp};

/// What a plain scalar is under go-yaml's rules: YAML 1.2 with 1.1's octals, binaries, underscores and times, without its `yes` and `no`.
/// The tag is [`TIMESTAMP`] for times.
pub fn resolve(text: &str) -> (Value, Option<&'static str>) {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        "-0" | "-0.0" => Value::Float(-0.0),
        _ => match text.as_bytes()[0] {
            b'.' => decimal(text).map_or_else(|| text.into(), Value::Float),
            b'0'..=b'9' | b'+' | b'-' => {
                if let Some(time) = timestamp::resolve(text) {
                    return (time.into(), Some(TIMESTAMP));
                }
                number(text).unwrap_or_else(|| text.into())
            }
            _ => text.into(),
        },
    };
    (value, None)
}

/// Whether a plain scalar is read as the text that it is.
pub fn is_text(text: &str) -> bool {
    text != "<<" && matches!(resolve(text), (Value::String(_), None))
}

/// What a scalar with a tag of the core schema (`!!int`) is, or what the text is instead of that.
///
/// # Errors
/// The tag that the text would have had.
pub fn resolve_tagged(tag: &str, text: &str) -> Result<(Value, Option<&'static str>), &'static str> {
    if !matches!(tag, "bool" | "int" | "float" | "null" | "timestamp") {
        return Ok((text.into(), None));
    }
    let (value, mark) = resolve(text);
    let found = match &value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Uint(_) => "int",
        Value::Float(_) => "float",
        _ if mark.is_some() => "timestamp",
        _ => "str",
    };
    match value {
        #[expect(clippy::cast_precision_loss, reason = "the file asks for a float")]
        Value::Int(value) if tag == "float" => Ok((Value::Float(value as f64), None)),
        value if found == tag => Ok((value, mark)),
        _ => Err(found),
    }
}

/// A float as Go's `strconv.ParseFloat` reads decimal ones: `None` for anything else and for what a `f64` can't hold.
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.to_ascii_lowercase().as_str() {
        "inf" | "infinity" | "nan" => {}
        _ if is_decimal(unsigned) => {}
        _ => return None,
    }
    let value: f64 = text.parse().ok()?;
    (value.is_finite() || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')).then_some(value)
}

/// A float as Go prints it (`%v`): the shortest digits that read back the same, with an exponent below 1e-4 and from 1e6 on.
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or_default();
    if value != 0.0 && !(-4..6).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", power.abs());
    }
    format!("{value}")
}

fn number(text: &str) -> Option<Value> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, unsigned) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
        let magnitude = u64::from_str_radix(digits, radix).ok();
        let signed = i64::from_str_radix(&if negative { format!("-{digits}") } else { digits.to_owned() }, radix).ok();
        if let Some(value) = signed {
            return Some(Value::Int(value));
        }
        if let (Some(value), b'0'..=b'9') = (magnitude, plain.as_bytes()[0]) {
            return Some(Value::Uint(value));
        }
    }
    if is_decimal(unsigned) { plain.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Float) } else { None }
}

/// A plain scalar that starts with a point: Go's own syntax, where underscores stand between digits only.
fn decimal(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    if !text.match_indices('_').all(|(at, _)| between_digits(at)) {
        return None;
    }
    parse_float(&text.replace('_', ""))
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, then an optional exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.find(['e', 'E']).map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !unsigned.is_empty() && digits(unsigned)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: impl Into<Value>) {
        assert_eq!(resolve(text), (expected.into(), None), "{text}");
    }

    #[test]
    fn yaml_1_1_booleans_and_base_60_stay_text() {
        for text in ["yes", "no", "on", "off", "y", "N", "22:22", "1:30:00", "tRue", "nULL"] {
            check(text, text);
        }
        check("true", true);
        check("FALSE", false);
        check("~", Value::Null);
        check("NULL", Value::Null);
    }

    #[test]
    fn integers_come_in_four_bases_with_underscores() {
        check("0440", 288);
        check("0o17", 15);
        check("0x1F", 31);
        check("-0x1F", -31);
        check("0b11", 3);
        check("1_000", 1000);
        check("+5", 5);
        check("0", 0);
        check("_1", "_1");
        check("0x", "0x");
        check("1a", "1a");
        check("-", "-");
        check("18446744073709551615", Value::Uint(u64::MAX));
        check("-9223372036854775808", i64::MIN);
        check("99999999999999999999", 1e20);
    }

    #[test]
    fn floats_are_decimal() {
        check(".5", 0.5);
        check("+.5", 0.5);
        check("1e3", 1000.0);
        check("08", 8.0);
        check("1.", 1.0);
        check("-0", -0.0);
        check("1e400", "1e400");
        check(".e3", ".e3");
        check("1.2.3", "1.2.3");
        check(".inf", f64::INFINITY);
        check("inf", "inf");
        check(".", ".");
        check(".5é", ".5é");
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, expected) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (1e20, "1e+20"),
            (100_000.5, "100000.5"),
            (1e6, "1e+06"),
            (1e-7, "1e-07"),
            (-0.0, "-0"),
        ] {
            assert_eq!(format_float(value), expected);
        }
        assert_eq!(format_float(123_456_789.5), "1.234567895e+08");
        assert_eq!(format_float(0.00012), "0.00012");
    }

    #[test]
    fn core_tags_force_a_type_or_say_what_was_found() {
        assert_eq!(resolve_tagged("str", "5"), Ok(("5".into(), None)));
        assert_eq!(resolve_tagged("float", "5"), Ok((5.0.into(), None)));
        assert_eq!(resolve_tagged("int", "5"), Ok((5.into(), None)));
        assert_eq!(resolve_tagged("int", "a"), Err("str"));
        assert_eq!(resolve_tagged("bool", "yes"), Err("str"));
    }
}

//! JSON as Go writes it: what a page of HTML would take for its own is escaped, numbers have Go's forms.

use std::fmt::Write;

use serde_json::Value as Json;

/// Whole floats below this are written without an exponent, as are fractions above the other.
const LARGE: f64 = 1e21;
const SMALL: f64 = 1e-6;

/// On one line, without blanks.
pub fn compact(value: &Json) -> String {
    let mut text = String::new();
    write(value, None, &mut text);
    text
}

/// On lines of their own, indented by two.
pub fn pretty(value: &Json) -> String {
    let mut text = String::new();
    write(value, Some(0), &mut text);
    text
}

fn write(value: &Json, indent: Option<usize>, text: &mut String) {
    match value {
        Json::String(string) => write_string(string, text),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => text.push_str(&float_text(float)),
            None => {
                let _ = write!(text, "{number}");
            }
        },
        Json::Array(items) => write_all(items, ['[', ']'], indent, text, write),
        Json::Object(entries) => write_all(entries, ['{', '}'], indent, text, |(key, value), indent, text| {
            write_string(key, text);
            text.push_str(if indent.is_some() { ": " } else { ":" });
            write(value, indent, text);
        }),
        Json::Null | Json::Bool(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

fn write_all<T>(
    items: impl IntoIterator<Item = T>,
    [open, close]: [char; 2],
    indent: Option<usize>,
    text: &mut String,
    one: impl Fn(T, Option<usize>, &mut String),
) {
    let inner = indent.map(|indent| indent + 2);
    let line = |indent: Option<usize>, text: &mut String| {
        if let Some(indent) = indent {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
        }
    };
    text.push(open);
    let mut empty = true;
    for item in items {
        if !empty {
            text.push(',');
        }
        empty = false;
        line(inner, text);
        one(item, inner, text);
    }
    if !empty {
        line(indent, text);
    }
    text.push(close);
}

fn write_string(string: &str, text: &mut String) {
    for c in Json::from(string).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
}

fn float_text(float: f64) -> String {
    if float == 0.0 || (SMALL..LARGE).contains(&float.abs()) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    if float.abs() >= LARGE { text.replace('e', "e+") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_escaped_as_in_go() {
        let value = json!({"<a>": "&\u{2028}\u{2029}\u{1}\u{8}\u{c}\n\r\t\"\\/é\u{7f}"});
        assert_eq!(compact(&value), r#"{"\u003ca\u003e":"\u0026\u2028\u2029\u0001\b\f\n\r\t\"\\/é"#.to_owned() + "\u{7f}\"}");
    }

    #[test]
    fn numbers_have_the_forms_of_go() {
        let value = json!([1.0, 0.5, 1e20, 1e21, 1.5e30, 1e-6, 1.5e-7, -2.0, 0.0, 18_446_744_073_709_551_615_u64, -3]);
        assert_eq!(compact(&value), "[1,0.5,100000000000000000000,1e+21,1.5e+30,0.000001,1.5e-7,-2,0,18446744073709551615,-3]");
    }

    #[test]
    fn lines_are_indented_by_two() {
        let value = json!({"a": [], "b": {}, "c": [1, {"d": null}]});
        assert_eq!(pretty(&value), serde_json::to_string_pretty(&value).unwrap_or_default());
        assert_eq!(compact(&value), value.to_string());
    }
}

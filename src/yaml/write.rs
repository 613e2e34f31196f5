//! JSON → YAML text that readers of YAML 1.1 and 1.2 read alike: what either takes for a boolean, a number or a date is quoted.

use serde_json::Value as Json;

/// Longer keys must be marked as such: readers look no further for the colon.
const LONGEST_KEY: usize = 1000;

/// The value as a block of YAML, ended by a line break. Texts of several lines are literal blocks.
pub fn write(value: &Json) -> String {
    let mut text = String::new();
    match value {
        Json::Object(map) if !map.is_empty() => block(value, 0, &mut text),
        Json::Array(items) if !items.is_empty() => block(value, 0, &mut text),
        scalar => text.push_str(&inline(scalar)),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn block(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(map) => {
            for (index, (key, value)) in map.iter().enumerate() {
                // The first entry of an item of a list stands behind its dash.
                if index > 0 || text.is_empty() || text.ends_with('\n') {
                    text.extend(std::iter::repeat_n(' ', indent));
                }
                let key = scalar_text(key);
                if key.len() > LONGEST_KEY {
                    text.extend(["? ", &key, "\n"]);
                    text.extend(std::iter::repeat_n(' ', indent));
                } else {
                    text.push_str(&key);
                }
                text.push(':');
                below(value, indent, text);
            }
        }
        Json::Array(items) => {
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push('-');
                match item {
                    Json::Object(map) if !map.is_empty() => {
                        text.push(' ');
                        block(item, indent + 2, text);
                    }
                    _ => below(item, indent, text),
                }
            }
        }
        scalar => text.push_str(&inline(scalar)),
    }
}

/// What follows a key or a dash.
fn below(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Json::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Json::String(lines) if is_literal(lines) => literal(lines, indent + 2, text),
        other => {
            text.push(' ');
            text.push_str(&inline(other));
            text.push('\n');
        }
    }
}

fn inline(value: &Json) -> String {
    match value {
        Json::String(text) => scalar_text(text),
        other => other.to_string(),
    }
}

/// A text on one line: plain where no reader takes it for anything else, else as JSON writes it.
fn scalar_text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // JSON leaves special characters beyond ASCII as they are, YAML takes some of them for line breaks.
    let escaped = |c: char| if is_special(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Json::from(text).to_string().chars().map(escaped).collect()
}

fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let inner = |c: char| c.is_ascii_alphanumeric() || " _./@+-=,()$:%".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether a text can stand as a literal block: several lines, nothing that a block can't hold as it is.
fn is_literal(text: &str) -> bool {
    let starts_with_text = text.trim_start_matches('\n').starts_with(|c: char| !c.is_whitespace());
    text.contains('\n') && starts_with_text && text.chars().all(|c| c == '\n' || !is_special(c))
}

fn literal(lines: &str, indent: usize, text: &mut String) {
    let ends = lines.len() - lines.trim_end_matches('\n').len();
    text.push_str(match ends {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in lines.strip_suffix('\n').unwrap_or(lines).split('\n') {
        if !line.is_empty() {
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(line);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::{FileId, parse, to_json};

    #[track_caller]
    fn check(value: &Json) {
        let text = write(value);
        let (documents, errors) = parse(&text, FileId(0));
        assert!(errors.is_empty(), "{text}: {errors:?}");
        assert_eq!(to_json(&documents[0]), *value, "{text}");
        let other: Json = serde_yaml::from_str(&text).unwrap_or_default();
        assert_eq!(other, *value, "{text}");
    }

    #[test]
    fn a_key_of_any_length_is_read_as_it_was() {
        for length in [1000, 1001, 1024, 5000] {
            let key = "k".repeat(length);
            check(&json!({&key: 1}));
            check(&json!({"a": [{&key: {"b": [1], &key: "x\ny\n"}}, {"c": 1}]}));
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for text in [
            "",
            " ",
            "a",
            "a: b",
            "a #b",
            "- a",
            "yes",
            "N",
            "0x1f",
            "1e3",
            "22:22",
            "2001-01-01",
            "~",
            "null",
            "'a'",
            "\"",
            "\\",
            "%a",
            "@a",
            "`",
            "a:",
            "key=value",
            "x\ty",
            "\u{1}",
            "ä",
            "\u{85}",
            "<<",
            "=",
            "*a",
            "&a",
            "!a",
            "{a}",
            "[a]",
            "|",
            ">",
            "?",
            "a\n",
            "a\nb",
            "a\n\nb\n\n",
            "\n",
            "\na",
            " a\nb",
            "a\r\nb",
            "  \n",
            "yes\nkey: no\n",
            "# a\nb\n",
            "--- a\nb",
        ] {
            check(&json!(text));
            check(&json!({ "k": text, "l": [text, [text], { "m": text, "n": 1 }] }));
            check(&json!({ text: 1 }));
        }
    }

    #[test]
    fn values_of_every_kind_keep_their_form() {
        check(&json!({"a": {}, "b": [], "c": null, "d": true, "e": 1.5, "f": -3, "g": [[1, [2]], {"h": {"i": [{"j": {}}]}}]}));
        check(&json!([]));
        check(&json!({}));
        check(&json!([{"a": [{"b": "c\nd\n"}]}]));
    }

    #[test]
    fn manifests_look_as_people_write_them() {
        let manifest = json!({"kind": "Service", "metadata": {"name": "web", "labels": {"a": "yes"}}, "spec": {"ports": [{"port": 80, "name": "p-80-tcp"}], "args": ["a", "b"]}});
        let expected = "kind: Service\nmetadata:\n  name: web\n  labels:\n    a: \"yes\"\nspec:\n  ports:\n    - port: 80\n      name: p-80-tcp\n  args:\n    - a\n    - b\n";
        assert_eq!(write(&manifest), expected);
    }
}

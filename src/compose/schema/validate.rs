//! Checking a tree against the table: unknown keys, wrong types, missing keys, values out of range.

use std::collections::HashMap;

use crate::compose::diagnostic::Diagnostic;
use crate::compose::path::Place;
use crate::compose::problems::Problems;
use crate::compose::tree::{fingerprint, has, tainted};
use crate::yaml::{Entry, Node, Span, Value};

use super::{Attribute, BOOL, INT, Kind, LIST, MAP, NULL, NUM, Object, STR, Types, resource, type_of};

/// Checks a whole tree.
pub fn validate(object: &'static Object, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(mapping) = node.as_mapping() else {
        wrong_type(node, MAP, path, problems);
        return;
    };
    for (key, entry) in mapping {
        match object.attribute(key) {
            Some(attribute) => value(attribute, &entry.value, &path.key(key), problems),
            None if key.starts_with("x-") && object.extensions => {}
            None if object.open => {
                problems.warn("unknown-attribute", &path.key(key), entry.key_span, "unknown attribute, which has no effect");
            }
            None => unknown(object, key, entry, path, problems),
        }
    }
    for key in object.required.iter().filter(|key| !has(node, key)) {
        problems.error("missing-attribute", path, node.span, format!("\"{key}\" is missing"));
    }
}

fn unknown(object: &'static Object, key: &str, entry: &Entry, path: &Place<'_>, problems: &mut Problems) {
    let mut diagnostic = Diagnostic::error("unknown-attribute", path.key(key).to_string(), "unknown attribute");
    if let Some(close) = problems.closest(key, object.all().map(|attribute| attribute.name)) {
        diagnostic =
            Diagnostic::error("unknown-attribute", path.key(key).to_string(), format!("unknown attribute, did you mean \"{close}\"?"))
                .help(format!("write {close}"));
    }
    problems.add(if entry.key_span == Span::default() { diagnostic } else { diagnostic.at(entry.key_span) });
}

fn wrong_type(node: &Node, allowed: Types, path: &Place<'_>, problems: &mut Problems) {
    problems.error("wrong-type", path, node.span, format!("must be {}, found {}", words(allowed), node.kind()));
}

/// The types of a set in words.
fn words(types: Types) -> String {
    let mut words = Vec::new();
    for (bits, word) in [(MAP, "a mapping"), (LIST, "a list"), (STR, "text"), (BOOL, "true or false")] {
        if types & bits != 0 {
            words.push(word);
        }
    }
    if types & NUM == NUM {
        words.push("a number");
    } else if types & INT != 0 {
        words.push("an integer");
    }
    if types & NULL != 0 {
        words.push("nothing");
    }
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "absent".to_owned(),
    }
}

fn is(node: &Node, types: Types) -> bool {
    type_of(&node.value) & types != 0
}

/// As [`is`]; but `80.0`, an integer elsewhere, is none here, nor is what 64 bits with a sign can't hold.
fn is_strictly(node: &Node, types: Types) -> bool {
    is(node, types) && (types & NUM == NUM || !matches!(node.value, Value::Float(_) | Value::Uint(_)))
}

fn value(attribute: &Attribute, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    let strict = matches!(attribute.kind, Kind::Text | Kind::Count | Kind::Mode);
    // A date without quotes is text only where keys and values are free.
    if !is(node, attribute.types) || strict && !is_strictly(node, attribute.types) || node.is_timestamp() {
        wrong_type(node, attribute.types, path, problems);
        return;
    }
    match attribute.kind {
        Kind::Choice(choices) => choice(choices, node, path, problems),
        Kind::PullPolicy => pull_policy(node, path, problems),
        Kind::ContainerName => check(
            node,
            path,
            problems,
            is_container_name,
            "is no container name; it needs two characters of letters, digits, \"_\", \".\" and \"-\", starting with a letter or digit",
        ),
        Kind::Bytes(min) => range(min, i64::MAX, node, path, problems),
        Kind::Int(min, max) => range(min, max, node, path, problems),
        Kind::Texts(unique) => items(STR, unique, node, path, problems),
        Kind::Mixed => items(INT | STR, true, node, path, problems),
        Kind::Command | Kind::HealthTest => items(STR, false, node, path, problems),
        Kind::Labels | Kind::Environment | Kind::Ssh => {
            entries(NULL | BOOL | NUM | STR, node, path, problems);
            items(STR, true, node, path, problems);
        }
        Kind::Options(types) => {
            entries(types, node, path, problems);
            if types & NUM != NUM {
                strict_entries(types, node, path, problems);
            }
        }
        Kind::Float if matches!(node.value, Value::Uint(_)) || node.as_f64().is_some_and(|number| !number.is_finite()) => {
            problems.hidden_error("out-of-range", path, node, "must be a finite number below 2^63");
        }
        Kind::Strings => entries(STR, node, path, problems),
        Kind::MultiOptions => {
            entries(BOOL | NUM | STR | LIST, node, path, problems);
            for (key, entry) in node.as_mapping().into_iter().flatten() {
                items(BOOL | NUM | STR, false, &entry.value, &path.key(key), problems);
            }
        }
        Kind::Hosts => {
            entries(STR | LIST, node, path, problems);
            items(STR, true, node, path, problems);
            for (key, entry) in node.as_mapping().into_iter().flatten() {
                if entry.value.is_timestamp() {
                    wrong_type(&entry.value, STR | LIST, &path.key(key), problems);
                }
                items(STR, false, &entry.value, &path.key(key), problems);
            }
        }
        Kind::Ulimits(types) => ulimits(types, node, path, problems),
        Kind::External if node.as_mapping().is_some() => {
            let open = matches!(path.parts().as_slice().first(), Some(&("configs" | "secrets")));
            let name = if open { &resource::EXTERNAL_NAME_OPEN } else { &resource::EXTERNAL_NAME };
            validate(name, node, path, problems);
        }
        Kind::Object(object) | Kind::Struct(object) if node.as_mapping().is_some() => validate(object, node, path, problems),
        Kind::Objects(object) => {
            if attribute.name == "gpus" {
                choice(&["all"], node, path, problems);
            }
            for (index, item) in node.as_sequence().into_iter().flatten().enumerate() {
                let path = path.index(index);
                if !is_strictly(item, attribute.items) || item.is_timestamp() {
                    wrong_type(item, attribute.items, &path, problems);
                } else if item.as_mapping().is_some() {
                    validate(object, item, &path, problems);
                }
            }
            if matches!(attribute.name, "ports" | "volumes") {
                repeated(node, path, problems);
            }
        }
        Kind::Keyed(keyed) => {
            items(STR, true, node, path, problems);
            for (key, entry) in node.as_mapping().into_iter().flatten() {
                let path = path.key(key);
                if !is_name(key) {
                    problems.error(
                        "invalid-name",
                        &path,
                        entry.key_span,
                        "is no name: only letters, digits, \".\", \"_\" and \"-\" are allowed",
                    );
                }
                if !(keyed.nullable && entry.value.is_null()) {
                    validate(keyed.object, &entry.value, &path, problems);
                }
            }
        }
        _ => {}
    }
}

fn check(node: &Node, path: &Place<'_>, problems: &mut Problems, rule: fn(&str) -> bool, message: &str) {
    if let Some(text) = node.as_str()
        && !rule(text)
    {
        problems.hidden_error("invalid-value", path, node, &format!("\"{text}\" {message}"));
    }
}

fn pull_policy(node: &Node, path: &Place<'_>, problems: &mut Problems) {
    if let Some(text) = node.as_str().filter(|text| !is_pull_policy(text)) {
        let close = problems.closest(text, PULL_POLICIES).map(|close| format!(" (did you mean \"{close}\"?)")).unwrap_or_default();
        let message = format!("\"{text}\" is no pull policy; allowed are {} and every_<duration>{close}", PULL_POLICIES.join(", "));
        problems.hidden_error("invalid-value", path, node, &message);
    }
}

fn choice(choices: &[&str], node: &Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(text) = node.as_str() else { return };
    if !choices.contains(&text) {
        let close =
            problems.closest(text, choices.iter().copied()).map(|close| format!(" (did you mean \"{close}\"?)")).unwrap_or_default();
        problems.hidden_error(
            "invalid-value",
            path,
            node,
            &format!("\"{text}\" is not allowed; allowed are {}{close}", choices.join(", ")),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "the bounds are far below the precision of a float, or have no meaning")]
fn range(min: i64, max: i64, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    if let Some(number) = node.as_f64()
        && (matches!(node.value, Value::Uint(_)) || !(min as f64..=max as f64).contains(&number))
    {
        let bounds = if max == i64::MAX { format!("{min} or more") } else { format!("between {min} and {max}") };
        problems.hidden_error("out-of-range", path, node, &format!("must be {bounds}, found {number}"));
    }
}

fn items(types: Types, unique: bool, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (index, item) in node.as_sequence().into_iter().flatten().enumerate() {
        if !is_strictly(item, types) || item.is_timestamp() {
            wrong_type(item, types, &path.index(index), problems);
        }
    }
    if unique {
        repeated(node, path, problems);
    }
}

/// What an item says, for comparing it with others.
#[derive(PartialEq, Eq, Hash)]
enum Said<'a> {
    Text(&'a str),
    Other(String),
}

/// Lists that must not repeat an item.
fn repeated(node: &Node, path: &Place<'_>, problems: &mut Problems) {
    let items = node.as_sequence().unwrap_or_default();
    let mut seen: HashMap<Said<'_>, usize, foldhash::fast::RandomState> = HashMap::default();
    for (index, item) in items.iter().enumerate() {
        let said = item.as_str().map_or_else(|| Said::Other(fingerprint(item)), Said::Text);
        if let Some(earlier) = seen.insert(said, index) {
            let quoted = item.as_str().filter(|_| !tainted(item)).map(|text| format!("\"{text}\" ")).unwrap_or_default();
            problems.add(
                Diagnostic::error("duplicate-item", path.index(index).to_string(), format!("{quoted}stands twice in the list"))
                    .at(item.span)
                    .note("first here", Some(items[earlier].span)),
            );
        }
    }
}

fn entries(types: Types, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        if !is(&entry.value, types) {
            wrong_type(&entry.value, types, &path.key(key), problems);
        }
    }
}

/// Entries that are text, or integers as text.
fn strict_entries(types: Types, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        if is(&entry.value, types) && (!is_strictly(&entry.value, types) || entry.value.is_timestamp()) {
            wrong_type(&entry.value, types, &path.key(key), problems);
        }
    }
}

fn ulimits(types: Types, node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        let (path, limit) = (path.key(key), &entry.value);
        if !is_strictly(limit, types) || limit.is_timestamp() {
            wrong_type(limit, types, &path, problems);
        }
        // As in the specification's schema, what stands under other names is not looked at.
        let checked = key.bytes().all(|byte| byte.is_ascii_lowercase());
        let Some(mapping) = limit.as_mapping().filter(|_| checked) else { continue };
        for key in ["soft", "hard"].into_iter().filter(|key| !mapping.contains_key(*key)) {
            problems.error("missing-attribute", &path, limit.span, format!("\"{key}\" is missing"));
        }
        for (key, entry) in mapping {
            match key.as_str() {
                "soft" | "hard" if !is_strictly(&entry.value, INT | STR) || entry.value.is_timestamp() => {
                    wrong_type(&entry.value, INT | STR, &path.key(key), problems);
                }
                "soft" | "hard" => {}
                key if key.starts_with("x-") => {}
                key => problems.error("unknown-attribute", &path.key(key), entry.key_span, "unknown attribute; allowed are soft and hard"),
            }
        }
    }
}

/// Names of services, networks, volumes, configs, secrets and models.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Somewhere a letter or digit that a legal character follows.
fn is_container_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && legal(pair[1]))
}

const PULL_POLICIES: [&str; 8] = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];

fn is_pull_policy(text: &str) -> bool {
    if PULL_POLICIES.contains(&text) {
        return true;
    }
    let Some(mut rest) = text.strip_prefix("every_").filter(|rest| !rest.is_empty()) else { return false };
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if unit.len() == rest.len() || !unit.starts_with(['w', 'd', 'h', 'm', 's']) {
            return false;
        }
        rest = &unit[1..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_policies_follow_the_specification() {
        for (text, expected) in [("web", true), ("my_db.1-a", true), ("a b", false), ("", false), ("ä", false)] {
            assert_eq!(is_name(text), expected, "{text}");
        }
        for (text, expected) in [("always", true), ("every_1d12h", true), ("every_", false), ("every_d", false), ("sometimes", false)] {
            assert_eq!(is_pull_policy(text), expected, "{text}");
        }
        for (text, expected) in [("web-1", true), ("a", false), ("-", false), ("", false)] {
            assert_eq!(is_container_name(text), expected, "{text}");
        }
    }

    #[test]
    fn allowed_types_read_as_words() {
        assert_eq!(words(STR | LIST), "a list or text");
        assert_eq!(words(NUM | STR | MAP), "a mapping, text or a number");
        assert_eq!(words(MAP), "a mapping");
    }
}

//! Written values → the values that they mean, attribute by attribute: sizes as bytes, commands as words, lists of `KEY=VALUE` as mappings.
//!
//! The tree has passed the schema; what has not, stays as it is. After this pass it is what `config` prints, see [`super::print`].

use crate::yaml::{Entry, Mapping, Node, Value};

use super::decode::{units, words};
use super::interpolate::{Cast, single_precision};
use super::path::Place;
use super::problems::Problems;
use super::schema::{Attribute, Keyed, Kind, Object};
use super::tree::{derived, made};

/// Converts every attribute below a node.
pub fn conform(object: &'static Object, node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(mapping) = node.as_mapping_mut() else { return };
    for (key, entry) in mapping.iter_mut() {
        if let Some(attribute) = object.attribute(key) {
            value(attribute, &mut entry.value, &path.key(key), problems);
        }
    }
}

fn value(attribute: &Attribute, node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    // The schema has told of a time.
    if node.is_null() || node.is_timestamp() {
        return;
    }
    match attribute.kind {
        Kind::Choice(_) | Kind::PullPolicy | Kind::ContainerName => {}
        Kind::Text => as_text(node),
        Kind::Flag | Kind::OptOut | Kind::External => cast(Cast::Bool, node, path, problems),
        Kind::Int(..) => integer(node, path, problems),
        Kind::Float => {
            cast(Cast::Float, node, path, problems);
            if let Some(number) = node.as_f64() {
                node.value = Value::Float(single_precision(number));
            }
        }
        Kind::Bytes(_) => bytes(node, path, problems),
        Kind::Mode => mode(node, path, problems),
        Kind::Count => {
            if node.as_str().is_some_and(|text| text.eq_ignore_ascii_case("all")) {
                node.value = Value::Int(-1);
            } else {
                integer(node, path, problems);
            }
        }
        Kind::Duration => duration(node, path, problems),
        Kind::Command => command(node, path, problems),
        Kind::HealthTest => health_test(node, path, problems),
        Kind::Texts(_) | Kind::Mixed => texts(node),
        Kind::Ssh if node.as_mapping().is_some() => {}
        Kind::Ssh => key_values(node, None),
        Kind::Environment => {
            trailing_spaces(node, path, problems);
            key_values(node, None);
        }
        Kind::Labels | Kind::Options(_) | Kind::Strings => key_values(node, Some("")),
        Kind::MultiOptions => {
            for entry in node.as_mapping_mut().into_iter().flat_map(Mapping::values_mut) {
                texts(&mut entry.value);
            }
            if let Some(options) = node.as_mapping_mut() {
                options.retain(|_, entry| entry.value.as_sequence().is_some_and(|values| !values.is_empty()));
            }
        }
        Kind::Hosts => hosts(node, path, problems),
        Kind::Ulimits(_) => ulimits(node, path, problems),
        Kind::Object(object) | Kind::Struct(object) => conform(object, node, path, problems),
        Kind::Objects(object) => {
            for (index, item) in node.as_sequence_mut().into_iter().flatten().enumerate() {
                conform(object, item, &path.index(index), problems);
            }
        }
        Kind::Keyed(Keyed { object, .. }) => {
            for (key, entry) in node.as_mapping_mut().into_iter().flat_map(Mapping::iter_mut) {
                conform(object, &mut entry.value, &path.key(key), problems);
            }
        }
    }
}

fn as_text(node: &mut Node) {
    if let Some(text) = node.scalar_text() {
        node.value = Value::String(text);
    }
}

fn texts(node: &mut Node) {
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(as_text),
        Value::Mapping(_) | Value::Null => {}
        _ => {
            as_text(node);
            *node = made(vec![node.clone()], node);
        }
    }
}

fn cast(cast: Cast, node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(text) = node.as_str() else { return };
    match cast.apply(text) {
        Ok((value, _)) => node.value = value,
        Err(expected) => problems.hidden_error("wrong-type", path, node, &format!("\"{text}\" is not {expected}")),
    }
}

fn integer(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    if node.is_timestamp() {
        return;
    }
    cast(Cast::Int, node, path, problems);
    if let Value::Float(number) = node.value {
        node.value = Value::Int(whole(number));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the reference cuts fractions off as well")]
fn whole(number: f64) -> i64 {
    number.trunc() as i64
}

fn bytes(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    match &node.value {
        Value::String(text) => match units::bytes(text) {
            Some(size) => node.value = Value::Int(size),
            None => problems.hidden_error("invalid-size", path, node, &format!("\"{text}\" is not {}", units::BYTES_WANTED)),
        },
        // As the reference: a size with a fraction and no unit is none.
        Value::Float(_) => node.value = Value::Int(0),
        _ => {}
    }
}

fn mode(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(text) = node.as_str() else {
        if let Value::Float(number) = node.value {
            node.value = Value::Int(whole(number));
        }
        return;
    };
    match i64::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8) {
        Ok(mode) => node.value = Value::Int(mode),
        Err(_) => problems.hidden_error("invalid-value", path, node, &format!("\"{text}\" is not an octal mode such as 0440")),
    }
}

fn duration(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(text) = node.as_str() else { return };
    match units::duration(text) {
        Some(duration) => node.value = Value::String(units::format_duration(duration)),
        None => problems.hidden_error("invalid-duration", path, node, &format!("\"{text}\" is not {}", units::DURATION_WANTED)),
    }
}

fn command(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let Some(text) = node.as_str() else { return };
    match words::split(text) {
        Ok(line) => {
            if line.lost.is_some() {
                problems.warn(
                    "lost-words",
                    path,
                    node.span,
                    "no shell reads this: from the first unquoted ;, &, |, < or > on it has no effect; write a list, [\"sh\", \"-c\", ...]",
                );
            }
            *node = made(line.words.into_iter().map(|word| derived(word, node)).collect::<Vec<_>>(), node);
        }
        Err(error) => problems.error("invalid-command", path, node.span, error.to_string()),
    }
}

fn health_test(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    if node.as_str().is_some() {
        let shell = made("CMD-SHELL", node);
        *node = made(vec![shell, node.clone()], node);
    }
    if let Some(first) = node.as_sequence().and_then(<[Node]>::first)
        && !matches!(first.as_str(), Some("CMD" | "CMD-SHELL" | "NONE"))
    {
        let quoted = first.as_str().unwrap_or_default();
        problems.hidden_error(
            "invalid-value",
            path,
            first,
            &format!("a list must start with CMD, CMD-SHELL or NONE, not with \"{quoted}\""),
        );
    }
}

fn trailing_spaces(node: &Node, path: &Place<'_>, problems: &mut Problems) {
    for (index, item) in node.as_sequence().into_iter().flatten().enumerate() {
        let name = item.as_str().map(|line| line.split_once('=').map_or(line, |(name, _)| name));
        if name.is_some_and(|name| name.ends_with(char::is_whitespace)) {
            problems.error("invalid-value", &path.index(index), item.span, "a variable's name must not end with a space");
        }
    }
}

/// Texts by key; `absent` is what a key without value gets, if anything.
fn key_values(node: &mut Node, absent: Option<&str>) {
    let value = |text: Option<String>, from: &Node| match text.or_else(|| absent.map(str::to_owned)) {
        Some(text) => derived(text, from),
        None => made(Value::Null, from),
    };
    match &mut node.value {
        Value::Mapping(mapping) => {
            for entry in mapping.values_mut() {
                entry.value = value(entry.value.scalar_text(), &entry.value);
            }
        }
        Value::Sequence(items) => {
            let mut mapping = Mapping::default();
            for item in items.iter() {
                let line = item.scalar_text().unwrap_or_default();
                let (key, text) = line.split_once('=').map_or((line.as_str(), None), |(key, text)| (key, Some(text.to_owned())));
                mapping.insert(key.to_owned(), Entry { key_span: item.span, value: value(text, item) });
            }
            *node = made(Value::from(mapping), node);
        }
        _ => {}
    }
}

/// Additional hosts as `host=address`, in order of the text.
fn hosts(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    let mut lines: Vec<(String, Node)> = Vec::new();
    let mut add = |host: &str, address: &str, from: &Node, problems: &mut Problems| {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|bare| !bare.is_empty()).unwrap_or(address);
        if host.is_empty() || host.contains([':', '=']) {
            problems.hidden_error("invalid-value", path, from, &format!("\"{host}\" is not a host name"));
        }
        let line = format!("{host}={bare}");
        lines.push((line.clone(), derived(line, from)));
    };
    match &node.value {
        Value::Mapping(mapping) => {
            for (host, entry) in mapping.iter() {
                match entry.value.as_sequence() {
                    Some(addresses) => {
                        for address in addresses {
                            add(host, &address.scalar_text().unwrap_or_default(), address, problems);
                        }
                    }
                    None => add(host, &entry.value.scalar_text().unwrap_or_default(), &entry.value, problems),
                }
            }
        }
        Value::Sequence(items) => {
            for item in items {
                let Some(line) = item.as_str() else { continue };
                match line.split_once('=').or_else(|| line.split_once(':')) {
                    Some((host, addresses)) => addresses.split(',').for_each(|address| add(host, address, item, problems)),
                    None => problems.hidden_error("invalid-value", path, item, &format!("\"{line}\" has no address; write host=address")),
                }
            }
        }
        _ => return,
    }
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    *node = made(lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>(), node);
}

fn ulimits(node: &mut Node, path: &Place<'_>, problems: &mut Problems) {
    for (key, entry) in node.as_mapping_mut().into_iter().flat_map(Mapping::iter_mut) {
        let path = path.key(key);
        match entry.value.as_mapping_mut() {
            Some(mapping) => {
                for (key, limit) in mapping.iter_mut() {
                    integer(&mut limit.value, &path.key(key), problems);
                }
            }
            None => integer(&mut entry.value, &path, problems),
        }
    }
}

//! Merging a later file onto an earlier one, and a service onto the one it extends (Compose specification, "Merge").

use std::collections::HashSet;

use crate::yaml::{Entry, Mapping, Node, Value};

use super::path::Place;
use super::problems::Problems;
use super::tree::{derived, fingerprint, made, made_mapping, text};
use super::unique::{self, Identity};

/// Pairs of address pools that are compared.
const MAX_POOLS: usize = 10_000;

/// How a later value meets an earlier one.
enum Rule {
    /// Mappings deep, lists appended, scalars replaced.
    Deep,
    /// The later value stands alone.
    Replace,
    /// `KEY=VALUE` lists and mappings, by key.
    ByKey,
    /// A single text, a list or a mapping of texts: appended.
    Append,
    /// A list of names is a mapping of names to nothing.
    Names,
    /// A list of names is a mapping of names to a started dependency.
    Dependencies,
    /// A text is the build context.
    Build,
    /// Options merge only where the driver is the same.
    Logging,
    /// A mapping onto a mapping, else replaced.
    Ulimit,
    /// By subnet.
    Pools,
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] | ["services", _, "deploy", "labels"] => Rule::ByKey,
        ["services" | "jobs", _, rest @ ..] => match rest {
            ["annotations" | "environment" | "labels" | "sysctls"]
            | ["build", "args" | "additional_contexts" | "labels"]
            | ["volumes", _, "volume", "labels"] => Rule::ByKey,
            ["build"] => Rule::Build,
            ["command" | "entrypoint"] | ["healthcheck", "test"] => Rule::Replace,
            ["depends_on"] => Rule::Dependencies,
            ["models" | "networks"] => Rule::Names,
            ["build", "extra_hosts"] | ["dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "extra_hosts" | "tmpfs"] => {
                Rule::Append
            }
            ["logging"] => Rule::Logging,
            ["ulimits", _] => Rule::Ulimit,
            _ => Rule::Deep,
        },
        _ => Rule::Deep,
    }
}

/// Merges `later` onto `earlier`. Where the two can't be merged, the later stands and the problem is noted.
pub fn merge(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems) -> Node {
    match rule(path.parts().as_slice()) {
        Rule::Replace => replaced(&earlier, later, problems),
        Rule::ByKey => by_key(earlier, later, path, problems),
        Rule::Append => append(as_sequence(earlier), as_sequence(later)),
        Rule::Names => as_mappings(earlier, later, path, problems, |_| Value::Null),
        Rule::Dependencies => as_mappings(earlier, later, path, problems, started),
        Rule::Build => {
            let (earlier, later) = (build(earlier), build(later));
            deep(earlier, later, path, problems)
        }
        Rule::Logging => logging(earlier, later, path, problems),
        Rule::Ulimit if earlier.as_mapping().is_none() || later.as_mapping().is_none() => replaced(&earlier, later, problems),
        Rule::Pools => pools(earlier, later, path, problems),
        Rule::Ulimit | Rule::Deep => deep(earlier, later, path, problems),
    }
}

/// The later value alone.
fn replaced(earlier: &Node, later: Node, problems: &mut Problems) -> Node {
    problems.origins.replace_all(&later, earlier);
    later
}

fn deep(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems) -> Node {
    if later.is_null() {
        return earlier;
    }
    let span = later.span;
    problems.origins.replace(span, earlier.span);
    match (earlier.value, later) {
        (Value::Mapping(mapping), Node { value: Value::Mapping(other), .. }) => {
            Node::new(Value::from(mappings(*mapping, *other, path, problems)), span)
        }
        (Value::Sequence(items), Node { value: Value::Sequence(other), .. }) => {
            append(Node::new(Value::Sequence(items), span), Node::new(Value::Sequence(other), span))
        }
        (Value::Mapping(_), later) => {
            problems.error("merge", path, later.span, format!("cannot override a mapping with {}", later.kind()));
            later
        }
        (Value::Sequence(_), later) => {
            problems.error("merge", path, later.span, format!("cannot override a list with {}", later.kind()));
            later
        }
        (_, later) => later,
    }
}

/// Merges the entries of two mappings; new keys come last.
fn mappings(mut mapping: Mapping, other: Mapping, path: &Place<'_>, problems: &mut Problems) -> Mapping {
    for (key, entry) in other {
        match mapping.get_mut(&key) {
            Some(earlier) => {
                let value = std::mem::take(&mut earlier.value);
                earlier.value = merge(value, entry.value, &path.key(&key), problems);
                problems.origins.replace(entry.key_span, earlier.key_span);
                earlier.key_span = entry.key_span;
            }
            None => {
                mapping.insert(key, entry);
            }
        }
    }
    mapping
}

fn append(earlier: Node, later: Node) -> Node {
    let span = later.span;
    let mut items = sequence(earlier);
    let mut known: HashSet<String, foldhash::fast::RandomState> = items.iter().map(fingerprint).collect();
    items.extend(sequence(later).into_iter().filter(|item| known.insert(fingerprint(item))));
    Node::new(items, span)
}

fn by_key(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems) -> Node {
    let span = later.span;
    for (key, entry) in later.as_mapping().into_iter().flatten() {
        // As a `KEY=VALUE` line it would look like text.
        if !entry.value.is_null() && entry.value.scalar_text().is_none() {
            let message = format!("must be text, true or false, a number or nothing, found {}", entry.value.kind());
            problems.error("wrong-type", &path.key(key), entry.value.span, message);
        }
    }
    let mut items = sequence(as_sequence(earlier));
    items.extend(sequence(as_sequence(later)));
    Node::new(unique::keep_last(items, Identity::Key, path, problems), span)
}

fn sequence(node: Node) -> Vec<Node> {
    match node.value {
        Value::Sequence(items) => items,
        _ => Vec::new(),
    }
}

/// A mapping as the `KEY=VALUE` list that means the same, in the order of the keys; a single text as a list of one.
pub fn as_sequence(node: Node) -> Node {
    let span = node.span;
    match node.value {
        Value::Mapping(mapping) => {
            let mut items: Vec<Node> = mapping.iter().flat_map(|(key, entry)| key_values(key, entry)).collect();
            items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            // Of equal lines the last stands.
            items.dedup_by(|later, earlier| {
                let same = later.as_str() == earlier.as_str();
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
            Node::new(items, span)
        }
        Value::Sequence(_) => node,
        Value::String(_) => Node::new(vec![node], span),
        _ => Node::new(Vec::new(), span),
    }
}

fn key_values(key: &str, entry: &Entry) -> Vec<Node> {
    let line = |value: &Node| {
        let text = match &value.value {
            Value::String(text) => format!("{key}={text}"),
            _ => value.scalar_text().map_or_else(|| key.to_owned(), |text| format!("{key}={text}")),
        };
        Node { tainted: value.tainted, ..Node::new(text, if value.is_null() { entry.key_span } else { value.span }) }
    };
    match &entry.value.value {
        Value::Sequence(items) => items.iter().map(line).collect(),
        _ => vec![line(&entry.value)],
    }
}

fn started(from: &Node) -> Value {
    let entry = |value: Value| Entry { key_span: from.span, value: made(value, from) };
    let entries = [("condition".to_owned(), entry("service_started".into())), ("required".to_owned(), entry(true.into()))];
    Value::from(entries.into_iter().collect::<Mapping>())
}

fn as_mappings(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems, value: fn(&Node) -> Value) -> Node {
    match (names(earlier, value), names(later, value)) {
        (Ok(earlier), Ok(later)) => deep(earlier, later, path, problems),
        (Err(node), Ok(_)) | (_, Err(node)) => {
            problems.error("merge", path, node.span, format!("expected a mapping or a list of names, found {}", node.kind()));
            node
        }
    }
}

/// A list of names as a mapping; anything that is neither comes back as an error.
pub fn names(node: Node, value: fn(&Node) -> Value) -> Result<Node, Node> {
    let span = node.span;
    match &node.value {
        Value::Mapping(_) => Ok(node),
        Value::Null => Ok(Node::new(Value::from(Mapping::default()), span)),
        Value::String(_) => names(Node::new(vec![node], span), value),
        Value::Sequence(items) => {
            let mut mapping = Mapping::default();
            for item in items {
                let Some(name) = item.as_str() else { return Err(item.clone()) };
                mapping.insert(name.to_owned(), Entry { key_span: item.span, value: made(value(item), item) });
            }
            Ok(Node::new(Value::from(mapping), span))
        }
        _ => Err(node),
    }
}

fn build(node: Node) -> Node {
    if node.as_str().is_some() {
        let context = derived(node.as_str().unwrap_or_default(), &node);
        return made_mapping([("context", context)], &node);
    }
    node
}

fn logging(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems) -> Node {
    let (before, after) = (text(&earlier, "driver"), text(&later, "driver"));
    let both = earlier.as_mapping().is_some() && later.as_mapping().is_some();
    if both && before.is_some() && after.is_some() && before != after {
        return replaced(&earlier, later, problems);
    }
    deep(earlier, later, path, problems)
}

fn pools(earlier: Node, later: Node, path: &Place<'_>, problems: &mut Problems) -> Node {
    let (Some(originals), Some(overrides)) = (earlier.as_sequence(), later.as_sequence()) else {
        return deep(earlier, later, path, problems);
    };
    if originals.len().saturating_mul(overrides.len()) > MAX_POOLS {
        problems.error("too-large", path, later.span, "has too many address pools to merge");
        return later;
    }
    let subnet = |node: &Node| node.get("subnet").and_then(Node::scalar_text);
    let mut merged: Vec<Node> = Vec::new();
    for original in originals {
        for other in overrides {
            if subnet(original) != subnet(other) && !merged.iter().any(|pool| subnet(pool) == subnet(other)) {
                merged.push(other.clone());
                continue;
            }
            let pool = deep(original.clone(), other.clone(), path, problems);
            match merged.iter_mut().find(|known| subnet(known) == subnet(&pool)) {
                Some(known) => *known = pool,
                None => merged.push(pool),
            }
        }
    }
    Node::new(merged, later.span)
}

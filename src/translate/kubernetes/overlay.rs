//! `podOverlay`: fields of the pod template, merged over what the service became, as `kubectl patch` does: lists of objects by their key.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Map, Value};

use crate::api::keys;
use crate::compose::path::Path;
use crate::translate::report::Report;

/// The keys by which the items of a list are told apart, by the list's name.
const LISTS: [(&str, &[&str]); 11] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("ports", &["containerPort", "protocol"]),
    ("imagePullSecrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
];

/// Labels and annotations by which pods are found and told apart: no overlay changes them.
const OURS: [&str; 5] = [keys::STACK, keys::SERVICE, keys::INPUTS, keys::RESTARTED_FOR, keys::MANAGED_BY];

/// Merges `{metadata, spec}`, or the fields of a spec alone.
pub fn merge(template: &mut PodTemplateSpec, overlay: &Value, path: &Path, report: &mut Report) {
    let is_template = overlay.as_object().is_some_and(|map| map.keys().all(|key| matches!(key.as_str(), "metadata" | "spec")));
    let overlay = if is_template { overlay.clone() } else { Value::Object(Map::from_iter([("spec".to_owned(), overlay.clone())])) };
    if let Some(key) = overlay.get("metadata").and_then(ours) {
        report.refuse("reserved-label", path, format!("{key} is not to be changed"));
        return;
    }
    let merged = serde_json::to_value(&*template).map(|mut merged| {
        put(&mut merged, &overlay);
        merged
    });
    let read = merged.and_then(|merged| {
        let read: PodTemplateSpec = serde_json::from_value(merged.clone())?;
        Ok((serde_json::to_value(&read)?, merged, read))
    });
    match read {
        Ok((known, merged, read)) => match unknown(&merged, &known, "") {
            Some(field) => report.refuse("unknown-attribute", path, format!("{field} is no field of a pod")),
            None => *template = read,
        },
        Err(error) => report.refuse("wrong-type", path, format!("is no pod: {error}")),
    }
}

fn ours(metadata: &Value) -> Option<&'static str> {
    let maps = ["labels", "annotations"].into_iter().filter_map(|key| metadata.get(key)?.as_object());
    maps.into_iter().find_map(|map| OURS.into_iter().find(|key| map.contains_key(*key)))
}

/// Null takes away, mappings are merged, lists of objects by their keys; all else is replaced.
fn put(into: &mut Value, overlay: &Value) {
    let (Value::Object(target), Value::Object(overlay)) = (&mut *into, overlay) else {
        *into = overlay.clone();
        return;
    };
    for (key, value) in overlay {
        let by = LISTS.iter().find(|(name, _)| name == key).map(|(_, by)| *by);
        match (target.get_mut(key), value, by) {
            (_, Value::Null, _) => drop(target.remove(key)),
            (Some(Value::Array(items)), Value::Array(more), Some(by)) => put_items(items, more, by),
            (Some(old), value, _) => put(old, value),
            (None, value, _) => drop(target.insert(key.clone(), value.clone())),
        }
    }
}

fn put_items(items: &mut Vec<Value>, more: &[Value], by: &[&str]) {
    for item in more {
        // A port's protocol may be left out, and is TCP then.
        let same = |other: &&mut Value| {
            by.iter().all(|key| {
                let default = |value: &Value| value.get(*key).cloned().or_else(|| (*key == "protocol").then(|| "TCP".into()));
                default(other) == default(item)
            })
        };
        match items.iter_mut().find(same) {
            Some(old) => put(old, item),
            None => items.push(item.clone()),
        }
    }
}

/// The first field that was written and isn't known.
fn unknown(written: &Value, known: &Value, at: &str) -> Option<String> {
    match (written, known) {
        (Value::Object(written), Value::Object(known)) => written.iter().find_map(|(key, value)| {
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match known.get(key) {
                Some(known) => unknown(value, known, &at),
                None if is_nothing(value) => None,
                None => Some(at),
            }
        }),
        (Value::Array(written), Value::Array(known)) => {
            let pairs = written.iter().zip(known).enumerate();
            pairs.into_iter().find_map(|(index, (written, known))| unknown(written, known, &format!("{at}[{index}]")))
        }
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(into: Value, overlay: &Value, expected: &Value) {
        let mut into = into;
        put(&mut into, overlay);
        assert_eq!(into, *expected);
    }

    #[test]
    fn lists_of_objects_are_merged_by_their_keys() {
        check(
            json!({"containers": [{"name": "web", "image": "a", "env": [{"name": "A", "value": "1"}]}]}),
            &json!({"containers": [{"name": "web", "env": [{"name": "B", "value": "2"}]}, {"name": "log", "image": "b"}]}),
            &json!({"containers": [{"name": "web", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, {"name": "log", "image": "b"}]}),
        );
        check(
            json!({"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]}),
            &json!({"ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]}),
            &json!({"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "name": "web"}]}),
        );
    }

    #[test]
    fn other_lists_are_replaced_and_null_takes_away() {
        check(json!({"args": ["a", "b"], "tty": true}), &json!({"args": ["c"], "tty": null}), &json!({"args": ["c"]}));
    }
}

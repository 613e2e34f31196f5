//! Every row of the table of attributes is exercised: a file that sets the attribute has the fate that the row says.

use std::collections::{BTreeMap, BTreeSet};

use compose_operator::api::keys;
use compose_operator::compose::sources::Variable;
use compose_operator::translate::{Desired, Fate, Row, attributes, row_of, rows};
use serde_yaml::{Mapping, Value};

use crate::support::{Stack, render};

/// Silent to translation, since reading the files has done with them what is to be done.
const READ_BEFORE: [&str; 6] = ["version", "name", "include", "services.*.extends", "services.*.label_file", "services.*.profiles"];

/// Attributes whose only effect is a refusal of other values than what is the case anyway.
const REFUSALS: [&str; 5] = [
    "services.*.provider",
    "services.*.post_start.user",
    "services.*.post_start.privileged",
    "services.*.pre_stop.user",
    "services.*.pre_stop.privileged",
];

/// What the administrator allows, so that what a policy decides about shows too.
const POLICY: &str = "
privileged: true
hostIPC: true
hostPID: true
hostPorts: [1-65535]
hostPaths: [{path: /srv, readOnly: false}]
volumeDrivers: {rexray: fast}
devices: {/dev/kvm: devices.example.com/kvm}
genericResources: {ssd: example.com/ssd}
runtimes: {kata: kata}
annotations: [example.com]
externalLinks: ['*']
modelEndpoint: http://models.example.com
";

fn snippets() -> BTreeMap<String, Value> {
    serde_yaml::from_str(include_str!("attributes.yaml")).unwrap()
}

/// The file that a row's snippet is part of.
fn file(row: &str, snippet: &Value) -> Value {
    let mut file: Value = serde_yaml::from_str("services: {web: {image: nginx}, db: {image: redis}}").unwrap();
    let Some(web) = row.strip_prefix("services.*.").and(snippet.as_mapping()) else {
        merge(&mut file, snippet);
        return file;
    };
    let mut web = web.clone();
    let beside = web.remove("_").unwrap_or_else(|| Mapping::new().into());
    merge(&mut file, &beside);
    merge(&mut file["services"]["web"], &web.into());
    file
}

fn merge(onto: &mut Value, from: &Value) {
    match (onto, from) {
        (Value::Mapping(onto), Value::Mapping(from)) => {
            for (key, value) in from {
                merge(onto.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (onto, from) => *onto = from.clone(),
    }
}

/// Takes the attribute at a row's path out, wherever it stands; answers whether it stood anywhere.
fn remove(node: &mut Value, path: &[&str]) -> bool {
    match (node, path) {
        (Value::Sequence(items), path) => items.iter_mut().fold(false, |found, item| remove(item, path) | found),
        (Value::Mapping(mapping), ["*"]) => !std::mem::take(mapping).is_empty(),
        (Value::Mapping(mapping), [last]) => mapping.remove(*last).is_some(),
        (Value::Mapping(mapping), ["*", rest @ ..]) => mapping.values_mut().fold(false, |found, value| remove(value, rest) | found),
        (Value::Mapping(mapping), [key, rest @ ..]) => mapping.get_mut(*key).is_some_and(|value| remove(value, rest)),
        _ => false,
    }
}

fn stack(file: &Value) -> Stack {
    let mut stack = Stack::of(&serde_yaml::to_string(file).unwrap())
        .with_file("text.txt", "text\n")
        .with_file("some.env", "A=1\n")
        .with_file("other.yaml", "services: {base: {image: busybox, command: [run]}}\n");
    stack.settings.policy = serde_yaml::from_str(POLICY).unwrap();
    stack.variables.insert("SET".to_owned(), Variable { value: "value".to_owned(), tainted: false });
    stack
}

/// Whether what is said at a path is about an attribute of the row.
fn is_about(said: &str, row: &str) -> bool {
    let steps: Vec<&str> = said.split('.').map(|step| step.split('[').next().unwrap()).collect();
    let row: Vec<&str> = row.split('.').collect();
    steps.len() >= row.len() && row.iter().zip(&steps).all(|(row, step)| *row == "*" || row == step)
}

/// What is made, without the hashes of what the user wrote: what a later version may follow counts in them.
fn made(desired: Option<&Desired>) -> Vec<serde_json::Value> {
    let objects = desired.into_iter().flat_map(|desired| desired.objects.values());
    let mut objects: Vec<_> = objects.map(|object| serde_json::to_value(object).unwrap()).collect();
    for object in &mut objects {
        object["metadata"]["annotations"].as_object_mut().unwrap().remove(keys::INPUTS);
    }
    objects
}

/// What is wrong with a row's fate, if anything.
fn verdict(row: &Row, snippet: &Value) -> Result<(), String> {
    let with = file(row.at, snippet);
    let mut without = with.clone();
    if !remove(&mut without, &row.at.split('.').collect::<Vec<_>>()) {
        return Err("the snippet doesn't set it".to_owned());
    }
    let (with, without) = (stack(&with), stack(&without));
    let (desired, problems) = with.translate();
    let about: Vec<_> = problems.iter().filter(|problem| is_about(&problem.path, row.at)).collect();
    let table: Vec<_> = about.iter().filter(|problem| ["no-effect", "refused", "not-supported-yet"].contains(&problem.code)).collect();
    let told = || problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect::<Vec<_>>().join("; ");
    let same = || made(desired.as_ref()) == made(without.translate().0.as_ref());
    match row.fate {
        Fate::Applied(_) if REFUSALS.contains(&row.at) => {
            if render(&with) == render(&without) {
                Err("nothing shows it".to_owned())
            } else {
                Ok(())
            }
        }
        Fate::Applied(_) if desired.is_none() => Err(format!("is refused: {}", told())),
        Fate::Applied(_) if render(&with) == render(&without) => Err("nothing shows that it is applied".to_owned()),
        Fate::Silent(_) if !about.is_empty() && row.at != "version" => Err(format!("is not silent: {}", told())),
        Fate::Silent(_) if !READ_BEFORE.contains(&row.at) && !same() => Err("changes what is made".to_owned()),
        Fate::Warned(reason) if !table.iter().any(|problem| !problem.is_error() && problem.message == reason) => {
            Err(format!("is not warned about: {}", told()))
        }
        Fate::Warned(_) if desired.is_none() => Err(format!("is refused: {}", told())),
        Fate::Warned(_) if !same() => Err("is dropped, but changes what is made".to_owned()),
        Fate::Refused(reason) if !table.iter().any(|problem| problem.is_error() && problem.message == reason) => {
            Err(format!("is not refused: {}", told()))
        }
        Fate::NotYet if !table.iter().any(|problem| problem.is_error() && problem.code == "not-supported-yet") => {
            Err(format!("is not refused as yet: {}", told()))
        }
        _ => Ok(()),
    }
}

#[test]
fn every_attribute_has_the_fate_that_the_table_says() {
    let snippets = snippets();
    let wrong: Vec<String> = rows()
        .filter_map(|row| {
            let Some(snippet) = snippets.get(row.at) else { return Some(format!("{}: no snippet in attributes.yaml", row.at)) };
            verdict(row, snippet).err().map(|wrong| format!("{}: {wrong}", row.at))
        })
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_snippet_is_of_a_row() {
    let known: BTreeSet<&str> = rows().map(|row| row.at).collect();
    let stray: Vec<String> = snippets().into_keys().filter(|at| !known.contains(at.as_str())).collect();
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn an_attribute_of_the_schema_that_the_table_lacks_is_found() {
    assert!(attributes().iter().all(|at| row_of(at).is_some()));
    assert!(row_of("services.*.imgae").is_none() && row_of("services.*.ports.targte").is_none());
}

//! The corpus of Compose cases, loaded in process and compared with what the reference prints.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stdout)]

#[path = "corpus/mod.rs"]
mod corpus;
#[path = "compose/differences.rs"]
mod differences;
#[path = "compose/golden.rs"]
mod golden;

use std::collections::BTreeMap;
use std::fs;

use compose_operator::compose::diagnostic::{has_errors, render_plain};
use compose_operator::compose::print;
use serde_json::{Map, Value};

use corpus::{Case, Read};

/// Cases that differ from the reference on purpose, with the row of docs/compose.md that says why. One that agrees again fails the test.
const DIFFERENT: &[(&str, &str)] = &[
    ("kompose-controller-compose-controller-label", "version-1"),
    ("kompose-image-pull-secret-compose-files-docker-compose-image-pull-secret", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname-multiple-ports", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname-tls", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-multiple-hostname", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-multiple-hostname-tls", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-true", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-true-multiple-ports", "version-1"),
    ("kompose-yaml-and-yml-yml", "version-1"),
];

/// What `docker compose config` prints, or its problems.
fn printed(case: Case) -> Result<Value, String> {
    let Read { loaded, options, directory } = case.load(false)?;
    let problems = render_plain(&loaded.diagnostics, &loaded.map);
    let project = loaded.project.ok_or(problems)?;
    assert!(!has_errors(&loaded.diagnostics), "a project with errors");
    let how = print::Options {
        working_dir: options.resolve_paths.then_some(directory),
        fold_env_files: options.resolve_environment && options.interpolate,
        interpolated: options.interpolate,
        ..print::Options::default()
    };
    Ok(print::value(&project, &how))
}

/// The first place where two printed projects differ. A null and an empty mapping say the same; so do a missing and a null command, a missing
/// and an empty `ipam`.
fn difference(want: &Value, got: &Value, path: &str) -> Option<String> {
    let nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    match (want, got) {
        (want, got) if nothing(want) && nothing(got) => None,
        (Value::Object(want), Value::Object(got)) => {
            let (want, got) = (normal(want), normal(got));
            let keys: std::collections::BTreeSet<&str> = want.keys().chain(got.keys()).copied().collect();
            keys.into_iter().find_map(|key| {
                let here = format!("{path}.{key}");
                match (want.get(key), got.get(key)) {
                    (Some(want), Some(got)) => difference(want, got, &here),
                    (Some(want), None) => Some(format!("{here}: missing, expected {want}")),
                    (None, got) => Some(format!("{here}: not expected, got {}", got.unwrap())),
                }
            })
        }
        (Value::Array(want), Value::Array(got)) => {
            let inner =
                want.iter().zip(got).enumerate().find_map(|(index, (want, got))| difference(want, got, &format!("{path}[{index}]")));
            inner.or_else(|| (want.len() != got.len()).then(|| format!("{path}: expected {} items, got {}", want.len(), got.len())))
        }
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => None,
        (want, got) if want == got => None,
        _ => Some(format!("{path}: expected {want}, got {got}")),
    }
}

fn normal(object: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    object
        .iter()
        .filter(|(key, value)| !(value.is_null() && matches!(key.as_str(), "command" | "entrypoint") || *key == "ipam" && empty(value)))
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

fn verdict(case: Case) -> Option<String> {
    let directory = case.directory.clone();
    let expected = fs::read(directory.join("expected.json")).ok().map(|text| serde_json::from_slice::<Value>(&text).unwrap());
    match (expected, printed(case)) {
        (Some(want), Ok(got)) => difference(&want, &got, "").map(|difference| format!("differs: {difference}")),
        (Some(_), Err(problems)) => Some(format!("refused: {problems}")),
        (None, Ok(_)) => {
            let why = fs::read_to_string(directory.join("expected-error.txt")).unwrap();
            Some(format!("accepted, expected: {}", why.lines().next().unwrap_or_default()))
        }
        (None, Err(problems)) => problems.is_empty().then(|| "refused without a word".to_owned()),
    }
}

#[test]
fn every_case_of_the_corpus_loads_as_in_the_reference() {
    let Some(cases) = corpus::cases() else { return };
    let reasons: Vec<&str> = differences::DIFFERENCES.iter().map(|(name, _)| *name).collect();
    assert!(DIFFERENT.iter().all(|(_, reason)| reasons.contains(reason)), "a reason that docs/compose.md doesn't give");
    let mut failed = Vec::new();
    let count = cases.len();
    for case in cases {
        let name = case.name.clone();
        let known = DIFFERENT.iter().find(|(case, _)| *case == name);
        match (verdict(case), known) {
            (Some(how), None) => failed.push(format!("{name}: {how}")),
            (None, Some((_, reason))) => failed.push(format!("{name}: agrees with the reference, but is listed as different: {reason}")),
            _ => {}
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases:\n{}", failed.len(), failed.join("\n"));
}

//! Projects of several files, and every way to say which: what docker compose prints of the calls in `tests/compose/projects`, as
//! `tests/compose/reference` wrote it down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::project::Project;

/// One call in a project of its own.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Call {
    files: BTreeMap<String, String>,
    cwd: String,
    env: BTreeMap<String, String>,
    flags: Vec<String>,
    args: Vec<String>,
    stdin: String,
}

/// What docker compose answers: a project, or an error.
#[derive(Deserialize)]
struct Answer {
    project: Option<Value>,
    error: Option<String>,
}

/// Calls that are answered otherwise on purpose, with the row of docs/compose.md that says why.
const DIFFERENT: &[(&str, &str)] = &[("unknown-key", "unknown-key-in-include")];

fn answer(name: &str, call: &Call) -> Result<Value, String> {
    let files: Vec<(&str, &str)> = call.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let project = Project::new(&format!("reference/{name}/project"), &files);
    fs::create_dir_all(project.0.join(&call.cwd)).unwrap();
    let cwd = project.0.join(&call.cwd).canonicalize().unwrap();
    let surroundings = [("HOME", "/home/user"), ("PATH", "/usr/bin:/bin"), ("PWD", cwd.to_str().unwrap())];
    let environment: Vec<(&str, &str)> = surroundings.into_iter().chain(call.env.iter().map(|(k, v)| (k.as_str(), v.as_str()))).collect();
    let flags = call.flags.iter().map(String::as_str);
    let arguments: Vec<&str> = flags.chain(["config", "--format=json"]).chain(call.args.iter().map(String::as_str)).collect();
    let output = project.run_in(&call.cwd, &arguments, &call.stdin, &environment);
    let here = project.0.canonicalize().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(here.to_str().unwrap(), "/project");
    if output.status.success() { Ok(serde_json::from_str(&text(output.stdout)).unwrap()) } else { Err(text(output.stderr)) }
}

fn verdict(name: &str, call: &Call, expected: &Answer) -> Result<(), String> {
    match (answer(name, call), expected) {
        (Ok(got), Answer { project: Some(want), .. }) if got == *want => Ok(()),
        (Ok(got), Answer { project: Some(want), .. }) => Err(format!("prints {got}\n  where docker compose prints {want}")),
        (Ok(got), Answer { error, .. }) => Err(format!("prints {got}\n  where docker compose says {error:?}")),
        (Err(said), Answer { project: Some(_), .. }) => Err(format!("is refused: {said}")),
        (Err(said), _) => {
            if said.is_empty() {
                Err("is refused without a word".to_owned())
            } else {
                Ok(())
            }
        }
    }
}

fn check(file: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose/projects");
    let calls: Value = serde_yaml::from_str::<serde_yaml::Value>(&fs::read_to_string(directory.join(format!("{file}.yaml"))).unwrap())
        .and_then(|mut calls| calls.apply_merge().and_then(|()| serde_yaml::from_value(calls)))
        .unwrap();
    let calls: BTreeMap<String, Call> = serde_json::from_value(calls).unwrap();
    let answers: BTreeMap<String, Answer> =
        serde_json::from_str(&fs::read_to_string(directory.join(format!("{file}.json"))).unwrap()).unwrap();
    assert!(calls.keys().eq(answers.keys()), "the answers are stale: `make generate`");
    let docs = include_str!("../../docs/compose.md");
    assert!(DIFFERENT.iter().all(|(_, reason)| docs.contains(&format!("| `{reason}` |"))), "a reason that docs/compose.md doesn't give");
    let mut wrong = Vec::new();
    for (name, call) in &calls {
        let known = DIFFERENT.iter().find(|(different, _)| different == name);
        match (verdict(&format!("{file}-{name}"), call, &answers[name]), known) {
            (Err(how), None) => wrong.push(format!("{name}: {how}")),
            (Ok(()), Some((_, reason))) => wrong.push(format!("{name}: agrees with docker compose, but is listed as different: {reason}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn included_files_are_read_as_docker_compose_reads_them() {
    check("include");
}

#[test]
fn compose_variables_and_env_files_mean_what_they_mean_to_docker_compose() {
    check("environment");
}

#[test]
fn a_file_from_standard_input_is_one_of_the_project() {
    check("input");
}

//! `kubectl compose convert` against a real API server: what it prints is taken as it stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compose_operator::api::ComposeStack;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Space, apply_dry_run, kubectl};

/// The Compose text and the relative files of a stack, in a directory of its file's name, and its variables.
fn unpack(example: &Path) -> (PathBuf, BTreeMap<String, String>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("convert").join(example.file_stem().unwrap());
    let _ = fs::remove_dir_all(&directory);
    let text = fs::read_to_string(example).unwrap();
    let mut documents = serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap());
    let stack: ComposeStack = serde_json::from_value(documents.find(|document| document["kind"] == "ComposeStack").unwrap()).unwrap();
    let compose = stack.spec.compose.iter().map(|text| ("compose.yaml", text));
    // A host's file lies below the directory, and so does what is said to mount it.
    let local = |path: &str| path.trim_start_matches('/').to_owned();
    for (path, text) in stack.spec.files.iter().map(|(path, text)| (path.as_str(), text)).chain(compose) {
        let file = directory.join(local(path));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = if path == "compose.yaml" { text.replace("- /d", "- ./d") } else { text.clone() };
        fs::write(file, text).unwrap();
    }
    for (path, text) in &stack.spec.binary_files {
        fs::write(directory.join(local(path)), STANDARD.decode(text).unwrap()).unwrap();
    }
    (directory, stack.spec.variables)
}

/// Runs `kubectl compose convert` on an unpacked example.
fn convert(directory: &Path, variables: &BTreeMap<String, String>, flags: &[&str]) -> String {
    let mut convert = Command::new(env!("CARGO_BIN_EXE_kubectl-compose"));
    let output = convert.arg("convert").args(flags).current_dir(directory).envs(variables).output().unwrap();
    assert!(output.status.success(), "{}: {}", directory.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of a stream, by kind and name.
fn objects(stream: &str) -> BTreeMap<(String, String), Value> {
    let documents = serde_yaml::Deserializer::from_str(stream).map(|document| Value::deserialize(document).unwrap());
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    documents.map(|object| ((word(&object["kind"]), word(&object["metadata"]["name"])), object)).collect()
}

#[tokio::test]
async fn what_convert_prints_of_every_example_and_section_of_the_mapping_is_what_kustomize_builds_and_the_api_server_takes() {
    let space = Space::open("convert").await;
    let directories = ["examples", "tests/translate/sections"].map(|directory| Path::new(env!("CARGO_MANIFEST_DIR")).join(directory));
    let mut examples: Vec<_> =
        directories.iter().flat_map(|directory| fs::read_dir(directory).unwrap()).map(|e| e.unwrap().path()).collect();
    examples.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut printed = String::new();
    for example in &examples {
        let (directory, variables) = unpack(example);
        let stream = convert(&directory, &variables, &[]);
        // Of no objects kustomize builds nothing, with an error.
        if stream.is_empty() {
            continue;
        }
        let kustomized = directory.with_extension("kustomized");
        let _ = fs::remove_dir_all(&kustomized);
        convert(&directory, &variables, &["-o", kustomized.to_str().unwrap()]);
        let built = kubectl(&space, &["kustomize", kustomized.to_str().unwrap()]).await;
        assert_eq!(objects(&built), objects(&stream), "{}", example.display());
        printed += &stream;
    }
    // Routes are of a kind that not every cluster has; `kubernetes` tries them where it is there.
    let known = printed.split_inclusive("---\n").filter(|object| !object.contains("\nkind: HTTPRoute\n"));
    let known: String = known.collect();
    let taken = apply_dry_run(&space.name, &known).unwrap();
    assert_eq!(taken.lines().count(), known.matches("---\n").count());
    assert!(taken.lines().filter(|line| line.starts_with("deployment.apps/")).count() >= 30, "{taken}");
    space.close().await;
}

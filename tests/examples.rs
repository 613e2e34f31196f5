//! The files of `examples/`: each is a resource that the API server takes, with the Compose text that its author wrote.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use compose_operator::api::ComposeStack;
use compose_operator::compose;
use compose_operator::compose::diagnostic::render_plain;
use compose_operator::compose::sources::{ComposeFile, File, FileSet, Options, ProjectName, Sources, Variable};
use compose_operator::translate::{Desired, Facts, Settings, translate};
use kube::ResourceExt;
use serde::Deserialize;

/// A file of `examples/` and the stack in it.
struct Example {
    name: String,
    stack: ComposeStack,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn examples(directory: &str) -> Vec<Example> {
    let mut files: Vec<_> = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "{directory} has no examples");
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Example {
    parse(file.file_stem().unwrap().to_str().unwrap(), &fs::read_to_string(file).unwrap())
}

fn parse(name: &str, text: &str) -> Example {
    let documents = serde_yaml::Deserializer::from_str(text).map(|document| serde_json::Value::deserialize(document).unwrap());
    let mut stacks = documents.filter(|document| document["kind"] == "ComposeStack");
    let stack = serde_json::from_value(stacks.next().unwrap()).unwrap();
    assert!(stacks.next().is_none(), "{name}: one stack in a file");
    Example { name: name.to_owned(), stack }
}

#[test]
fn compose_text_is_what_the_author_wrote() {
    let corpus = root().join("../shared/compose-corpus");
    if !corpus.exists() {
        assert!(std::env::var_os("CI").is_none(), "the corpus is missing");
        return;
    }
    for example in examples("examples").into_iter().chain(examples("examples/refused")) {
        let spec = &example.stack.spec;
        let text = spec.compose.as_ref().unwrap_or_else(|| &spec.files["compose.yaml"]);
        let written = fs::read_to_string(corpus.join(format!("seed-{}/project/compose.yaml", example.name))).unwrap();
        assert_eq!(*text, written, "{}", example.name);
    }
}

#[test]
fn names_are_what_the_resource_allows() {
    for example in examples("examples").into_iter().chain(examples("examples/refused")) {
        let name = example.stack.name_any();
        assert!(name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
    }
}

#[test]
fn every_example_stands_in_the_index() {
    let index = fs::read_to_string(root().join("examples/README.md")).unwrap();
    for (directory, prefix) in [("examples", ""), ("examples/refused", "refused/")] {
        for example in examples(directory) {
            assert!(index.contains(&format!("]({prefix}{}.yaml)", example.name)), "{} is not in examples/README.md", example.name);
        }
    }
}

/// What the operator makes of an example, and what it says about it.
fn translated(example: &Example) -> (Option<Desired>, String) {
    let spec = &example.stack.spec;
    let file = |text: &String| File { content: text.as_bytes().into(), executable: text.starts_with("#!"), tainted: false };
    let files = FileSet { files: spec.files.iter().map(|(path, text)| (path.clone(), file(text))).collect() };
    let compose_files = match (&spec.compose, &spec.compose_files) {
        (Some(text), _) => vec![ComposeFile::Text { name: "compose.yaml".to_owned(), text: text.clone(), tainted: false }],
        (None, files) => files.iter().flatten().map(|path| ComposeFile::Path(path.clone())).collect(),
    };
    let variable = |value: &String| Variable { value: value.clone(), tainted: false };
    let variables = spec.variables.iter().map(|(name, value)| (name.clone(), variable(value))).collect();
    let sources = Sources { files: &files, compose_files, variables };
    let options = Options { name: ProjectName::Resource(example.stack.name_any()), ..Options::default() };
    let loaded = compose::load(&sources, &options);
    let mut said = render_plain(&loaded.diagnostics, &loaded.map);
    let Some(project) = loaded.project else { return (None, said) };
    let (desired, diagnostics) = translate(&project, &Settings::default(), &Facts::default());
    said += &render_plain(&diagnostics, &loaded.map);
    (desired, said)
}

#[test]
fn refused_examples_are_refused_with_path_and_position() {
    #[track_caller]
    fn check(name: &str, expected: &[&str]) {
        let (desired, said) = translated(&read(&root().join(format!("examples/refused/{name}.yaml"))));
        assert!(desired.is_none(), "{name} is translated");
        for line in expected {
            assert!(said.contains(line), "{name}: {line:?} is not in\n{said}");
        }
    }
    check("web-db-printed", &["compose.yaml:4:3: services.web.mage: ", "image"]);
    check("aliases-printed", &["compose.yaml:2:2: services.some-service: ", "some-network", "other-network"]);
    check("words-printed", &["compose.yaml:14:2: ", "compose.yaml:4:2"]);
}

#[test]
fn the_stack_in_the_readme_is_translated() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let sample = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let (desired, said) = translated(&parse("README.md", sample));
    let keys: Vec<String> = desired.unwrap_or_else(|| panic!("{said}")).objects.keys().map(ToString::to_string).collect();
    for key in ["PersistentVolumeClaim shop-data", "Service web--published", "Deployment db"] {
        assert!(keys.iter().any(|found| found == key), "{key} is not in {keys:?}");
    }
}

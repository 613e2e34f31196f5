//! What a user sees of a load, pass by pass.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

mod environment;
mod extends;
mod include;
mod limits;
mod merge;
mod places;
mod problems;
mod profiles;
mod project;
mod taint;

use serde_json::{Value, json};

use super::interpolate::Variable;
use super::sources::{ComposeFile, File, FileSet, Options, ProjectName, Sources, Variables};
use super::{Loaded, load, print};

/// A load to try: files by name; the first ones named `*.yaml` that `-f` gives are merged.
#[derive(Default)]
struct Try {
    files: FileSet,
    compose: Vec<String>,
    variables: Variables,
    options: Options,
}

impl Try {
    /// One Compose file.
    fn of(text: &str) -> Self {
        Self { options: Options { name: ProjectName::Fallback("project".to_owned()), ..Options::default() }, ..Self::default() }
            .merged("compose.yaml", text)
    }

    /// A further Compose file that is merged onto the ones before.
    fn merged(self, name: &str, text: &str) -> Self {
        let mut next = self.file(name, text);
        next.compose.push(name.to_owned());
        next
    }

    /// A file that is there already is merged onto the ones before.
    fn merged_name(mut self, name: &str) -> Self {
        self.compose.push(name.to_owned());
        self
    }

    /// A file of the project directory.
    fn file(mut self, name: &str, text: &str) -> Self {
        self.files.files.insert(name.to_owned(), File { content: text.as_bytes().into(), ..File::default() });
        self
    }

    /// A file that comes from a Secret.
    fn secret_file(mut self, name: &str, text: &str) -> Self {
        self.files.files.insert(name.to_owned(), File { content: text.as_bytes().into(), tainted: true, ..File::default() });
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), Variable { value: value.to_owned(), tainted: false });
        self
    }

    /// A variable that comes from a Secret.
    fn secret(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), Variable { value: value.to_owned(), tainted: true });
        self
    }

    fn load(&self) -> Loaded {
        let compose_files = self.compose.iter().cloned().map(ComposeFile::Path).collect();
        load(&Sources { files: &self.files, compose_files, variables: self.variables.clone() }, &self.options)
    }

    #[track_caller]
    fn project(&self) -> super::model::Project {
        let loaded = self.load();
        let problems: Vec<String> = loaded.diagnostics.iter().map(|found| format!("{}: {}", found.path, found.message)).collect();
        loaded.project.unwrap_or_else(|| panic!("refused: {problems:#?}"))
    }

    /// What `config` prints at a path; null where there is nothing.
    #[track_caller]
    fn printed(&self, path: &str) -> Value {
        let value = print::value(&self.project(), &print::Options::default());
        path.split('/').filter(|key| !key.is_empty()).fold(value, |value, key| match value {
            Value::Array(items) => items.get(key.parse::<usize>().unwrap()).cloned().unwrap_or_default(),
            value => value.get(key).cloned().unwrap_or_default(),
        })
    }

    #[track_caller]
    fn prints(&self, path: &str, expected: Value) {
        assert_eq!(self.printed(path), expected, "{path}");
    }

    /// Every error as `path: message`, in the order of the files.
    fn errors(&self) -> Vec<String> {
        let found = self.load().diagnostics;
        found.iter().filter(|found| found.is_error()).map(|found| format!("{}: {}", found.path, found.message)).collect()
    }

    #[track_caller]
    fn refused(&self, expected: &[&str]) {
        assert_eq!(self.errors(), expected);
    }

    fn warnings(&self) -> Vec<String> {
        let found = self.load().diagnostics;
        found.iter().filter(|found| !found.is_error()).map(|found| format!("{}: {}", found.path, found.message)).collect()
    }
}

/// A service `web` with an image and these further lines.
fn web(lines: &str) -> Try {
    let lines = lines.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    Try::of(&format!("services:\n  web:\n    image: nginx\n{lines}"))
}

#[test]
fn the_smallest_file_is_a_project() {
    let project = Try::of("services: {web: {image: nginx}}").project();
    assert_eq!(project.name, "project");
    assert_eq!(project.services["web"].image.as_deref(), Some("nginx"));
    assert!(project.services["web"].networks.contains_key("default"));
    assert_eq!(project.networks["default"].name, "project_default");
    Try::of("services: {web: {image: nginx}}").prints("networks", json!({"default": {"name": "project_default", "ipam": {}}}));
}

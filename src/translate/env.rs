//! Environment, command and entrypoint of a container.
//!
//! The kubelet expands `$(NAME)` and folds `$$` in commands, arguments, values and probe commands, so there every `$` is doubled; not in
//! `envFrom`. What comes from a Secret reaches the container through a generated Secret alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource, SecretEnvSource, SecretKeySelector};

use crate::compose::model::{Command, Service};
use crate::compose::path::Path;

use super::devices;
use super::dollars::doubled;
use super::files::{Content, Item};
use super::models;
use super::names::{self, ObjectName};
use super::objects::Objects;
use super::report::{self, Report};
use super::stack::Stack;

/// What a container is started with.
#[derive(Default)]
pub struct Process {
    pub command: Option<Vec<String>>,
    pub args: Option<Vec<String>>,
    pub env: Vec<EnvVar>,
    pub env_from: Vec<EnvFromSource>,
    /// Hashes of the contents that stand in generated Secrets: part of the service's inputs.
    pub digests: Vec<String>,
}

/// What a container is started with; `name` is that of its service.
pub fn process(stack: &Stack, service: &Service, name: &ObjectName, path: &Path, objects: &mut Objects, report: &mut Report) -> Process {
    let mut hidden = Hidden::default();
    let mut process = Process::default();
    let command = words(stack, &service.command, &path.key("command"), &mut hidden);
    let entrypoint = words(stack, &service.entrypoint, &path.key("entrypoint"), &mut hidden);
    (process.command, process.args) = start(command, entrypoint, path, report);
    let mut env = environment(stack, service, &path.key("environment"), &mut hidden, report);
    for variable in models::variables(stack, service, path, report) {
        // What the file writes itself wins.
        env.entry(variable.name.clone()).or_insert(variable);
    }
    if let Some(parts) = devices::driver_capabilities(service) {
        let name = "NVIDIA_DRIVER_CAPABILITIES".to_owned();
        env.entry(name.clone()).or_insert(EnvVar { name, value: Some(parts), value_from: None });
    }
    hidden.reference(stack, name, path, &mut env, &mut process.digests, objects, report);
    process.env = env.into_values().collect();
    for (index, file) in service.env_files.iter().enumerate() {
        let path = path.key("env_file").index(index);
        let Some(variables) = &file.variables else { continue };
        if let Some(name) = variables.keys().find(|name| !names::is_content_key(name)) {
            report.refuse("env-name", &path, format!("{name:?} can't be a key of a Secret; set it under `environment`"));
            continue;
        }
        let items = variables.iter().map(|(name, value)| Item { path: name.clone(), content: value.as_bytes().into(), mode: 0o444 });
        let content = Content { items: items.collect(), secret: true, ..Content::default() };
        let base = file.path.rsplit('/').next().unwrap_or(&file.path);
        let Some(made) = content.make(stack, base, &path, objects, report) else { continue };
        process.digests.push(made.hash);
        let secret = SecretEnvSource { name: made.name.into_string(), optional: None };
        process.env_from.push(EnvFromSource { secret_ref: Some(secret), ..EnvFromSource::default() });
    }
    process
}

/// `command` and `args`, given `command` and `entrypoint` of Compose.
fn start(command: Words, entrypoint: Words, path: &Path, report: &mut Report) -> (Option<Vec<String>>, Option<Vec<String>>) {
    match (entrypoint, command) {
        (Some(entrypoint), Some(command)) if entrypoint.is_empty() && command.is_empty() => {
            report.refuse("nothing-to-run", &path.key("entrypoint"), "nothing to run: command and entrypoint are both empty");
            (None, None)
        }
        // The image's entrypoint is cleared: the command is all there is.
        (Some(entrypoint), Some(command)) if entrypoint.is_empty() => (Some(command), None),
        (Some(entrypoint), None) if entrypoint.is_empty() => {
            report.refuse(
                "nothing-to-run",
                &path.key("entrypoint"),
                "an empty entrypoint needs a command: the image's own isn't known here",
            );
            (None, None)
        }
        (None, Some(command)) if command.is_empty() => {
            report.refuse("empty-command", &path.key("command"), "an empty command needs an entrypoint: the image's own isn't known here");
            (None, None)
        }
        (entrypoint, command) => (entrypoint, command.filter(|command| !command.is_empty())),
    }
}

type Words = Option<Vec<String>>;

/// Words for the kubelet; those from a Secret become variables.
fn words(stack: &Stack, command: &Command, path: &Path, hidden: &mut Hidden) -> Words {
    let Command::Words(words) = command else { return None };
    let node = report::node(&stack.project.root, path);
    let all = node.is_some_and(|node| node.tainted);
    let tainted = |index: usize| all || node.and_then(|node| node.as_sequence()?.get(index)).is_some_and(|node| node.tainted);
    Some(words.iter().enumerate().map(|(index, word)| if tainted(index) { hidden.word(word) } else { doubled(word) }).collect())
}

fn environment(stack: &Stack, service: &Service, path: &Path, hidden: &mut Hidden, report: &mut Report) -> BTreeMap<String, EnvVar> {
    let mut env = BTreeMap::new();
    let written = report::node(&stack.project.root, path);
    for (name, value) in &service.environment {
        let legal = |c: char| (' '..='~').contains(&c) && c != '=';
        if name.is_empty() || name.ends_with(' ') || !name.chars().all(legal) {
            report.refuse(
                "env-name",
                &path.key(name.to_owned()),
                format!("{name:?} can't name a variable: printable ASCII without \"=\" and without a blank at its end"),
            );
            continue;
        }
        // No value anywhere: the variable stays unset.
        let Some(value) = value else { continue };
        if written.and_then(|node| node.get(name)).is_some_and(|node| node.tainted) {
            hidden.variables.insert(name.clone(), value.clone());
        } else {
            env.insert(name.clone(), EnvVar { name: name.clone(), value: Some(doubled(value)), value_from: None });
        }
    }
    env
}

/// Values from Secrets, by the variable that carries them.
#[derive(Default)]
struct Hidden {
    variables: BTreeMap<String, String>,
    /// How many of them stand for words of a command.
    words: usize,
}

impl Hidden {
    fn word(&mut self, word: &str) -> String {
        self.words += 1;
        let name = format!("COMPOSE_SECRET_WORD_{}", self.words);
        self.variables.insert(name.clone(), word.to_owned());
        format!("$({name})")
    }

    /// Puts the values into a Secret of their own and refers to it.
    #[expect(clippy::too_many_arguments, reason = "it fills what one container is made of, and there is one caller")]
    fn reference(
        &self,
        stack: &Stack,
        service: &ObjectName,
        path: &Path,
        env: &mut BTreeMap<String, EnvVar>,
        digests: &mut Vec<String>,
        objects: &mut Objects,
        report: &mut Report,
    ) {
        if self.variables.is_empty() {
            return;
        }
        let item = |(name, value): (&String, &String)| Item { path: name.clone(), content: Arc::from(value.as_bytes()), mode: 0o444 };
        let content = Content { items: self.variables.iter().map(item).collect(), secret: true, ..Content::default() };
        let Some(made) = content.make(stack, &format!("{service}-env"), path, objects, report) else { return };
        digests.push(made.hash);
        for name in self.variables.keys() {
            let key = SecretKeySelector { name: made.name.to_string(), key: names::content_key(name), optional: None };
            let from = EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() };
            env.insert(name.clone(), EnvVar { name: name.clone(), value: None, value_from: Some(from) });
        }
    }
}

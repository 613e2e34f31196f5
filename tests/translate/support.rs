//! Stacks from files and texts, and what is made of them as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use base64::Engine;
use compose_operator::api::ComposeStackSpec;
use compose_operator::compose::diagnostic::Diagnostic;
use compose_operator::compose::sources::{ComposeFile, File, FileSet, Options, ProjectName, Sources, Variable};
use compose_operator::compose::{self, Loaded};
use compose_operator::translate::{Desired, Facts, Gate, Object, Settings, translate};
use serde::Deserialize;

/// A stack as it is translated.
pub struct Stack {
    pub name: String,
    pub compose: Vec<ComposeFile>,
    pub files: FileSet,
    pub variables: BTreeMap<String, Variable>,
    pub profiles: Vec<String>,
    pub settings: Settings,
    pub facts: Facts,
}

impl Stack {
    /// The stack `app` of one Compose file.
    pub fn of(text: &str) -> Self {
        let compose = ComposeFile::Text { name: "compose.yaml".to_owned(), text: text.to_owned(), tainted: false };
        Self {
            name: "app".to_owned(),
            compose: vec![compose],
            files: FileSet::default(),
            variables: BTreeMap::new(),
            profiles: Vec::new(),
            // Not the one of this version, so that a release changes no snapshot.
            settings: Settings { helper_image: Some("example/helper:1".to_owned()), ..Settings::default() },
            facts: Facts::default(),
        }
    }

    /// The ComposeStack of a manifest.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let documents = serde_yaml::Deserializer::from_str(&text).map(|document| serde_yaml::Value::deserialize(document).unwrap());
        let manifest = documents.into_iter().find(|document| document["kind"] == "ComposeStack").expect("a ComposeStack");
        let spec: ComposeStackSpec = serde_yaml::from_value(manifest["spec"].clone()).unwrap();
        let named = spec.compose_files.iter().flatten().map(|path| ComposeFile::Path(path.clone()));
        let inline =
            spec.compose.iter().map(|text| ComposeFile::Text { name: "compose.yaml".to_owned(), text: text.clone(), tainted: false });
        let mut stack = Self { name: manifest["metadata"]["name"].as_str().unwrap().to_owned(), ..Self::of("") };
        stack.compose = named.chain(inline).collect();
        for (path, text) in &spec.files {
            stack.add_file(path, text.as_bytes(), false);
        }
        for (path, text) in &spec.binary_files {
            stack.add_file(path, &base64::engine::general_purpose::STANDARD.decode(text).unwrap(), false);
        }
        stack.variables = spec.variables.into_iter().map(|(name, value)| (name, Variable { value, tainted: false })).collect();
        stack.profiles = spec.profiles;
        stack.settings.services = spec.services;
        stack
    }

    pub fn with_file(mut self, path: &str, text: &str) -> Self {
        self.add_file(path, text.as_bytes(), false);
        self
    }

    /// A file that comes from a Secret.
    pub fn with_secret_file(mut self, path: &str, text: &str) -> Self {
        self.add_file(path, text.as_bytes(), true);
        self
    }

    /// A variable that comes from a Secret.
    pub fn with_secret_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), Variable { value: value.to_owned(), tainted: true });
        self
    }

    fn add_file(&mut self, path: &str, content: &[u8], tainted: bool) {
        let file = File { content: content.into(), executable: content.starts_with(b"#!"), tainted };
        self.files.files.insert(compose::clean(path), file);
    }

    pub fn load(&self) -> Loaded {
        let sources = Sources { files: &self.files, compose_files: self.compose.clone(), variables: self.variables.clone() };
        let options = Options { name: ProjectName::Resource(self.name.clone()), profiles: self.profiles.clone(), ..Options::default() };
        compose::load(&sources, &options)
    }

    pub fn translate(&self) -> (Option<Desired>, Vec<Diagnostic>) {
        let loaded = self.load();
        let mut diagnostics = loaded.diagnostics;
        let desired = loaded.project.and_then(|project| {
            let (desired, more) = translate(&project, &self.settings, &self.facts);
            diagnostics.extend(more);
            desired
        });
        (desired, diagnostics)
    }

    /// What it becomes; fails the test where it is refused.
    #[track_caller]
    pub fn desired(&self) -> Desired {
        let (desired, text) = problems(self);
        desired.unwrap_or_else(|| panic!("refused:\n{text}"))
    }

    /// Codes of the problems, with their paths.
    pub fn codes(&self) -> Vec<String> {
        self.translate().1.iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect()
    }
}

/// What a stack becomes, and its problems as text.
pub fn problems(stack: &Stack) -> (Option<Desired>, String) {
    let map = stack.load().map;
    let (desired, diagnostics) = stack.translate();
    let mut text = String::new();
    for problem in diagnostics {
        let position = problem.span.and_then(|span| map.position(span)).map_or_else(String::new, |position| format!(" ({position})"));
        writeln!(text, "{:?} {}{position}: {}: {}", problem.severity, problem.path, problem.code, problem.message).unwrap();
    }
    (desired, text)
}

/// Everything that a stack becomes, as text.
pub fn render(stack: &Stack) -> String {
    let (desired, mut text) = problems(stack);
    let Some(desired) = desired else { return text };
    for plan in &desired.services {
        writeln!(text, "{}: {} × {}, {:?}, deadline {}s", plan.name, plan.replicas, plan.workload, plan.lifetime, plan.progress_deadline)
            .unwrap();
        for Gate { service, condition, required, restart } in &plan.gates {
            writeln!(text, "  waits for {service}: {condition:?}, required {required}, restart {restart}").unwrap();
        }
        for external in &plan.externals {
            writeln!(text, "  needs {:?} {} of {}", external.kind, external.name, external.path).unwrap();
        }
        for endpoint in &plan.endpoints {
            writeln!(text, "  {}:{} -> {}/{}", endpoint.service, endpoint.port, endpoint.target, endpoint.protocol).unwrap();
        }
    }
    for object in desired.objects.values() {
        write!(text, "---\n{}", manifest(object)).unwrap();
    }
    text
}

/// One object as YAML.
pub fn manifest(object: &Object) -> String {
    serde_yaml::to_string(object).unwrap()
}

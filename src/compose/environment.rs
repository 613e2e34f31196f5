//! Files of variables: `.env`, `env_file` and `label_file`.

use indexmap::IndexMap;

use crate::yaml::{Entry, Node, Span};

use super::diagnostic::Diagnostic;
use super::env_file::{self, Format};
use super::interpolate::Variable;
use super::load::Loader;
use super::model::{EnvFile, Project};
use super::path::Path;
use super::sources::{File, Variables};
use super::tree::{made_mapping, put};

impl Loader<'_> {
    /// Adds variables of files, later files over earlier ones, all under those that are there. Each path comes with whether it must be there.
    pub fn dot_env(&mut self, files: &[(String, bool)], variables: &mut Variables, path: &Path, span: Span) -> bool {
        let mut read = IndexMap::new();
        let mut complete = true;
        for (file, required) in files {
            match self.read(file) {
                Some(content) => complete &= self.variables_of(file, &content, Format::DotEnv, &*variables, &mut read),
                None if *required => {
                    complete = false;
                    self.missing_file("env file", file, path, span);
                }
                None => {}
            }
        }
        for (name, variable) in read {
            variables.entry(name).or_insert(variable);
        }
        complete
    }

    fn missing_file(&mut self, what: &str, file: &str, path: &Path, span: Span) {
        let diagnostic = Diagnostic::error("missing-file", path.to_string(), format!("there is no {what} {file}"));
        self.problems.add(if span == Span::default() { diagnostic } else { diagnostic.at(span) });
    }

    /// Reads one file; answers whether it could be read to its end.
    fn variables_of(&mut self, name: &str, file: &File, format: Format, around: &Variables, read: &mut IndexMap<String, Variable>) -> bool {
        let Ok(text) = std::str::from_utf8(&file.content) else {
            self.problems.add(Diagnostic::error("invalid-env-file", "", format!("{name} is not UTF-8 text")));
            return false;
        };
        let id = self.map.add(name, text, file.tainted);
        let found = env_file::read(text, id, format, file.tainted, around, read, &mut self.expansion);
        let fine = !found.iter().any(Diagnostic::is_error);
        for diagnostic in found {
            self.problems.add(diagnostic);
        }
        fine
    }

    /// Reads the env files of every service, and adds what label files say to its labels.
    pub fn environment_files(&mut self, project: &mut Project, variables: &Variables) {
        for (name, service) in &mut project.services {
            let path = Path::of(&["services", name]);
            // The interpolation environment comes first, then what the service itself sets.
            let mut around = variables.clone();
            for (key, value) in &service.environment {
                if let Some(value) = value {
                    around.entry(key.clone()).or_insert_with(|| Variable { value: value.clone(), tainted: false });
                }
            }
            if self.options.resolve_environment {
                let mut read = IndexMap::new();
                for (index, file) in service.env_files.iter_mut().enumerate() {
                    let at = path.key("env_file").index(index);
                    let span = span_of(&project.root, &at);
                    self.env_file(file, &around, &mut read, &at, span);
                }
            }
            let labels = self.labels(&service.label_files, &path.key("label_file"), span_of(&project.root, &path.key("label_file")));
            for (key, label) in labels {
                let node = Node { tainted: label.tainted, ..Node::new(label.value.clone(), Span::default()) };
                if !service.labels.contains_key(&key) {
                    add_label(&mut project.root, name, &key, node);
                    service.labels.insert(key, label.value);
                }
            }
        }
    }

    fn env_file(&mut self, file: &mut EnvFile, around: &Variables, read: &mut IndexMap<String, Variable>, path: &Path, span: Span) {
        let Some(content) = self.read(&file.path) else {
            if file.required {
                self.missing_file("env file", &file.path, path, span);
            }
            return;
        };
        let Some(format) = Format::named(file.format.as_deref().unwrap_or_default()) else {
            self.problems.error(
                "invalid-value",
                &path.key("format"),
                span,
                "is no format of an env file; the only one that has a name is raw",
            );
            return;
        };
        let before = std::mem::take(read);
        let mut known = around.clone();
        for (name, variable) in &before {
            known.entry(name.clone()).or_insert_with(|| variable.clone());
        }
        let mut own = IndexMap::new();
        self.variables_of(&file.path.clone(), &content, format, &known, &mut own);
        file.tainted = content.tainted || own.values().any(|variable| variable.tainted);
        file.variables = Some(own.iter().map(|(name, variable)| (name.clone(), variable.value.clone())).collect());
        *read = before;
        read.extend(own);
    }

    fn labels(&mut self, files: &[String], path: &Path, span: Span) -> IndexMap<String, Variable> {
        let mut labels = IndexMap::new();
        for file in files {
            match self.read(file) {
                Some(content) => {
                    self.variables_of(file, &content, Format::DotEnv, &Variables::new(), &mut labels);
                }
                None => self.missing_file("label file", file, path, span),
            }
        }
        labels
    }
}

fn span_of(root: &Node, path: &Path) -> Span {
    root.at(&path.to_string()).map_or_else(Span::default, |node| node.span)
}

fn add_label(root: &mut Node, service: &str, key: &str, value: Node) {
    let Some(node) = root.get_mut("services").and_then(|services| services.get_mut(service)) else { return };
    if node.get("labels").is_none() {
        let empty = made_mapping([], node);
        put(node, "labels", empty);
    }
    if let Some(labels) = node.get_mut("labels").and_then(Node::as_mapping_mut) {
        labels.insert(key.to_owned(), Entry { key_span: value.span, value });
    }
}

//! Files of variables: `.env`, `env_file` and `label_file`.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::yaml::{Entry, Mapping, Node, Span, Value};

use super::diagnostic::Diagnostic;
use super::env_file::{self, Format};
use super::interpolate::{self, Variable};
use super::loader::Loader;
use super::model::{EnvFile, Project};
use super::path::Place;
use super::sources::{File, Variables};
use super::tree;
use super::tree::put_default;

/// Adds variables that are not there.
pub fn add_below(variables: &mut Variables, read: IndexMap<String, Variable>) {
    for (name, variable) in read {
        variables.entry(name).or_insert(variable);
    }
}

/// Several environments, the first that has a variable gives it.
struct Layers<'a>(&'a [&'a dyn interpolate::Variables]);

impl interpolate::Variables for Layers<'_> {
    fn get(&self, name: &str) -> Option<&Variable> {
        self.0.iter().find_map(|layer| layer.get(name))
    }
}

impl Loader<'_> {
    /// The variables of files, later files over earlier ones. Each path comes with whether it must be there. `None` where one can't be read.
    pub fn dot_env(
        &mut self,
        files: &[(String, bool)],
        around: &Variables,
        path: &Place<'_>,
        span: Span,
    ) -> Option<IndexMap<String, Variable>> {
        let mut read = IndexMap::new();
        let mut complete = true;
        for (file, required) in files {
            match self.read(file) {
                Some(content) => complete &= self.variables_of(file, &content, Format::DotEnv, around, &mut read),
                None if *required => {
                    complete = false;
                    self.missing_file("env file", file, path, span);
                }
                None => {}
            }
        }
        for variable in read.values().filter(|variable| variable.tainted) {
            self.problems.hide(&variable.value);
        }
        complete.then_some(read)
    }

    fn missing_file(&mut self, what: &str, file: &str, path: &Place<'_>, span: Span) {
        self.problems.error("missing-file", path, span, format!("there is no {what} {file}"));
    }

    /// Reads one file; answers whether it could be read to its end.
    fn variables_of(
        &mut self,
        name: &str,
        file: &File,
        format: Format,
        around: &dyn interpolate::Variables,
        read: &mut IndexMap<String, Variable>,
    ) -> bool {
        let Ok(text) = std::str::from_utf8(&file.content) else {
            self.problems.add(Diagnostic::error("invalid-env-file", "", format!("{name} is not UTF-8 text")));
            return false;
        };
        let id = self.map.add(name, text, file.tainted);
        let found = env_file::read(text, id, format, file.tainted, around, read, &mut self.expansion);
        let complete = !found.iter().any(Diagnostic::is_error);
        for diagnostic in found {
            self.problems.add(diagnostic);
        }
        complete
    }

    /// Reads the env files of every service and of its hooks.
    pub fn environment_files(&mut self, project: &mut Project, variables: &Variables) {
        if !self.options.resolve_environment {
            return;
        }
        let wanted = &self.options.environment_of;
        for (name, service) in project.services.iter_mut().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
            let path = Place::Entry("services", name);
            let node = project.root.get("services").and_then(|services| services.get(name));
            self.env_files(&mut service.env_files, node, &path, variables);
            for (index, step) in service.pre_start.iter_mut().enumerate() {
                let node = node.and_then(|node| node.get("pre_start")?.as_sequence()?.get(index));
                self.env_files(&mut step.container.env_files, node, &path.item("pre_start", index), variables);
            }
        }
    }

    /// Adds what label files say to the labels of services and hooks.
    pub fn label_files(&mut self, root: &mut Node) {
        tree::each(root, "services", |node, path| {
            self.labels(node, path);
            for (index, hook) in node.get_mut("pre_start").and_then(Node::as_sequence_mut).into_iter().flatten().enumerate() {
                self.labels(hook, &path.item("pre_start", index));
            }
        });
    }

    fn labels(&mut self, container: &mut Node, path: &Place<'_>) {
        let Some(files) = container.get("label_file").cloned() else { return };
        let mut read = IndexMap::new();
        for (index, file) in files.as_sequence().into_iter().flatten().enumerate() {
            let Some(name) = file.as_str() else { continue };
            if self.is_spent() {
                return;
            }
            match self.read(name) {
                Some(content) => {
                    self.variables_of(name, &content, Format::DotEnv, &Variables::new(), &mut read);
                    // A label is a value of the model, and another one of what the model becomes.
                    self.spend(read.len() * 2);
                }
                None => self.missing_file("label file", name, &path.item("label_file", index), file.span),
            }
        }
        put_default(container, "labels", Value::from(Mapping::default()));
        let Some(labels) = container.get_mut("labels").and_then(Node::as_mapping_mut) else { return };
        for (key, Variable { value, tainted }) in read {
            let node = Node { tainted, ..Node::new(value, files.span) };
            labels.entry(key).or_insert(Entry { key_span: files.span, value: node });
        }
    }

    /// Reads the env files of a service or of one of its hooks, which stands at `path`.
    fn env_files(&mut self, files: &mut [EnvFile], container: Option<&Node>, path: &Place<'_>, variables: &Variables) {
        let own = container.map_or_else(BTreeMap::new, own_variables);
        let mut read = IndexMap::new();
        for (index, file) in files.iter_mut().enumerate() {
            if self.is_spent() {
                return;
            }
            let span =
                container.and_then(|node| node.get("env_file")?.as_sequence()?.get(index)).map_or_else(Span::default, |node| node.span);
            // The interpolation environment comes first, then what the container sets, then earlier files.
            let around = Layers(&[variables, &own, &read]);
            let Some(variables) = self.env_file(file, &around, &path.item("env_file", index), span) else { continue };
            file.tainted |= variables.values().any(|variable| variable.tainted);
            file.variables = Some(variables.iter().map(|(name, variable)| (name.clone(), variable.value.clone())).collect());
            read.extend(variables);
        }
    }

    fn env_file(&mut self, file: &mut EnvFile, around: &Layers<'_>, path: &Place<'_>, span: Span) -> Option<IndexMap<String, Variable>> {
        let Some(content) = self.read(&file.path) else {
            if file.required {
                self.missing_file("env file", &file.path, path, span);
            }
            return None;
        };
        let Some(format) = Format::named(file.format.as_deref().unwrap_or_default()) else {
            self.problems.error(
                "invalid-value",
                &path.key("format"),
                span,
                "is no format of an env file; the only one that has a name is raw",
            );
            return None;
        };
        file.tainted = content.tainted;
        let mut variables = IndexMap::new();
        self.variables_of(&file.path, &content, format, around, &mut variables);
        // Each service has them for itself.
        self.spend(variables.len()).then_some(variables)
    }
}

/// What a service or a hook sets in `environment`.
fn own_variables(container: &Node) -> BTreeMap<String, Variable> {
    let environment = container.get("environment").and_then(Node::as_mapping);
    let set = environment.into_iter().flatten().filter_map(|(name, entry)| {
        let value = entry.value.scalar_text()?;
        Some((name.clone(), Variable { value, tainted: entry.value.tainted }))
    });
    set.collect()
}

//! `include` (Compose specification, "Include"): another project's resources, loaded by themselves, under those of this file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::yaml::{Entry, Mapping, Node, Span, Value};

use super::diagnostic::Diagnostic;
use super::environment::add_below;
use super::limits::MAX_DEPTH;
use super::loader::{ALL, Loader, Scope};
use super::merge;
use super::path::Place;
use super::paths;
use super::reset::Resets;
use super::sources::{ComposeFile, Variables};
use super::tree::{count, has, remove, same, text};

/// How many values more each value of an included model counts for: it goes through the passes of its own files and of those that include it.
const PASSES: usize = 2;

/// One entry of `include` in its long form.
struct Include {
    files: Vec<String>,
    env_files: Option<Vec<String>>,
    project_directory: Option<String>,
    span: Span,
    path: Place<'static>,
}

impl Loader<'_> {
    /// Loads what a document includes, and puts it under the document's own resources.
    pub fn include(&mut self, scope: &mut Scope, name: &str, document: &mut Node, resets: &Resets) {
        let Some(includes) = remove(document, "include") else { return };
        let Some(list) = includes.as_sequence() else {
            let message = format!("must be a list, found {}", includes.kind());
            self.problems.error("wrong-type", &Place::Root.key("include"), includes.span, message);
            return;
        };
        for (index, item) in list.iter().enumerate() {
            let path = Place::Item(&Place::Root, "include", index);
            if let Some(include) = self.entry(item, path) {
                self.one(scope, name, &include, document, resets);
            }
        }
    }

    fn entry(&mut self, node: &Node, path: Place<'static>) -> Option<Include> {
        let texts = |node: &Node| -> Option<Vec<String>> {
            match node.as_str() {
                Some(text) => Some(vec![text.to_owned()]),
                None => node.as_sequence()?.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            }
        };
        let files = match node.get("path") {
            Some(files) => texts(files),
            None => node.as_str().map(|file| vec![file.to_owned()]),
        };
        let Some(files) = files.filter(|files| !files.is_empty()) else {
            self.problems.error("wrong-type", &path, node.span, "must be a path, or a mapping with \"path\"");
            return None;
        };
        for (key, entry) in node.as_mapping().into_iter().flatten() {
            if !matches!(key.as_str(), "path" | "env_file" | "project_directory") {
                self.problems.error(
                    "unknown-attribute",
                    &path.key(key),
                    entry.key_span,
                    "unknown attribute; allowed are path, env_file and project_directory",
                );
            }
        }
        let env_files = node.get("env_file").and_then(texts);
        Some(Include { files, env_files, project_directory: text(node, "project_directory").map(str::to_owned), span: node.span, path })
    }

    fn one(&mut self, scope: &mut Scope, name: &str, include: &Include, document: &mut Node, resets: &Resets) {
        let files: Vec<String> = include.files.iter().map(|file| paths::join(&scope.directory, file)).collect();
        let main = files.first().cloned().unwrap_or_default();
        let mut chain = scope.included.clone();
        chain.push(name.to_owned());
        if chain.contains(&main) {
            let cycle = [&chain[..], std::slice::from_ref(&main)].concat().join(" includes ");
            self.problems.error("include-cycle", &include.path, include.span, format!("files include each other: {cycle}"));
            return;
        }
        if chain.len() > MAX_DEPTH {
            self.problems.error("too-deep", &include.path, include.span, format!("more than {MAX_DEPTH} files include each other"));
            return;
        }
        let mut found = true;
        for file in &files {
            if self.sources.files.read(file).is_none() {
                found = false;
                let diagnostic = Diagnostic::error("missing-file", include.path.to_string(), format!("there is no file {file}"));
                self.problems.add(diagnostic.at(include.span));
            }
        }
        let directory = match &include.project_directory {
            Some(directory) => paths::join(&scope.directory, directory),
            None => paths::parent(&main),
        };
        let Some(variables) = self.included_variables(scope, include, &directory) else { return };
        if !found {
            return;
        }
        let mut inner = Scope {
            base: paths::relative(&scope.directory, &directory),
            directory,
            variables,
            included: chain,
            extended: BTreeMap::new(),
            passes: ALL,
        };
        let files: Vec<ComposeFile> = files.into_iter().map(ComposeFile::Path).collect();
        let model = self.model(&mut inner, &files);
        if !self.spend(count(&model).saturating_mul(PASSES)) {
            return;
        }
        self.import(model, &main, document, resets);
    }

    /// The including file's variables win over those of the included project's env files.
    fn included_variables(&mut self, scope: &Scope, include: &Include, directory: &str) -> Option<Arc<Variables>> {
        let files = match &include.env_files {
            None => vec![(paths::join(directory, ".env"), false)],
            Some(files) => {
                files.iter().filter(|file| *file != "/dev/null").map(|file| (paths::join(&scope.directory, file), true)).collect()
            }
        };
        let read = self.dot_env(&files, &scope.variables, &include.path, include.span)?;
        if read.is_empty() {
            return Some(Arc::clone(&scope.variables));
        }
        let mut variables = Variables::clone(&scope.variables);
        add_below(&mut variables, read);
        Some(Arc::new(variables))
    }

    /// Puts imported resources under those of the document, which win where both define one.
    fn import(&mut self, mut model: Node, file: &str, document: &mut Node, resets: &Resets) {
        for section in ["services", "jobs", "volumes", "networks", "secrets", "configs", "models"] {
            let Some(Node { value: Value::Mapping(imported), span, .. }) = remove(&mut model, section) else { continue };
            if !has(document, section) {
                let empty = Node::new(Value::from(Mapping::default()), span);
                super::tree::put(document, section, empty);
            }
            let Some(own) = document.get_mut(section).and_then(Node::as_mapping_mut) else { continue };
            for (name, entry) in *imported {
                let path = Place::Entry(section, &name);
                match own.get_mut(&name) {
                    None => {
                        own.insert(name, entry);
                    }
                    Some(conflict) if same(&conflict.value, &entry.value) => {}
                    Some(conflict) => {
                        let Entry { value: mut imported, .. } = entry;
                        resets.apply_to(section, &name, &mut imported);
                        self.problems.warn(
                            "defined-twice",
                            &path,
                            conflict.key_span,
                            format!("is defined here and in {file}, which it is merged onto"),
                        );
                        let value = std::mem::take(&mut conflict.value);
                        conflict.value = merge::merge(imported, value, &path, &mut self.problems);
                    }
                }
            }
        }
    }
}

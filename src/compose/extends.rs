//! `extends` (Compose specification, "Extends"): a service starts as another one, of this file or of another.

use std::collections::BTreeMap;

use crate::yaml::{Mapping, Node, Value};

use super::diagnostic::Diagnostic;
use super::load::{Loader, MAX_DEPTH, Passes, Scope};
use super::merge;
use super::path::Path;
use super::paths::{self, Resolver};
use super::reset::Resets;
use super::sources::ComposeFile;
use super::tree::{remove, text};

/// The services of a file that is extended, their paths made relative to the extending file.
#[derive(Clone)]
pub struct Base {
    services: Mapping,
    resets: Resets,
}

/// The services that extend each other, by file and name.
type Chain = Vec<(String, String)>;

impl Loader<'_> {
    /// Extends every service of a document.
    pub fn extend_all(&mut self, scope: &mut Scope, file: &str, document: &mut Node, resets: &Resets) {
        for section in ["services", "jobs"] {
            let Some(node) = document.get_mut(section) else { continue };
            let Some(mapping) = node.as_mapping_mut() else { continue };
            let mut services = std::mem::take(mapping);
            let names: Vec<String> = services.keys().cloned().collect();
            for name in names {
                let mut chain = Chain::new();
                self.extend(scope, file, section, &name, &mut services, resets, &mut chain);
            }
            if let Some(mapping) = document.get_mut(section).and_then(Node::as_mapping_mut) {
                *mapping = services;
            }
        }
    }

    /// The service with all that it extends merged in, which also replaces it among the services.
    #[expect(clippy::too_many_arguments, reason = "the recursion hands all of them on")]
    fn extend(
        &mut self,
        scope: &mut Scope,
        file: &str,
        section: &str,
        name: &str,
        services: &mut Mapping,
        resets: &Resets,
        chain: &mut Chain,
    ) -> Option<Node> {
        let service = services.get(name)?.value.clone();
        let Some(extends) = service.get("extends") else { return Some(service) };
        let path = Path::of(&[section, name, "extends"]);
        let reference = extends.as_str().or_else(|| text(extends, "service"));
        let Some(reference) = reference.map(str::to_owned) else {
            self.problems.error("wrong-type", &path, extends.span, "must be the name of a service, or a mapping with \"service\"");
            return None;
        };
        if !self.enter(chain, file, name, &path, extends) {
            return None;
        }
        let (span, other) = (extends.span, text(extends, "file").map(str::to_owned));
        let base = match other {
            None => {
                if !services.contains_key(&reference) {
                    self.missing(&path, span, &reference, file, services);
                    return None;
                }
                self.extend(scope, file, section, &reference, services, resets, chain)?
            }
            Some(other) => {
                let other = paths::join(&scope.directory, &other);
                let mut base = self.base(scope, &other, &path, span)?;
                if !base.services.contains_key(&reference) {
                    self.missing(&path, span, &reference, &other, &base.services);
                    return None;
                }
                self.extend(scope, &other, section, &reference, &mut base.services, &base.resets, chain)?
            }
        };
        chain.pop();
        let merged = if base.is_null() {
            service
        } else {
            let mut base = base;
            resets.apply_to(section, name, &mut base);
            // The rules of services hold whatever the section and the name.
            let mut merged = merge::merge(base, service, &Path::of(&["services", name]), &mut self.problems);
            remove(&mut merged, "extends");
            merged
        };
        if let Some(entry) = services.get_mut(name) {
            entry.value = merged.clone();
        }
        Some(merged)
    }

    fn enter(&mut self, chain: &mut Chain, file: &str, name: &str, path: &Path, extends: &Node) -> bool {
        let here = (file.to_owned(), name.to_owned());
        if chain.contains(&here) {
            let cycle =
                chain.iter().chain([&here]).map(|(file, service)| format!("{service} in {file}")).collect::<Vec<_>>().join(" extends ");
            self.problems.error("extends-cycle", path, extends.span, format!("services extend each other: {cycle}"));
            return false;
        }
        if chain.len() >= MAX_DEPTH {
            self.problems.error("too-deep", path, extends.span, format!("more than {MAX_DEPTH} services extend each other"));
            return false;
        }
        chain.push(here);
        true
    }

    fn missing(&mut self, path: &Path, span: crate::yaml::Span, reference: &str, file: &str, services: &Mapping) {
        let close = super::diagnostic::closest(reference, services.keys().map(String::as_str));
        let hint = close.map(|close| format!(", did you mean \"{close}\"?")).unwrap_or_default();
        let message = format!("there is no service \"{reference}\" in {file}{hint}");
        self.problems.error("undefined-service", path, span, message);
    }

    /// Loads a file that is extended, once.
    fn base(&mut self, scope: &mut Scope, file: &str, path: &Path, span: crate::yaml::Span) -> Option<Base> {
        if let Some(known) = scope.extended.get(file) {
            return known.clone();
        }
        let loaded = self.load_base(scope, file, path, span);
        scope.extended.insert(file.to_owned(), loaded.clone());
        loaded
    }

    fn load_base(&mut self, scope: &Scope, file: &str, path: &Path, span: crate::yaml::Span) -> Option<Base> {
        if self.sources.files.read(file).is_none() {
            self.problems.add(Diagnostic::error("missing-file", path.to_string(), format!("there is no file {file}")).at(span));
            return None;
        }
        let directory = paths::parent(file);
        let mut inner = Scope {
            base: paths::relative(&scope.directory, &directory),
            directory,
            variables: scope.variables.clone(),
            included: Vec::new(),
            extended: BTreeMap::new(),
            passes: Passes { include: false, extends: false, validate: false },
        };
        let mut model = super::tree::made_mapping([], &Node::default());
        let resets = self.file(&mut inner, &ComposeFile::Path(file.to_owned()), &mut model);
        Resolver { base: &inner.base, home: self.options.home.as_deref() }.resolve(&mut model, &mut self.problems);
        match remove(&mut model, "services") {
            Some(Node { value: Value::Mapping(services), .. }) => Some(Base { services, resets }),
            _ => {
                self.problems.error("undefined-service", path, span, format!("{file} has no services"));
                None
            }
        }
    }
}

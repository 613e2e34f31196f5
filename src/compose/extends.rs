//! `extends` (Compose specification, "Extends"): a service starts as another one, of this file or of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::yaml::{Mapping, Node, Span, Value};

use super::diagnostic::Diagnostic;
use super::limits::MAX_DEPTH;
use super::loader::{Base, Loader, Passes, Scope};
use super::merge;
use super::path::Place;
use super::paths;
use super::reset::Resets;
use super::resolve::Resolver;
use super::sources::ComposeFile;
use super::tree::{count, has, made_mapping, remove, shown, text};

/// The services that extend each other, by file and name.
type Chain = Vec<(String, String)>;

impl Loader<'_> {
    /// Extends every service of a document.
    pub fn extend_all(&mut self, scope: &mut Scope, file: &str, document: &mut Node, resets: &Resets) {
        for section in ["services", "jobs"] {
            let Some(node) = document.get_mut(section) else { continue };
            if node.is_null() {
                // Merging would drop it.
                self.problems.error("wrong-type", &Place::Root.key(section), node.span, "must be a mapping, found nothing");
            }
            let Some(mapping) = node.as_mapping_mut() else { continue };
            let mut services = std::mem::take(mapping);
            let extending = services.iter().filter(|(_, entry)| has(&entry.value, "extends"));
            let names: Vec<String> = extending.map(|(name, _)| name.clone()).collect();
            for name in names {
                if self.is_spent() {
                    break;
                }
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
        let entry = Place::Entry(section, name);
        let path = entry.key("extends");
        let Some(named) = extends.get("service").or(Some(extends)).filter(|named| named.as_str().is_some()).cloned() else {
            self.problems.error("wrong-type", &path, extends.span, "must be the name of a service, or a mapping with \"service\"");
            return None;
        };
        let reference = named.as_str().unwrap_or_default().to_owned();
        if !self.enter(chain, file, name, &path, extends) {
            return None;
        }
        let (span, other) = (extends.span, text(extends, "file").map(str::to_owned));
        let base = match other {
            None => {
                if !services.contains_key(&reference) {
                    self.missing(&path, &named, file, services);
                    return None;
                }
                self.extend(scope, file, section, &reference, services, resets, chain)?
            }
            Some(other) => {
                let other = paths::join(&scope.directory, &other);
                let mut base = self.base(scope, &other, &path, span)?;
                let extended = if base.services.contains_key(&reference) {
                    let Base { services, resets } = &mut base;
                    self.extend(scope, &other, section, &reference, services, resets, chain)
                } else {
                    self.missing(&path, &named, &other, &base.services);
                    None
                };
                // What was extended on the way stands in it, for the next service that extends the file.
                scope.extended.insert(other, base);
                extended?
            }
        };
        chain.pop();
        if !self.spend(count(&base)) {
            return None;
        }
        let merged = if base.is_null() {
            service
        } else {
            let mut base = base;
            self.problems.origins.extend(format!("{section}.{name}"), service.span, base.span, span);
            resets.apply_to(section, name, &mut base);
            // The rules of services hold whatever the section and the name.
            let mut merged = merge::merge(base, service, &Place::Entry("services", name), &mut self.problems);
            remove(&mut merged, "extends");
            merged
        };
        if let Some(entry) = services.get_mut(name) {
            entry.value = merged.clone();
        }
        Some(merged)
    }

    fn enter(&mut self, chain: &mut Chain, file: &str, name: &str, path: &Place<'_>, extends: &Node) -> bool {
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

    fn missing(&mut self, path: &Place<'_>, named: &Node, file: &str, services: &Mapping) {
        let close = self.problems.closest(named.as_str().unwrap_or_default(), services.keys().map(String::as_str));
        let hint = close.filter(|_| !named.tainted).map(|close| format!(", did you mean \"{close}\"?")).unwrap_or_default();
        let message = format!("there is no service {} in {file}{hint}", shown(named));
        self.problems.error("undefined-service", path, named.span, message);
    }

    /// Loads a file that is extended, once.
    fn base(&mut self, scope: &mut Scope, file: &str, path: &Place<'_>, span: Span) -> Option<Base> {
        if let Some(known) = scope.extended.remove(file) {
            return Some(known);
        }
        self.load_base(scope, file, path, span)
    }

    fn load_base(&mut self, scope: &Scope, file: &str, path: &Place<'_>, span: Span) -> Option<Base> {
        if self.sources.files.read(file).is_none() {
            self.problems.add(Diagnostic::error("missing-file", path.to_string(), format!("there is no file {file}")).at(span));
            return None;
        }
        let directory = paths::parent(file);
        let mut inner = Scope {
            base: paths::relative(&scope.directory, &directory),
            directory,
            variables: Arc::clone(&scope.variables),
            included: Vec::new(),
            extended: BTreeMap::new(),
            passes: Passes { include: false, extends: false, validate: false },
        };
        let mut model = made_mapping([], &Node::default());
        let resets = self.file(&mut inner, &ComposeFile::Path(file.to_owned()), &mut model);
        Resolver { base: &inner.base, home: self.options.home.as_deref() }.resolve(&mut model, &mut self.problems);
        let Some(Node { value: Value::Mapping(services), .. }) = remove(&mut model, "services") else {
            self.problems.error("undefined-service", path, span, format!("{file} has no services"));
            return None;
        };
        Some(Base { services: *services, resets })
    }
}

//! Files → one merged canonical tree, in the reference's order of work: of each document parse, interpolate, include, extend, merge onto
//! what is there, check against the schema, expand; of the whole then defaults, checks, paths.

use crate::yaml::{Mapping, Node};

use super::loader::{Loader, Scope};
use super::path::Place;
use super::reset::Resets;
use super::resolve::Resolver;
use super::sources::ComposeFile;
use super::{canonical, checks, interpolate, legacy, merge, names, schema, tree, unique};

impl Loader<'_> {
    /// Merges files into one model with defaults, checked, its paths made relative to the including model.
    pub fn model(&mut self, scope: &mut Scope, files: &[ComposeFile]) -> Node {
        let mut model = tree::empty();
        for file in files {
            self.file(scope, file, &mut model);
        }
        canonical::defaults(&mut model);
        checks::check(&model, &mut self.problems);
        if self.options.resolve_paths || !scope.included.is_empty() {
            Resolver { base: &scope.base, home: self.options.home.as_deref() }.resolve(&mut model, &mut self.problems);
        }
        checks::resolve_sources(&mut model, &scope.variables);
        model
    }

    /// Merges one file onto the model; answers what its last document took away.
    pub fn file(&mut self, scope: &mut Scope, file: &ComposeFile, model: &mut Node) -> Resets {
        let mut resets = Resets::default();
        let name = match file {
            ComposeFile::Path(path) => path.clone(),
            // It is another one than a file of the same name, which it may include or extend.
            ComposeFile::Text { name, .. } | ComposeFile::Structured { name, .. } if self.sources.files.read(name).is_some() => {
                format!("{name} (inline)")
            }
            ComposeFile::Text { name, .. } | ComposeFile::Structured { name, .. } => name.clone(),
        };
        for document in self.documents(file) {
            resets = self.document(scope, &name, document, model);
        }
        resets
    }

    fn document(&mut self, scope: &mut Scope, name: &str, mut document: Node, model: &mut Node) -> Resets {
        if document.is_null() {
            // The reference refuses a document without content.
            self.problems.error("not-a-mapping", &Place::Root, document.span, "the file is empty; a mapping with \"services\" is expected");
            return Resets::default();
        }
        if document.as_mapping().is_none() {
            let message = format!("the file must be a mapping with \"services\", found {}", document.kind());
            self.problems.error("not-a-mapping", &Place::Root, document.span, message);
            return Resets::default();
        }
        legacy::upgrade(&mut document, &mut self.problems);
        canonical::promote_aliases(&mut document, &mut self.problems);
        let resets = Resets::take(&mut document);
        if self.options.interpolate {
            let named = names::with_variables(&mut document);
            for diagnostic in interpolate::interpolate(&mut document, &*scope.variables, &mut self.expansion) {
                self.problems.add(diagnostic);
            }
            names::refuse_tainted(&mut document, &named, &mut self.problems);
        }
        if scope.passes.include {
            self.include(scope, name, &mut document, &resets);
        }
        resets.apply(model);
        if scope.passes.extends {
            self.extend_all(scope, name, &mut document, &resets);
        }
        let root = Place::Root;
        let again = !model.as_mapping().is_none_or(Mapping::is_empty);
        *model = merge::merge(std::mem::take(model), document, &root, &mut self.problems);
        unique::enforce(model, &root, &mut self.problems);
        if scope.passes.validate {
            schema::validate(&schema::ROOT, model, &root, &mut self.problems);
            if let Some(version) = tree::remove(model, "version") {
                self.problems.warn("obsolete", &Place::Root.key("version"), version.span, "has no effect any more; it can go");
            }
        }
        if !self.has_room(model) {
            *model = tree::empty();
            return resets;
        }
        canonical::expand(model, !self.options.interpolate, &mut self.ports, &mut self.problems);
        canonical::omit_empty(model);
        unique::enforce(model, &root, &mut self.problems);
        self.pass(model, again);
        resets
    }
}

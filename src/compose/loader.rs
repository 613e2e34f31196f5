//! The state of one load: what was read, within its bounds, and what there is to say about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::yaml::{self, FileId, Mapping, Node};

use super::decode::short_port;
use super::diagnostic::{Diagnostic, INVALID_YAML, SourceMap};
use super::limits::MAX_FILES;
use super::paths;
use super::problems::Problems;
use super::reset::Resets;
use super::sources::{ComposeFile, File, Options, Sources, Variables};
use super::{canonical, interpolate, legacy, tree};

/// The state of one load.
pub struct Loader<'a> {
    pub sources: &'a Sources<'a>,
    pub options: &'a Options,
    pub map: SourceMap,
    pub problems: Problems,
    files: usize,
    bytes: usize,
    values: usize,
    /// Values of the models that the passes went through again because a further file was merged onto them.
    merged: usize,
    /// What is left of [`interpolate::MAX_EXPANSION`].
    pub expansion: usize,
    /// What is left of [`short_port::MAX_PORTS`].
    pub ports: usize,
}

/// What the files of one model share: those that are merged, or those of one `include`.
pub struct Scope {
    /// The directory that `include` and `extends` look in, seen from the project directory.
    pub directory: String,
    /// What the model's paths are joined to, seen from the including model.
    pub base: String,
    pub variables: Arc<Variables>,
    /// The files that include each other, the outermost first.
    pub included: Vec<String>,
    /// Services of files that were extended, by path.
    pub extended: BTreeMap<String, Base>,
    pub passes: Passes,
}

/// Which passes a file goes through: one that is extended is not checked by itself.
#[derive(Clone, Copy)]
pub struct Passes {
    pub include: bool,
    pub extends: bool,
    pub validate: bool,
}

pub const ALL: Passes = Passes { include: true, extends: true, validate: true };

/// The services of a file that is extended, their paths made relative to the extending file.
pub struct Base {
    pub services: Mapping,
    pub resets: Resets,
}

impl<'a> Loader<'a> {
    pub fn new(sources: &'a Sources<'a>, options: &'a Options) -> Self {
        Self {
            sources,
            options,
            map: SourceMap::new(),
            problems: Problems::default(),
            files: 0,
            bytes: 0,
            values: 0,
            merged: 0,
            expansion: interpolate::MAX_EXPANSION,
            ports: short_port::MAX_PORTS,
        }
    }

    /// Whether the services, and what their short forms stand for, are within the bounds.
    pub fn has_room(&mut self, model: &Node) -> bool {
        let sections = ["services", "jobs"].into_iter().filter_map(|section| model.get(section)?.as_mapping());
        let services: usize = sections.map(yaml::Mapping::len).sum();
        let (most, values) = (self.options.limits.services, self.options.limits.values);
        if services > most {
            self.problems.add(Diagnostic::error("too-large", "services", format!("the project has more than {most} services")));
        } else if canonical::expanded(model) > values {
            self.problems.add(Diagnostic::error("too-large", "", format!("what short forms stand for has more than {values} values")));
        } else {
            return true;
        }
        false
    }

    /// Pays for a model that all passes went through, for the first time or `again`, since a further file was merged onto it. Lets it go where
    /// it, or all models of the latter kind together, are too large.
    pub fn pass(&mut self, model: &mut Node, again: bool) {
        let values = tree::count(model);
        self.merged += if again { values } else { 0 };
        let most = self.options.limits.values;
        if values > most || self.merged > most / 2 {
            let message = if values > most {
                format!("the model has more than {most} values, counting what short forms stand for")
            } else {
                format!("the models that files make, merged one after the other, have more than {} values together", most / 2)
            };
            self.problems.add(Diagnostic::error("too-large", "", message));
            *model = tree::empty();
        }
    }

    /// Reads the documents of a file.
    pub fn documents(&mut self, file: &ComposeFile) -> Vec<Node> {
        match file {
            ComposeFile::Text { name, text, tainted } => self.parse(name, text, *tainted),
            ComposeFile::Structured { name, value } => {
                let id = self.map.add(name.clone(), "", false);
                let mut tree = yaml::from_json(value, id);
                legacy::mend_booleans(&mut tree);
                if self.spend(tree::count(&tree)) { vec![tree] } else { Vec::new() }
            }
            ComposeFile::Path(path) => match self.read(path) {
                None => {
                    self.problems.add(Diagnostic::error("missing-file", "", format!("there is no Compose file {path}")));
                    Vec::new()
                }
                Some(File { content, tainted, .. }) => match yaml::text(&content, FileId::default(), self.options.limits.of_file()) {
                    Ok(text) => self.parse(path, text, tainted),
                    Err(error) => {
                        self.problems.add(Diagnostic::error(INVALID_YAML, "", format!("{path}: {}", error.message)));
                        Vec::new()
                    }
                },
            },
        }
    }

    fn parse(&mut self, name: &str, text: &str, tainted: bool) -> Vec<Node> {
        if self.is_spent() {
            return Vec::new();
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let id = self.map.add(name, text, tainted);
        let (mut documents, errors) = yaml::parse_within(text, id, self.options.limits.of_file());
        for error in errors {
            let diagnostic = Diagnostic::from(error);
            self.problems.add(if tainted {
                Diagnostic { message: "is not valid YAML; the file comes from a Secret".to_owned(), ..diagnostic }
            } else {
                diagnostic
            });
        }
        if tainted {
            documents.iter_mut().for_each(tree::taint);
        }
        let values = documents.iter().map(tree::count).sum();
        if self.spend(values) { documents } else { Vec::new() }
    }

    /// Takes values off what a load may hold; false where there are too many.
    pub fn spend(&mut self, values: usize) -> bool {
        self.values += values;
        let most = self.options.limits.values;
        if self.values > most {
            self.problems.add(Diagnostic::error("too-large", "", format!("the Compose files have more than {most} values together")));
        }
        self.values <= most
    }

    /// Whether the load holds more than it may: what costs much more needn't be done any longer.
    pub fn is_spent(&self) -> bool {
        let limits = &self.options.limits;
        self.values > limits.values || self.bytes > limits.bytes || self.merged > limits.values / 2
    }

    /// Reads a file of the project directory, within the bound.
    pub fn read(&mut self, path: &str) -> Option<File> {
        self.files += 1;
        if self.files > MAX_FILES {
            self.problems.add(Diagnostic::error("too-many-files", "", format!("the project reads more than {MAX_FILES} files")));
            return None;
        }
        let file = self.sources.files.read(&paths::clean(path))?;
        self.bytes += file.content.len();
        let most = self.options.limits.bytes;
        if self.bytes > most {
            self.problems.add(Diagnostic::error("too-large", "", format!("the project reads more than {most} bytes of files")));
            return None;
        }
        Some(file)
    }
}

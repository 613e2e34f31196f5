//! The whole load: names, variables, files, and what is made of the merged tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::yaml::{self, FileId, Mapping, Node, Span};

use super::diagnostic::{Diagnostic, SourceMap};
use super::environment::add_below;
use super::interpolate::{self, Variable};
use super::loader::{ALL, Loader, Scope};
use super::model::{FileSource, MountKind, Project};
use super::path::Place;
use super::sources::{ComposeFile, File, Options, ProjectName, Sources, Variables};
use super::{conform, consistency, normalize, paths, schema, select, tree, typed};

/// Bytes of mounted files that a project takes in.
const MAX_MOUNTED_BYTES: usize = 16 << 20;

/// What a load answers.
pub struct Loaded {
    /// The project; absent where anything keeps it from being used.
    pub project: Option<Project>,
    /// Every problem that was found, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that positions point into.
    pub map: SourceMap,
}

/// Loads a project.
pub fn load(sources: &Sources<'_>, options: &Options) -> Loaded {
    let mut loader = Loader::new(sources, options);
    let project = loader.project();
    let project = (!loader.problems.has_errors()).then_some(project);
    let mut map = loader.map;
    map.origins = std::mem::take(&mut loader.problems.origins);
    Loaded { project, diagnostics: loader.problems.into_diagnostics(), map }
}

impl Loader<'_> {
    fn project(&mut self) -> Project {
        let mut variables = self.sources.variables.clone();
        if self.options.dot_env {
            let read = self.dot_env(&[(".env".to_owned(), false)], &variables, &Place::Root, Span::default());
            add_below(&mut variables, read.unwrap_or_default());
        }
        for variable in variables.values().filter(|variable| variable.tainted) {
            self.problems.hide(&variable.value);
        }
        let name = self.name(&mut variables);
        let variables = Arc::new(variables);
        let mut scope = Scope {
            directory: String::new(),
            base: String::new(),
            variables: Arc::clone(&variables),
            included: Vec::new(),
            extended: BTreeMap::new(),
            passes: ALL,
        };
        let mut root = self.model(&mut scope, &self.sources.compose_files);
        if root.as_mapping().is_none_or(Mapping::is_empty) && !self.problems.has_errors() {
            self.problems.add(Diagnostic::error("empty", "", "the Compose file is empty"));
        } else if root.get("services").is_none() && !self.problems.has_errors() {
            self.problems.add(Diagnostic::warning("no-services", "services", "there are none: the project is empty"));
        }
        let named = named(&root);
        if self.options.normalize {
            normalize::normalize(&mut root, &name, &variables, &mut self.problems);
        }
        let top = Place::Root;
        if !self.options.interpolate {
            tree::put(&mut root, "name", Node::new(name.clone(), Span::default()));
            let profiles = select::profiles(&root);
            return Project { profiles, ..typed::project(&name, root, &named) };
        }
        conform::conform(&schema::ROOT, &mut root, &top, &mut self.problems);
        let profiles = select::profiles(&root);
        let mut inactive = select::by_profile(&mut root, &self.options.profiles);
        if self.options.check_consistency {
            consistency::check(&root, &inactive, &mut self.problems);
        }
        adopt_scale(&mut root);
        select::by_name(&mut root, &mut inactive, &self.options.services, &self.options.profiles, &mut self.problems);
        if !self.options.keep_unused {
            select::used_alone(&mut root);
        }
        if self.options.check_consistency {
            consistency::check_container_names(&root, &mut self.problems);
        }
        tree::put(&mut root, "name", Node::new(name.clone(), Span::default()));
        self.label_files(&mut root);
        let mut project = typed::project(&name, root, &named);
        project.profiles = profiles;
        project.inactive = inactive.keys().cloned().collect();
        self.environment_files(&mut project, &variables);
        if self.options.read_mounted && !self.problems.has_errors() {
            self.read_mounted(&mut project);
        }
        project
    }

    /// The project's name, which is also `COMPOSE_PROJECT_NAME`.
    fn name(&mut self, variables: &mut Variables) -> String {
        let (name, variable) = match &self.options.name {
            ProjectName::Explicit(name) => {
                if normal_name(name) != *name || name.is_empty() {
                    let message = format!(
                        "\"{name}\" is no project name: it must start with a letter or digit, in lower case, and consist of letters, digits, \"-\" and \"_\""
                    );
                    self.problems.add(Diagnostic::error("invalid-name", "name", message));
                }
                (name.clone(), name.clone())
            }
            ProjectName::Fallback(name) => {
                let written = self.written_name(variables).unwrap_or_else(|| normal_name(name));
                if written.is_empty() {
                    self.problems.add(Diagnostic::error("invalid-name", "name", "the project has no name; write `name:`"));
                }
                (written.clone(), written)
            }
            ProjectName::Resource(name) => {
                let written = self.written_name(variables).filter(|name| !name.is_empty());
                (name.clone(), written.unwrap_or_else(|| name.clone()))
            }
        };
        variables.insert("COMPOSE_PROJECT_NAME".to_owned(), Variable { value: variable, tainted: false });
        name
    }

    /// The last `name` that the Compose files give. Their problems are reported when they are loaded.
    fn written_name(&mut self, variables: &Variables) -> Option<String> {
        let limits = self.options.limits.of_file();
        let mut name = None;
        for file in &self.sources.compose_files {
            let documents = match file {
                ComposeFile::Text { text, .. } if may_name(text) => yaml::parse_within(text, FileId::default(), limits).0,
                ComposeFile::Text { .. } => Vec::new(),
                ComposeFile::Structured { value, .. } => vec![yaml::from_json(value, FileId::default())],
                ComposeFile::Path(path) => match self.sources.files.read(&paths::clean(path)) {
                    Some(file) => yaml::text(&file.content, FileId::default(), limits)
                        .ok()
                        .filter(|text| may_name(text))
                        .map_or_else(Vec::new, |text| yaml::parse_within(text, FileId::default(), limits).0),
                    None => Vec::new(),
                },
            };
            let mut names = documents.iter().filter_map(|document| tree::text(document, "name")).filter(|name| !name.is_empty());
            name = names.next_back().map(str::to_owned).or(name);
        }
        let name = name?;
        if !self.options.interpolate {
            return Some(normal_name(&name));
        }
        // A failure is reported where the file is loaded.
        let expanded = interpolate::expand(&name, variables, &mut self.expansion).ok().filter(|expansion| !expansion.tainted)?;
        Some(if self.options.normalize { normal_name(&expanded.text) } else { expanded.text })
    }

    /// Reads the files of the project directory that services mount.
    fn read_mounted(&mut self, project: &mut Project) {
        let objects = project.configs.values().chain(project.secrets.values());
        let files = objects.filter_map(|object| match &object.source {
            FileSource::File(file) => Some(file.clone()),
            _ => None,
        });
        let steps = project.services.values().flat_map(|service| &service.pre_start).map(|step| &step.container);
        let mounts = project.services.values().chain(steps).flat_map(|container| &container.volumes);
        let mounts = mounts.filter(|mount| mount.kind == MountKind::Bind);
        let directories: BTreeMap<String, bool> =
            mounts.clone().filter_map(|mount| Some((paths::clean(mount.source.as_deref()?), mount.bind_create_host_path))).collect();
        let binds = mounts.filter_map(|mount| mount.source.clone());
        // A named volume may be a bind mount in disguise: `driver_opts: {type: none, o: bind, device: ./data}`.
        let disguised =
            project.volumes.values().filter(|volume| volume.driver_opts.get("o").is_some_and(|options| options.contains("bind")));
        let devices = disguised.filter_map(|volume| volume.driver_opts.get("device").cloned());
        let wanted: BTreeSet<String> = files.chain(binds).chain(devices).filter(|path| !path.starts_with('~')).collect();
        let mut bytes = 0;
        for path in wanted {
            let path = paths::clean(&path);
            let inside = self.sources.files.below(&path);
            for file in std::iter::once(path).chain(inside) {
                if project.files.files.contains_key(&file) {
                    continue;
                }
                let Some(content) = self.sources.files.read(&file) else { continue };
                bytes += content.content.len();
                if bytes > MAX_MOUNTED_BYTES {
                    self.problems.add(Diagnostic::error(
                        "too-large",
                        "",
                        format!("the mounted files have more than {MAX_MOUNTED_BYTES} bytes together"),
                    ));
                    return;
                }
                project.files.files.insert(file, content);
            }
        }
        for (path, made) in directories {
            let files = &mut project.files.files;
            let below = format!("{path}/");
            let is_there =
                files.contains_key(&path) || files.range(below.clone()..).next().is_some_and(|(file, _)| file.starts_with(&below));
            if !is_there && self.sources.files.has_directory(&path, made) {
                files.insert(below, File::default());
            }
        }
    }
}

/// Whether a text can have a key `name`, written plainly or escaped. Most have none, and needn't be read twice.
fn may_name(text: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let word = |(at, name): (usize, &str)| !text[..at].ends_with(in_word) && !text[at + name.len()..].starts_with(in_word);
    text.match_indices("name").any(word) || text.contains('\\') || text.contains("binary")
}

/// `scale` and `deploy.replicas` say the same; the one is written to the other.
fn adopt_scale(root: &mut Node) {
    super::tree::each(root, "services", |node, _| {
        let Some(scale) = node.get("scale").cloned().filter(|scale| !scale.is_null()) else { return };
        if let Some(deploy) = node.get_mut("deploy").filter(|deploy| deploy.as_mapping().is_some()) {
            tree::put(deploy, "replicas", scale);
        }
    });
}

/// Resources whose name a file wrote, by section and key.
fn named(root: &Node) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for section in ["networks", "volumes", "configs", "secrets"] {
        for (key, entry) in root.get(section).and_then(Node::as_mapping).into_iter().flatten() {
            if tree::text(&entry.value, "name").is_some() {
                named.insert((section.to_owned(), key.clone()));
            }
        }
    }
    named
}

/// A text as a project name: lower case, without the characters that are not allowed in it.
pub fn normal_name(text: &str) -> String {
    let legal = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    text.to_lowercase().chars().filter(legal).collect::<String>().trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_name_becomes_a_project_name() {
        for (text, expected) in [("My App", "myapp"), ("_x-1", "x-1"), ("Ünï", "n"), ("", "")] {
            assert_eq!(normal_name(text), expected, "{text}");
        }
    }
}

//! The corpus of Compose cases, which is fetched beside the repository.

#![allow(dead_code, reason = "each test takes a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use compose_operator::compose::diagnostic::has_errors;
use compose_operator::compose::interpolate::Variable;
use compose_operator::compose::sources::{ComposeFile, File, Files, Options, ProjectName, Sources, Variables};
use compose_operator::compose::{Loaded, clean, env_file, join, load};
use compose_operator::yaml::FileId;
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Every case, by name. `None`, with a note, where the corpus is absent; under `CI=true` it must be there.
pub fn cases() -> Option<Vec<Case>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compose-corpus");
    if !corpus.is_dir() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the corpus is missing at {}", corpus.display());
        eprintln!("the corpus is not there, nothing is tested: {}", corpus.display());
        return None;
    }
    let mut directories: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.join("case.json").exists()).collect();
    directories.sort();
    assert!(directories.len() > 500, "the corpus is not whole");
    Some(directories.iter().map(|directory| Case::read(directory)).collect())
}

/// A loaded case, and how it was loaded.
pub struct Read {
    pub loaded: Loaded,
    pub options: Options,
    /// The project directory.
    pub directory: String,
}

/// Gives some files, by path and text, another text.
pub type Rewrite = Rc<dyn Fn(&str, &str) -> Option<String>>;

/// The corpus' project stands at `/project`, wherever it is on the disk.
#[derive(Clone)]
struct Project {
    disk: PathBuf,
    directory: String,
    rewrite: Option<Rewrite>,
}

impl Project {
    fn on_disk(&self, path: &str) -> Option<PathBuf> {
        let inside = join(&self.directory, path);
        Some(self.disk.join(inside.strip_prefix("/project")?.trim_start_matches('/')))
    }

    fn rewritten(&self, path: &str, content: &[u8]) -> Option<String> {
        self.rewrite.as_ref()?(path, str::from_utf8(content).ok()?)
    }
}

impl Files for Project {
    fn read(&self, path: &str) -> Option<File> {
        let content = fs::read(self.on_disk(path)?).ok()?;
        let rewritten = self.rewritten(path, &content);
        Some(File { content: rewritten.map_or(content, String::into_bytes).into(), ..File::default() })
    }

    fn below(&self, directory: &str) -> Vec<String> {
        let Some(disk) = self.on_disk(directory) else { return Vec::new() };
        let mut found = Vec::new();
        for entry in fs::read_dir(disk).into_iter().flatten() {
            let path = join(directory, entry.unwrap().file_name().to_str().unwrap());
            let on_disk = self.on_disk(&path).unwrap();
            if on_disk.is_dir() {
                found.extend(self.below(&path));
            } else if self.rewrite.is_none() || self.rewritten(&path, &fs::read(on_disk).unwrap()).is_none() {
                // A project that mounts its own Compose files would be another one with another text in them.
                found.push(path);
            }
        }
        found.sort();
        found
    }

    fn has_directory(&self, path: &str, made: bool) -> bool {
        !path.starts_with('/') && self.on_disk(path).is_some_and(|path| path.is_dir() || (made && !path.exists()))
    }
}

/// A case of the corpus.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub directory: PathBuf,
    call: Map<String, Value>,
    project: Project,
}

impl Case {
    fn read(directory: &Path) -> Self {
        let call: Map<String, Value> = serde_json::from_slice(&fs::read(directory.join("case.json")).unwrap()).unwrap();
        let cwd = call.get("cwd").and_then(Value::as_str).unwrap_or(".");
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        Self {
            name,
            directory: directory.to_owned(),
            project: Project { disk: directory.join("project"), directory: join("/project", cwd), rewrite: None },
            call,
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.call.get(key).and_then(Value::as_array).into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.call.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The case with other texts in its files.
    pub fn rewritten(mut self, rewrite: Rewrite) -> Self {
        self.project.rewrite = Some(rewrite);
        self
    }

    /// Loads the project as the case says.
    pub fn load(mut self, read_mounted: bool) -> Result<Read, String> {
        let cwd = self.project.directory.clone();
        let mut variables: Variables =
            [("HOME", "/home/user"), ("PATH", "/usr/bin:/bin"), ("PWD", &cwd)].map(variable).into_iter().collect();
        for (name, value) in self.call.get("env").and_then(Value::as_object).into_iter().flatten() {
            variables.extend([variable((name, value.as_str().unwrap()))]);
        }
        let mut env_files = self.list("env_files");
        if let Some(names) = variables.get("COMPOSE_ENV_FILES").filter(|_| env_files.is_empty()) {
            env_files = names.value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        }
        let mut files: Vec<String> = self.list("files").iter().map(|file| join(&cwd, file)).collect();
        let given =
            self.call.get("project_directory").and_then(Value::as_str).filter(|given| !given.is_empty()).map(|given| join(&cwd, given));
        let directory_of =
            |files: &[String]| given.clone().or_else(|| files.first().map(|file| join(file, ".."))).unwrap_or_else(|| cwd.clone());
        let first = directory_of(&files);
        self.dot_env(&env_files, &first, &mut variables)?;
        if let Some(names) = variables.get("COMPOSE_FILE").filter(|_| files.is_empty()) {
            let separator = variables.get("COMPOSE_PATH_SEPARATOR").map_or(":", |separator| separator.value.as_str());
            files = names.value.split(separator).map(|file| join(&cwd, file)).collect();
        }
        if files.is_empty() {
            files = self.discover(&first);
        }
        let directory = directory_of(&files);
        self.dot_env(&env_files, &directory, &mut variables)?;
        self.project.directory.clone_from(&directory);

        let mut profiles = self.list("profiles");
        if let Some(names) = variables.get("COMPOSE_PROFILES").filter(|_| profiles.is_empty()) {
            profiles = names.value.split(',').map(|name| name.trim().to_owned()).collect();
        }
        let explicit = self.call.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
        let explicit =
            explicit.or_else(|| variables.get("COMPOSE_PROJECT_NAME").map(|name| name.value.clone()).filter(|name| !name.is_empty()));
        let options = Options {
            name: explicit.map_or_else(|| ProjectName::Fallback(directory.rsplit('/').next().unwrap().to_owned()), ProjectName::Explicit),
            profiles,
            services: self.list("services"),
            dot_env: false,
            home: Some("/home/user".to_owned()),
            keep_unused: self.flag("all_resources"),
            interpolate: !self.flag("no_interpolate"),
            normalize: !self.flag("no_normalize"),
            resolve_paths: !self.flag("no_path_resolution"),
            resolve_environment: !self.flag("no_env_resolution"),
            check_consistency: !self.flag("no_consistency"),
            read_mounted,
            ..Options::default()
        };
        let sources = Sources { files: &self.project, compose_files: files.into_iter().map(ComposeFile::Path).collect(), variables };
        let loaded = load(&sources, &options);
        Ok(Read { loaded, options, directory })
    }

    fn dot_env(&self, files: &[String], directory: &str, variables: &mut Variables) -> Result<(), String> {
        let files = if files.is_empty() {
            vec![(join(directory, ".env"), false)]
        } else {
            files.iter().map(|file| (join(&self.project.directory, file), true)).collect()
        };
        let mut read = IndexMap::new();
        for (file, required) in files {
            let Some(content) = self.project.read(&file) else {
                if required {
                    return Err(format!("no {file}"));
                }
                continue;
            };
            let text = String::from_utf8(content.content.to_vec()).unwrap();
            let mut budget = 1 << 20;
            let found = env_file::read(&text, FileId::default(), env_file::Format::default(), false, variables, &mut read, &mut budget);
            if has_errors(&found) {
                return Err(found[0].message.clone());
            }
        }
        for (name, value) in read {
            variables.entry(name).or_insert(value);
        }
        Ok(())
    }

    fn discover(&self, directory: &str) -> Vec<String> {
        let find =
            |directory: &str, names: &[&str]| names.iter().map(|name| join(directory, name)).find(|file| self.project.read(file).is_some());
        let mut directory = clean(directory);
        loop {
            if let Some(file) = find(&directory, &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]) {
                let names =
                    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
                return [Some(file), find(&directory, &names)].into_iter().flatten().collect();
            }
            if directory == "/" {
                return Vec::new();
            }
            directory = join(&directory, "..");
        }
    }
}

fn variable((name, value): (&str, &str)) -> (String, Variable) {
    (name.to_owned(), Variable { value: value.to_owned(), tainted: false })
}

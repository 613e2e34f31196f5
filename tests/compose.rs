//! The corpus of Compose cases, loaded in process and compared with what the reference prints.
//!
//! The corpus is fetched beside the repository; where it is absent the test passes with a note, but under `CI=true` it fails.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stdout)]

#[path = "compose/differences.rs"]
mod differences;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use compose_operator::compose::diagnostic::{has_errors, render_plain};
use compose_operator::compose::interpolate::Variable;
use compose_operator::compose::sources::{ComposeFile, File, Files, Options, ProjectName, Sources, Variables};
use compose_operator::compose::{clean, env_file, join, load, print};
use compose_operator::yaml::FileId;
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Cases that differ from the reference on purpose, with the row of docs/compose.md that says why. One that agrees again fails the test.
const DIFFERENT: &[(&str, &str)] = &[
    ("kompose-controller-compose-controller-label", "version-1"),
    ("kompose-image-pull-secret-compose-files-docker-compose-image-pull-secret", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname-multiple-ports", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-hostname-tls", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-multiple-hostname", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-multiple-hostname-tls", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-true", "version-1"),
    ("kompose-unused-expose-service-compose-files-docker-compose-expose-true-multiple-ports", "version-1"),
    ("kompose-yaml-and-yml-yml", "version-1"),
];

/// The corpus' project stands at `/project`, wherever it is on the disk.
struct Project {
    disk: PathBuf,
    directory: String,
}

impl Files for Project {
    fn read(&self, path: &str) -> Option<File> {
        let inside = join(&self.directory, path);
        let path = self.disk.join(inside.strip_prefix("/project")?.trim_start_matches('/'));
        Some(File { content: fs::read(path).ok()?.into(), ..File::default() })
    }
}

struct Case {
    call: Map<String, Value>,
    project: Project,
}

impl Case {
    fn read(directory: &Path) -> Self {
        let call: Map<String, Value> = serde_json::from_slice(&fs::read(directory.join("case.json")).unwrap()).unwrap();
        let cwd = call.get("cwd").and_then(Value::as_str).unwrap_or(".");
        Self { project: Project { disk: directory.join("project"), directory: join("/project", cwd) }, call }
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.call.get(key).and_then(Value::as_array).into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
    }

    fn flag(&self, key: &str) -> bool {
        self.call.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    /// What `docker compose config` prints, or its problems.
    fn run(mut self) -> Result<Value, String> {
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
            read_mounted: false,
            ..Options::default()
        };
        let sources = Sources { files: &self.project, compose_files: files.into_iter().map(ComposeFile::Path).collect(), variables };
        let loaded = load(&sources, &options);
        let problems = render_plain(&loaded.diagnostics, &loaded.map);
        let project = loaded.project.ok_or(problems)?;
        assert!(!has_errors(&loaded.diagnostics), "a project with errors");
        let how = print::Options {
            working_dir: options.resolve_paths.then_some(directory),
            fold_env_files: options.resolve_environment && options.interpolate,
            interpolated: options.interpolate,
            ..print::Options::default()
        };
        Ok(print::value(&project, &how))
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

/// The first place where two printed projects differ. A null and an empty mapping say the same; so do a missing and a null command, a missing
/// and an empty `ipam`.
fn difference(want: &Value, got: &Value, path: &str) -> Option<String> {
    let nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    match (want, got) {
        (want, got) if nothing(want) && nothing(got) => None,
        (Value::Object(want), Value::Object(got)) => {
            let (want, got) = (normal(want), normal(got));
            let keys: std::collections::BTreeSet<&str> = want.keys().chain(got.keys()).copied().collect();
            keys.into_iter().find_map(|key| {
                let here = format!("{path}.{key}");
                match (want.get(key), got.get(key)) {
                    (Some(want), Some(got)) => difference(want, got, &here),
                    (Some(want), None) => Some(format!("{here}: missing, expected {want}")),
                    (None, got) => Some(format!("{here}: not expected, got {}", got.unwrap())),
                }
            })
        }
        (Value::Array(want), Value::Array(got)) => {
            let inner =
                want.iter().zip(got).enumerate().find_map(|(index, (want, got))| difference(want, got, &format!("{path}[{index}]")));
            inner.or_else(|| (want.len() != got.len()).then(|| format!("{path}: expected {} items, got {}", want.len(), got.len())))
        }
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => None,
        (want, got) if want == got => None,
        _ => Some(format!("{path}: expected {want}, got {got}")),
    }
}

fn normal(object: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    object
        .iter()
        .filter(|(key, value)| !(value.is_null() && matches!(key.as_str(), "command" | "entrypoint") || *key == "ipam" && empty(value)))
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

fn verdict(directory: &Path) -> Option<String> {
    let expected = fs::read(directory.join("expected.json")).ok().map(|text| serde_json::from_slice::<Value>(&text).unwrap());
    match (expected, Case::read(directory).run()) {
        (Some(want), Ok(got)) => difference(&want, &got, "").map(|difference| format!("differs: {difference}")),
        (Some(_), Err(problems)) => Some(format!("refused: {problems}")),
        (None, Ok(_)) => {
            let why = fs::read_to_string(directory.join("expected-error.txt")).unwrap();
            Some(format!("accepted, expected: {}", why.lines().next().unwrap_or_default()))
        }
        (None, Err(problems)) => problems.is_empty().then(|| "refused without a word".to_owned()),
    }
}

#[test]
fn every_case_of_the_corpus_loads_as_in_the_reference() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compose-corpus");
    if !corpus.is_dir() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the corpus is missing at {}", corpus.display());
        println!("the corpus is not there, nothing is compared: {}", corpus.display());
        return;
    }
    let mut directories: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.join("case.json").exists()).collect();
    directories.sort();
    assert!(directories.len() > 500, "the corpus is not whole");
    let reasons: Vec<&str> = differences::DIFFERENCES.iter().map(|(name, _)| *name).collect();
    assert!(DIFFERENT.iter().all(|(_, reason)| reasons.contains(reason)), "a reason that docs/compose.md doesn't give");
    let mut failed = Vec::new();
    for directory in &directories {
        let name = directory.file_name().unwrap().to_str().unwrap();
        let known = DIFFERENT.iter().find(|(case, _)| *case == name);
        match (verdict(directory), known) {
            (Some(how), None) => failed.push(format!("{name}: {how}")),
            (None, Some((_, reason))) => failed.push(format!("{name}: agrees with the reference, but is listed as different: {reason}")),
            _ => {}
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), directories.len(), failed.join("\n"));
}

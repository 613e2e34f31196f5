//! Which project a command is about: Compose files, variables and directory, found as docker compose finds them.
//!
//! Compose specification, "Project name" and "Interpolation"; the order is that of compose-go's `cli.ProjectOptions`.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::compose::diagnostic::{Diagnostic, SourceMap, has_errors};
use crate::compose::env_file::{self, Format};
use crate::compose::interpolate::Variable;
use crate::compose::sources::{ComposeFile, Options, ProjectName, Variables};
use crate::compose::{self, interpolate};

use super::args::ProjectFlags;
use super::disk::Disk;

/// File names that are looked for where no `-f` says which, the first wins; and those that are merged onto it.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Compose file: there is none of {} in {} or above it", NAMES.join(", "), .0.display())]
    NoFile(PathBuf),
    #[error("there is no file {}", .0.display())]
    MissingEnvFile(PathBuf),
    #[error("an env file can't be read")]
    EnvFile(Vec<Diagnostic>, SourceMap),
    #[error("read standard input")]
    Input(#[source] io::Error),
    #[error("{name}={value:?}: expected true or false")]
    NotBoolean { name: &'static str, value: String },
    #[error("COMPOSE_FILE={0:?} has a file without a name")]
    Nameless(String),
}

/// What the process was started with.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub environment: BTreeMap<String, String>,
    /// The current directory, as the shell names it.
    pub directory: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// Where there is no current directory.
    pub fn of_process() -> io::Result<Self> {
        let environment: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let real = std::env::current_dir()?;
        // $PWD keeps the symbolic links that the user went through.
        let shell =
            environment.get("PWD").map(PathBuf::from).filter(|path| path.is_absolute() && path.canonicalize().is_ok_and(|p| p == real));
        Ok(Self { environment, directory: shell.unwrap_or(real) })
    }
}

/// All that a load needs.
pub struct Found {
    pub directory: PathBuf,
    pub disk: Disk,
    pub compose_files: Vec<ComposeFile>,
    pub variables: Variables,
    pub options: Options,
}

/// Finds the project.
///
/// # Errors
/// Where there is no Compose file, or an env file can't be read.
pub fn find(flags: &ProjectFlags, around: &Surroundings) -> Result<Found, Error> {
    let here = |path: &str| around.directory.join(path);
    let mut files = flags.file.clone();
    let mut directory = directory(flags, &files, around);
    let mut env_files = EnvFiles::new(flags, around);
    let mut variables = variables(&env_files.environment);
    env_files.read(&directory, &mut variables)?;
    // What is said of docker compose itself counts as the shell's from here on, though it stands in an env file.
    let early = variables.iter().filter(|(name, _)| name.starts_with("COMPOSE_"));
    env_files.environment.extend(early.map(|(name, variable)| (name.clone(), variable.value.clone())));
    variables = self::variables(&env_files.environment);
    env_files.read(&directory, &mut variables)?;
    if files.is_empty() {
        files = from_variable(&variables)?.map_or_else(|| discover(&directory), Ok)?;
        directory = self::directory(flags, &files, around);
        env_files.read(&directory, &mut variables)?;
    }
    let compose_files =
        files.iter().map(|file| if file == "-" { input() } else { Ok(path(&here(file), &directory)) }).collect::<Result<_, _>>()?;
    let named = flags.project_name.as_deref().or_else(|| written(&variables, "COMPOSE_PROJECT_NAME"));
    let name = match named {
        Some(name) => ProjectName::Explicit(name.to_owned()),
        None => ProjectName::Fallback(directory.file_name().unwrap_or_default().to_string_lossy().into_owned()),
    };
    let profiles = if flags.profile.is_empty() { list(written(&variables, "COMPOSE_PROFILES")) } else { flags.profile.clone() };
    let options = Options {
        name,
        profiles,
        dot_env: false,
        home: written(&variables, "HOME").map(str::to_owned),
        keep_unused: flags.all_resources,
        ..Options::default()
    };
    Ok(Found { disk: Disk::new(&directory), directory, compose_files, variables, options })
}

/// The project directory: the written one, that of the first file, the current one.
fn directory(flags: &ProjectFlags, files: &[String], around: &Surroundings) -> PathBuf {
    let first = files.iter().find(|file| *file != "-");
    let found = match (&flags.project_directory, first) {
        (Some(directory), _) => around.directory.join(directory),
        (None, Some(file)) => around.directory.join(file).parent().map(Path::to_path_buf).unwrap_or_default(),
        (None, None) => around.directory.clone(),
    };
    PathBuf::from(compose::clean(&found.to_string_lossy()))
}

/// The variables of a shell.
fn variables(environment: &BTreeMap<String, String>) -> Variables {
    environment.iter().map(|(name, value)| (name.clone(), Variable { value: value.clone(), tainted: false })).collect()
}

/// Where variables come from beside the shell.
struct EnvFiles {
    /// Those that are named, instead of a directory's `.env`.
    named: Vec<PathBuf>,
    /// The shell's variables.
    environment: BTreeMap<String, String>,
}

impl EnvFiles {
    fn new(flags: &ProjectFlags, around: &Surroundings) -> Self {
        let of_variable = || list(around.environment.get("COMPOSE_ENV_FILES").map(String::as_str));
        let named = if flags.env_file.is_empty() { of_variable() } else { flags.env_file.clone() };
        Self { named: named.iter().map(|file| around.directory.join(file)).collect(), environment: around.environment.clone() }
    }

    /// Adds the variables of the named files, or of `.env` of a directory; what is set already stays.
    fn read(&self, directory: &Path, variables: &mut Variables) -> Result<(), Error> {
        let mut files = self.named.clone();
        if files.is_empty() && !disabled(&self.environment)? {
            files.extend(Some(directory.join(".env")).filter(|file| file.is_file()));
        }
        let (mut read, mut problems, mut sources) = (IndexMap::new(), Vec::new(), SourceMap::new());
        let mut budget = interpolate::MAX_EXPANSION;
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|_| Error::MissingEnvFile(file.clone()))?;
            let id = sources.add(file.to_string_lossy(), text.as_str(), false);
            problems.extend(env_file::read(&text, id, Format::DotEnv, false, variables, &mut read, &mut budget));
        }
        if has_errors(&problems) {
            return Err(Error::EnvFile(problems, sources));
        }
        for (name, variable) in read {
            variables.entry(name).or_insert(variable);
        }
        Ok(())
    }
}

fn disabled(environment: &BTreeMap<String, String>) -> Result<bool, Error> {
    const NAME: &str = "COMPOSE_DISABLE_ENV_FILE";
    match environment.get(NAME).map(String::as_str) {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some(value) => Err(Error::NotBoolean { name: NAME, value: value.to_owned() }),
    }
}

/// Files of `COMPOSE_FILE`, between separators of `COMPOSE_PATH_SEPARATOR`.
fn from_variable(variables: &Variables) -> Result<Option<Vec<String>>, Error> {
    let separator = written(variables, "COMPOSE_PATH_SEPARATOR").unwrap_or(":");
    let Some(Variable { value, .. }) = variables.get("COMPOSE_FILE") else { return Ok(None) };
    let files: Vec<String> = value.split(separator).map(str::to_owned).collect();
    if files.iter().any(String::is_empty) { Err(Error::Nameless(value.clone())) } else { Ok(Some(files)) }
}

/// The Compose file of the directory or of the first one above it that has one, and what overrides it.
fn discover(directory: &Path) -> Result<Vec<String>, Error> {
    let found = |directory: &Path, names: &[&str]| names.iter().map(|name| directory.join(name)).find(|file| file.is_file());
    for directory in directory.ancestors() {
        if let Some(file) = found(directory, &NAMES) {
            let files = [Some(file), found(directory, &OVERRIDES)];
            return Ok(files.into_iter().flatten().map(|file| file.to_string_lossy().into_owned()).collect());
        }
    }
    Err(Error::NoFile(directory.to_owned()))
}

fn input() -> Result<ComposeFile, Error> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(Error::Input)?;
    Ok(ComposeFile::Text { name: "-".to_owned(), text, tainted: false })
}

/// A file as the loader names it: seen from the project directory.
fn path(file: &Path, directory: &Path) -> ComposeFile {
    let file = compose::clean(&file.to_string_lossy());
    let mut above = PathBuf::new();
    for base in directory.ancestors() {
        if let Ok(inside) = Path::new(&file).strip_prefix(base) {
            return ComposeFile::Path(above.join(inside).to_string_lossy().into_owned());
        }
        above.push("..");
    }
    ComposeFile::Path(file)
}

/// The parts of a list in a variable.
fn list(value: Option<&str>) -> Vec<String> {
    let parts = value.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The value of a variable that isn't empty.
fn written<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    variables.get(name).map(|variable| variable.value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these files, removed at the end; the command runs in `cwd` below it.
    struct Place {
        root: PathBuf,
        environment: BTreeMap<String, String>,
    }

    impl Place {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("compose-project-{}-{name}", std::process::id()));
            for (path, text) in files {
                let file = root.join(path);
                std::fs::create_dir_all(file.parent().unwrap_or(&root)).unwrap_or_default();
                std::fs::write(file, text).unwrap_or_default();
            }
            Self { root, environment: BTreeMap::new() }
        }

        fn with(mut self, name: &str, value: &str) -> Self {
            self.environment.insert(name.to_owned(), value.to_owned());
            self
        }

        fn find(&self, cwd: &str, flags: &ProjectFlags) -> Result<Found, Error> {
            find(flags, &Surroundings { environment: self.environment.clone(), directory: self.root.join(cwd) })
        }

        /// The Compose files that are found.
        #[track_caller]
        fn check(&self, cwd: &str, flags: &ProjectFlags, expected: &[&str]) {
            let found = self.find(cwd, flags).map(|found| found.compose_files).unwrap_or_default();
            let paths: Vec<_> =
                found.into_iter().map(|file| if let ComposeFile::Path(path) = file { path } else { "-".to_owned() }).collect();
            assert_eq!(paths, expected);
        }

        fn variable(&self, name: &str, flags: &ProjectFlags) -> Option<String> {
            self.find("", flags).ok()?.variables.get(name).map(|variable| variable.value.clone())
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }

    fn flags() -> ProjectFlags {
        ProjectFlags::default()
    }

    #[test]
    fn compose_yaml_is_found_first_with_its_override() {
        let place = Place::new("first", &[("compose.yaml", ""), ("docker-compose.yml", ""), ("compose.override.yml", "")]);
        place.check("", &flags(), &["compose.yaml", "compose.override.yml"]);
    }

    #[test]
    fn a_directory_above_is_taken_where_there_is_no_file_here() {
        let place = Place::new("above", &[("docker-compose.yml", ""), ("a/b/other", "")]);
        place.check("a/b", &flags(), &["docker-compose.yml"]);
    }

    #[test]
    fn files_count_from_the_directory_of_the_first() {
        let place = Place::new("written", &[("app/a.yaml", ""), ("b.yaml", "")]);
        let flags = ProjectFlags { file: vec!["app/a.yaml".to_owned(), "b.yaml".to_owned()], ..flags() };
        place.check("", &flags, &["a.yaml", "../b.yaml"]);
    }

    #[test]
    fn compose_file_of_dot_env_says_which_files() {
        let place = Place::new("variable", &[(".env", "COMPOSE_FILE=a.yaml;b.yaml\nCOMPOSE_PATH_SEPARATOR=;\n"), ("compose.yaml", "")]);
        place.check("", &flags(), &["a.yaml", "b.yaml"]);
    }

    #[test]
    fn the_shell_wins_over_dot_env() {
        let place = Place::new("shell", &[(".env", "TAG=file\nOTHER=file\n"), ("compose.yaml", "")]).with("TAG", "shell");
        assert_eq!(place.variable("TAG", &flags()).as_deref(), Some("shell"));
        assert_eq!(place.variable("OTHER", &flags()).as_deref(), Some("file"));
    }

    #[test]
    fn a_later_env_file_wins_and_dot_env_is_left_out() {
        let place = Place::new("env-file", &[(".env", "A=dot\nB=dot\n"), ("one", "A=1\n"), ("two", "A=2\n"), ("compose.yaml", "")]);
        let flags = ProjectFlags { env_file: vec!["one".to_owned(), "two".to_owned()], ..flags() };
        assert_eq!(place.variable("A", &flags).as_deref(), Some("2"));
        assert_eq!(place.variable("B", &flags), None);
    }

    #[test]
    fn dot_env_can_be_disabled() {
        let place = Place::new("disabled", &[(".env", "A=dot\n"), ("compose.yaml", "")]).with("COMPOSE_DISABLE_ENV_FILE", "true");
        assert_eq!(place.variable("A", &flags()), None);
    }

    #[test]
    fn a_missing_env_file_is_named() {
        let place = Place::new("missing", &[("compose.yaml", "")]);
        let flags = ProjectFlags { env_file: vec!["nowhere".to_owned()], ..flags() };
        assert!(matches!(place.find("", &flags), Err(Error::MissingEnvFile(file)) if file.ends_with("nowhere")));
    }

    #[test]
    fn the_flag_names_the_project_before_the_variable_and_the_directory() {
        let place = Place::new("name", &[("compose.yaml", "")]).with("COMPOSE_PROJECT_NAME", "variable");
        let name = |flags: &ProjectFlags| place.find("", flags).map(|found| found.options.name).ok();
        let flagged = ProjectFlags { project_name: Some("flag".to_owned()), ..flags() };
        assert!(matches!(name(&flagged), Some(ProjectName::Explicit(name)) if name == "flag"));
        assert!(matches!(name(&flags()), Some(ProjectName::Explicit(name)) if name == "variable"));
    }

    #[test]
    fn profiles_come_from_the_variable_where_no_flag_is_given() {
        let place = Place::new("profiles", &[("compose.yaml", "")]).with("COMPOSE_PROFILES", "a, b");
        let profiles = |flags: &ProjectFlags| place.find("", flags).map(|found| found.options.profiles).unwrap_or_default();
        assert_eq!(profiles(&flags()), ["a", "b"]);
        assert_eq!(profiles(&ProjectFlags { profile: vec!["c".to_owned()], ..flags() }), ["c"]);
    }
}

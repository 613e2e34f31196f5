//! What a load reads: the project directory, the Compose files, the variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::yaml;

pub use super::interpolate::Variable;
pub use super::limits::{MAX_BYTES, MAX_SERVICES, MAX_VALUES};

/// One file of the project directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub content: Arc<[u8]>,
    pub executable: bool,
    /// Whether it comes from a Secret.
    pub tainted: bool,
}

/// Files by cleaned path relative to the project directory (`conf/nginx.conf`, `../shared/.env`, or absolute). A path that ends in a slash is a
/// directory without files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSet {
    pub files: BTreeMap<String, File>,
}

/// What the loader may read. In the operator a map, in the plugin the disk.
pub trait Files {
    /// The file at a cleaned path.
    ///
    /// # Errors
    /// `None` where there is no such file.
    fn read(&self, path: &str) -> Option<File>;

    /// The files below a directory, by cleaned path; none where directories can't be listed.
    fn below(&self, directory: &str) -> Vec<String> {
        let _ = directory;
        Vec::new()
    }

    /// Whether a directory without files is there, or would be made where nothing is.
    fn has_directory(&self, path: &str, made: bool) -> bool {
        let _ = (path, made);
        false
    }
}

impl Files for FileSet {
    fn read(&self, path: &str) -> Option<File> {
        self.files.get(path).cloned()
    }

    fn below(&self, directory: &str) -> Vec<String> {
        let inside = |path: &&String| directory == "." || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        self.files.keys().filter(inside).cloned().collect()
    }

    fn has_directory(&self, path: &str, _: bool) -> bool {
        self.files.contains_key(&format!("{path}/"))
    }
}

/// Variables by name.
pub type Variables = BTreeMap<String, Variable>;

/// One of the Compose files that are merged.
#[derive(Clone, Debug)]
pub enum ComposeFile {
    /// A file of the project directory, by cleaned path.
    Path(String),
    /// Text that stands elsewhere, such as in a resource, under the name that messages give it.
    Text { name: String, text: String, tainted: bool },
    /// The same as a structure, which has no lines.
    Structured { name: String, value: serde_json::Value },
}

/// What a load may use.
pub struct Sources<'a> {
    pub files: &'a dyn Files,
    /// The Compose files, later ones merged onto earlier ones.
    pub compose_files: Vec<ComposeFile>,
    /// What the shell's environment is to docker compose.
    pub variables: Variables,
}

/// Where the project's name comes from.
#[derive(Clone, Debug)]
pub enum ProjectName {
    /// `-p`, `COMPOSE_PROJECT_NAME`: above what the files say, and already a legal name.
    Explicit(String),
    /// The directory's name: below what the files say.
    Fallback(String),
    /// A resource's name: the project's in any case; what the files say is `COMPOSE_PROJECT_NAME` alone.
    Resource(String),
}

impl Default for ProjectName {
    fn default() -> Self {
        Self::Fallback("default".to_owned())
    }
}

/// How large a project may be: the bounds that a trusted caller may set otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, see [`yaml::MAX_BYTES`].
    pub file_bytes: usize,
    /// Bytes of all files, see [`MAX_BYTES`].
    pub bytes: usize,
    /// Values of one file, see [`yaml::MAX_NODES`].
    pub nodes: usize,
    /// Values of a load, see [`MAX_VALUES`].
    pub values: usize,
    /// Services and jobs, see [`MAX_SERVICES`].
    pub services: usize,
}

impl Limits {
    pub(super) fn of_file(self) -> yaml::Limits {
        yaml::Limits { bytes: self.file_bytes, nodes: self.nodes }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: yaml::MAX_BYTES, bytes: MAX_BYTES, nodes: yaml::MAX_NODES, values: MAX_VALUES, services: MAX_SERVICES }
    }
}

/// How to load.
#[derive(Clone, Debug)]
pub struct Options {
    pub name: ProjectName,
    /// Active profiles; `*` is all of them.
    pub profiles: Vec<String>,
    /// The services that are asked for, with what they depend on; all where empty.
    pub services: Vec<String>,
    /// Whether `.env` of the project directory adds to the variables.
    pub dot_env: bool,
    /// What `~` in paths is.
    pub home: Option<String>,
    /// Whether resources that no service uses stay.
    pub keep_unused: bool,
    pub interpolate: bool,
    pub normalize: bool,
    pub resolve_paths: bool,
    /// Whether env_file and keys without value are resolved.
    pub resolve_environment: bool,
    /// The services whose env files are read; all where empty.
    pub environment_of: Vec<String>,
    pub check_consistency: bool,
    /// Whether the files that services mount are read into the project.
    pub read_mounted: bool,
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: ProjectName::default(),
            profiles: Vec::new(),
            services: Vec::new(),
            dot_env: true,
            home: None,
            keep_unused: true,
            interpolate: true,
            normalize: true,
            resolve_paths: true,
            resolve_environment: true,
            environment_of: Vec::new(),
            check_consistency: true,
            read_mounted: true,
            limits: Limits::default(),
        }
    }
}

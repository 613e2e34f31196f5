use indexmap::IndexMap;

use super::Extensions;

/// Where the content of a config or a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file of the project directory, by cleaned path.
    File(String),
    /// Text that stands in the Compose file.
    Content(String),
    /// The value of a variable: its name, and the value where it is set.
    Environment { variable: String, value: Option<String>, tainted: bool },
    /// An object that exists already, under `name`; or, where `driver` is given, one that the driver brings.
    External,
}

/// Top-level `configs` and `secrets`.
#[derive(Clone, Debug)]
pub struct FileObject {
    /// Engine-wide name: the written one, or `<project>_<key>`.
    pub name: String,
    pub explicit_name: bool,
    pub source: FileSource,
    pub labels: IndexMap<String, String>,
    pub driver: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub template_driver: Option<String>,
    pub extensions: Extensions,
}

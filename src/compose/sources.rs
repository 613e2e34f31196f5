//! The project directory as the loader sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One file of the project directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub content: Arc<[u8]>,
    pub executable: bool,
    /// Whether it comes from a Secret.
    pub tainted: bool,
}

/// Files by cleaned path relative to the project directory (`conf/nginx.conf`, `../shared/.env`, or absolute).
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
}

impl Files for FileSet {
    fn read(&self, path: &str) -> Option<File> {
        self.files.get(path).cloned()
    }
}

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::compose::sources::FileSet;
use crate::compose::tree;
use crate::yaml::{Node, Span};

use super::{FileObject, Network, Service, Volume};

/// Values of the `x-*` keys of one mapping, by key.
pub type Extensions = IndexMap<String, Node>;

/// A loaded, checked Compose project.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The project's name; in a `ComposeStack` the name of the resource.
    pub name: String,
    /// The active services, in the order of the file.
    pub services: IndexMap<String, Service>,
    /// Names of the services that no active profile selects.
    pub inactive: Vec<String>,
    /// The profiles of all services, active or not.
    pub profiles: BTreeSet<String>,
    /// Networks, `default` included where a service uses it.
    pub networks: IndexMap<String, Network>,
    /// Named volumes.
    pub volumes: IndexMap<String, Volume>,
    /// Configs.
    pub configs: IndexMap<String, FileObject>,
    /// Secrets.
    pub secrets: IndexMap<String, FileObject>,
    /// Jobs (`jobs.*`), of which only their names are read so far.
    pub jobs: IndexMap<String, Node>,
    /// AI models.
    pub models: IndexMap<String, ModelConfig>,
    /// `x-*` keys of the top level.
    pub extensions: Extensions,
    /// Contents of the files that the project mounts or reads, by cleaned path relative to the project directory.
    pub files: FileSet,
    /// The canonical tree that this project was decoded from; positions and taint are looked up in it.
    pub root: Node,
}

impl Project {
    /// Where `services.web.ports[0]` stands in the files; what no file wrote stands where the nearest thing around it does.
    pub fn position(&self, path: &str) -> Option<Span> {
        let mut path = path;
        loop {
            if let Some(node) = self.root.at(path).filter(|node| node.span != Span::default()) {
                return Some(node.span);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Whether anything at or below a path comes from a Secret.
    pub fn tainted(&self, path: &str) -> bool {
        self.root.at(path).is_some_and(tree::tainted)
    }
}

/// Top-level `models`.
#[derive(Clone, Debug, Default)]
pub struct ModelConfig {
    pub model: String,
    pub name: Option<String>,
    pub context_size: Option<i64>,
    pub runtime_flags: Vec<String>,
    pub extensions: Extensions,
}

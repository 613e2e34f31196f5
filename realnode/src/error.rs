use std::path::PathBuf;

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Devcluster(#[from] devcluster::Error),
    #[error(
        "a real node needs Linux and root, for namespaces, mounts and cgroups of its own. Elsewhere the tests run on your own cluster: `TEST_CLUSTER=current make e2e`"
    )]
    NotRoot,
    #[error("{missing} missing, which a real node needs; they can be installed where apt-get is, and here it isn't")]
    Packages { missing: String },
    #[error("no Debian mirror is named in apt's sources: set DEBIAN_MIRROR to one, such as http://mirror.example.com/debian")]
    NoMirror,
    #[error("a node's name is made of up to 20 small letters, digits and dashes, which {0:?} isn't")]
    Name(String),
    #[error("there is no node named `{0}`: `cargo run -p realnode -- up` starts one")]
    NotUp(String),
    #[error("a node named `{0}` is up already: `cargo run -p realnode -- --name {0} down` ends it")]
    Up(String),
    #[error("the node didn't start: {0}")]
    Start(String),
    #[error(
        "{0} has processes of its own, and can't give its controllers to groups below: move them to a group below it first, as the init of a container does"
    )]
    BusyGroup(PathBuf),
    #[error("there is no use for a node: `{0}` failed")]
    Meanwhile(String),
    #[error("{0} says nowhere `compose-operator/` and a version: no other version can be made of it")]
    NoVersion(PathBuf),
    #[error("{action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("run {program}")]
    Run {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{command} failed: {output}")]
    Command { command: String, output: String },
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

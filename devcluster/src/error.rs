use std::path::PathBuf;

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the Go toolchain isn't installed, and the control plane is built with it: install Go 1.26 or newer (https://go.dev/dl, or your system's package `golang`) and see that `go` is on the PATH"
    )]
    NoGo(#[source] std::io::Error),
    #[error("{command} failed:\n{output}")]
    Build { command: String, output: String },
    #[error("{action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("run {program}")]
    Run {
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("make a certificate for {user}")]
    Certificate {
        user: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("find a free port on 127.0.0.1")]
    Port(#[source] std::io::Error),
    #[error("the control plane didn't start: {0}")]
    Start(String),
    #[error("{command} failed: {output}")]
    Command { command: String, output: String },
    #[error("neither XDG_CACHE_HOME nor HOME is set: there is no place for the control plane's binaries")]
    NoCache,
    #[error("there is no control plane named `{0}`: `cargo run -p devcluster -- up` starts one")]
    NotUp(String),
    #[error("TEST_CLUSTER=current, but neither KUBECONFIG is set nor ~/.kube/config is there")]
    NoKubeconfig,
    #[error("TEST_CLUSTER={0:?} means nothing: it may be `current` (the cluster of the current kubeconfig), or unset")]
    UnknownTestCluster(String),
}

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

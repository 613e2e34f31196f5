//! How the plugin is called.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::support::Space;

/// A directory with Compose files, from which the plugin is called for a namespace.
pub struct Plugin {
    pub directory: PathBuf,
    namespace: String,
    pub kubeconfig: PathBuf,
}

/// What a call printed, and its exit code.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Plugin {
    /// A project of this name in a directory of its own; the stacks are those of the test's namespace.
    pub fn new(space: &Space, project: &str, files: &[(&str, &str)]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-on-cluster").join(&space.name).join(project);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let plugin = Self { directory, namespace: space.name.clone(), kubeconfig: Space::kubeconfig() };
        for (path, text) in files {
            plugin.write(path, text);
        }
        plugin
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        let file = self.directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A call that hasn't begun, with nothing else in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-compose"));
        command.args(["--namespace", &self.namespace, "--kubeconfig"]).arg(&self.kubeconfig).args(arguments);
        command.current_dir(&self.directory).env_clear().kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Calls the plugin, and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, b"").await
    }

    /// The same with something on standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child: Child = self.command(arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feed = async move {
            // A call that reads nothing may have ended before.
            let _ = stdin.write_all(input).await;
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        Said::of(&output.unwrap())
    }

    /// What a call prints that is expected to succeed.
    #[track_caller]
    pub fn prints(&self, arguments: &[&str]) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            let said = self.run(arguments).await;
            assert_eq!(said.code, Some(0), "{place}: {arguments:?}: {said:?}");
            said.out
        }
    }

    /// What a call says that is expected to exit with 1.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            let said = self.run(arguments).await;
            assert_eq!(said.code, Some(1), "{place}: {arguments:?}: {said:?}");
            said.err
        }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

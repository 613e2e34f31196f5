//! A project on the disk, and the plugin run in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory with files, removed at the end.
pub struct Project(pub PathBuf);

impl Project {
    pub fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugin").join(name);
        let _ = fs::remove_dir_all(&directory);
        for (path, text) in files {
            let file = directory.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(directory)
    }

    /// Runs `kubectl-compose` with an environment that has nothing else in it.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        self.run_with(arguments, input, &[])
    }

    /// Runs `kubectl-compose` with this environment alone.
    pub fn run_with(&self, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Output {
        self.run_in("", arguments, input, environment)
    }

    /// Runs `kubectl-compose` in a directory of the project.
    pub fn run_in(&self, directory: &str, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-compose"));
        command
            .args(arguments)
            .current_dir(self.0.join(directory))
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A call that reads nothing may have ended before.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What it prints, where it is expected to succeed.
    #[track_caller]
    pub fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says, where it is expected to exit with 1 and to print nothing.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(1), ""));
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

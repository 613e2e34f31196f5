//! Commands that are run to their end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// Runs the command; gives what it printed, or an error with what it complained of.
pub fn run(command: &mut Command) -> Result<String, Error> {
    finish(command, None)
}

/// Runs the command with this as its standard input.
pub fn run_with(command: &mut Command, input: &str) -> Result<String, Error> {
    finish(command, Some(input))
}

fn finish(command: &mut Command, input: Option<&str>) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(|mut child| {
        if let (Some(mut stream), Some(input)) = (child.stdin.take(), input) {
            stream.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    });
    let output = output.map_err(|source| Error::Run { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Command { command: format!("{program} {}", words.join(" ")), output })
}

/// Lets the command know nothing of the `cargo run` that this process may come from: a cargo there would take its variables for a change, and
/// compile anew what depends on them.
pub fn forget_cargo(command: &mut Command) {
    const OWN: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_NAME", "OUT_DIR"];
    for (name, _) in std::env::vars_os().filter(|(name, _)| OWN.iter().any(|own| name.to_string_lossy().starts_with(own))) {
        command.env_remove(name);
    }
}

/// Where the program is that the shell would run.
pub fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Users other than root often lack these; what is there works for everybody.
    let further = ["/usr/sbin", "/sbin"].map(|directory| Path::new(directory).to_owned());
    std::env::split_paths(&path).chain(further).map(|directory| directory.join(program)).find(|path| path.is_file())
}

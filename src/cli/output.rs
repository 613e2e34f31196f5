//! Where a command's text goes: standard output, or a file that is written as a whole.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What keeps a command from giving its output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("write YAML")]
    Yaml(#[from] serde_yaml::Error),
    #[error("write JSON")]
    Json(#[from] serde_json::Error),
    #[error("write {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("no such service: {0}")]
    NoService(String),
    #[error("service {service} is not built for platform {platform}; add it to build.platforms")]
    Platform { service: String, platform: String },
    #[error("{} was not made by an earlier run and stays; remove it, or name another directory", .0.display())]
    NotOurs(PathBuf),
    #[error("{path} has {bytes} bytes, and what travels with a stack has at most {most}; put it into the image")]
    TooLarge { path: String, bytes: usize, most: usize },
    #[error("write to standard output")]
    Output(#[source] io::Error),
}

/// Says something beside a command's text, a line or several. Nobody may be listening any more: what is being done goes on.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a command's text.
///
/// # Errors
/// Where the file, or standard output, can't be written.
pub fn write(text: &str, file: Option<&Path>) -> Result<(), Error> {
    match file {
        Some(file) => std::fs::write(file, text).map_err(|error| Error::File(file.to_owned(), error)),
        None => match io::stdout().write_all(text.as_bytes()) {
            // The reader has seen enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(Error::Output),
        },
    }
}

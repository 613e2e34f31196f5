//! Logs by `tracing`, as text for people or as JSON for collectors.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Directives of a filter that do not parse, or a second call of [`init`].
#[derive(Debug, thiserror::Error)]
#[error("set up logs: {0}")]
pub struct Error(String);

/// A watch that breaks is logged once, by our own words; the client's own words on a refusal may quote what was refused.
const QUIET: &str = "kube_runtime::watcher=error,kube_client=info";

/// Sends log lines to stderr from now on.
///
/// `filter` is a list of directives such as `info,compose_operator=debug`.
///
/// # Errors
/// Where `filter` does not parse, or logs were set up before.
pub fn init(filter: &str, format: Format) -> Result<(), Error> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|e| Error(e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    match format {
        Format::Text => builder.with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|e| Error(e.to_string()))
}

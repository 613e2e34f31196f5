//! Manifests as text: a stream, a list, or a directory with one file each.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::yaml;

use super::args::Format;
use super::output::{self, Error};

/// The first line of a directory's kustomization: by it a directory is known as one that may be written anew.
const MARK: &str = "# Made by `kubectl compose convert -o`; the files below are written anew each time.\n";
const KUSTOMIZATION: &str = "kustomization.yaml";

/// Writes manifests to standard output, to a file, or into a directory: into one where `path` ends in no `.yaml`, `.yml` or `.json`.
///
/// # Errors
/// Where something can't be written, or a directory holds what was not made by an earlier run.
pub fn write(manifests: &[Value], format: Format, path: Option<&Path>) -> Result<(), Error> {
    match path.filter(|path| *path != Path::new("-")) {
        Some(directory) if !is_file(directory) => write_directory(manifests, format, directory),
        file => output::write(&text(manifests, format)?, file),
    }
}

fn is_file(path: &Path) -> bool {
    !path.is_dir()
        && path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// A YAML stream, or a JSON list.
fn text(manifests: &[Value], format: Format) -> Result<String, Error> {
    match format {
        Format::Yaml => Ok(manifests.iter().flat_map(|manifest| ["---\n".to_owned(), yaml::write(manifest)]).collect()),
        Format::Json => {
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
            Ok(serde_json::to_string_pretty(&list)? + "\n")
        }
    }
}

fn write_directory(manifests: &[Value], format: Format, directory: &Path) -> Result<(), Error> {
    let failed = |path: PathBuf| move |error| Error::File(path, error);
    fs::create_dir_all(directory).map_err(failed(directory.to_owned()))?;
    let former = former(directory)?;
    let mut files = Vec::new();
    for manifest in manifests {
        let text = match format {
            Format::Yaml => yaml::write(manifest),
            Format::Json => serde_json::to_string_pretty(manifest)? + "\n",
        };
        files.push((file_name(manifest, format), text, manifest["kind"] == "Secret"));
    }
    if let Some((taken, ..)) = files.iter().find(|(name, ..)| !former.contains(name) && directory.join(name).symlink_metadata().is_ok()) {
        return Err(Error::NotOurs(directory.join(taken)));
    }
    let mut kustomization = format!("{MARK}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n");
    for (name, ..) in &files {
        let _ = writeln!(kustomization, "  - {name}");
    }
    // What is about to be made is listed first: if this run ends early, the next one knows its files.
    let listed: BTreeSet<&String> = files.iter().map(|(name, ..)| name).collect();
    write_file(&directory.join(KUSTOMIZATION), &kustomization, false)?;
    for name in former.iter().filter(|name| !listed.contains(name)) {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::File(directory.join(name), error)),
            _ => {}
        }
    }
    files.iter().try_for_each(|(name, text, secret)| write_file(&directory.join(name), text, *secret))
}

/// The files that an earlier run made.
fn former(directory: &Path) -> Result<BTreeSet<String>, Error> {
    let path = directory.join(KUSTOMIZATION);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(Error::File(path, error)),
    };
    if !text.starts_with(MARK) {
        return Err(Error::NotOurs(path));
    }
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
    Ok(names.filter(|name| !name.contains('/') && *name != "..").map(str::to_owned).collect())
}

fn file_name(manifest: &Value, format: Format) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let extension = if format == Format::Json { "json" } else { "yaml" };
    format!("{}-{}.{extension}", word(&manifest["kind"]).to_lowercase(), word(&manifest["metadata"]["name"]))
}

/// Secrets are for the user's eyes alone.
fn write_file(path: &Path, text: &str, secret: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(if secret { 0o600 } else { 0o666 });
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Error::File(path.to_owned(), error))
}

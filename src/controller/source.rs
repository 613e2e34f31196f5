//! A stack's project directory: the files and variables that the resource carries, and those of the ConfigMaps and Secrets that it names.
//! What comes from a Secret is tainted.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::api::{ComposeStackSpec, ObjectSource, keys::reason};
use crate::cluster::{Fetched, Reference, ReferenceKind};
use crate::compose;
use crate::compose::sources::{ComposeFile, File, FileSet, Variable, Variables};

use super::decide::Refusal;

/// Name that messages give to `spec.compose`.
const TEXT: &str = "compose.yaml";
/// Name that messages give to `spec.composeObject`.
const OBJECT: &str = "composeObject";

/// Copies of named objects; `None`: there is nothing of that name.
pub type Copies = BTreeMap<Reference, Option<Fetched>>;

/// What a load reads.
#[derive(Debug, Default)]
pub struct Collected {
    pub files: FileSet,
    pub compose_files: Vec<ComposeFile>,
    pub variables: Variables,
}

/// The ConfigMaps and Secrets that files and variables come from.
pub fn references(spec: &ComposeStackSpec) -> BTreeSet<Reference> {
    let files = spec.files_from.iter().flat_map(|f| {
        let map = f.config_map.as_ref().map(|o| Reference::new(ReferenceKind::ConfigMap, o.name.clone()));
        map.into_iter().chain(f.secret.as_ref().map(|o| Reference::new(ReferenceKind::Secret, o.name.clone())))
    });
    let variables = spec.variables_from.iter().flat_map(|v| {
        let map = v.config_map.as_ref().map(|o| Reference::new(ReferenceKind::ConfigMap, o.name.clone()));
        map.into_iter().chain(v.secret.as_ref().map(|o| Reference::new(ReferenceKind::Secret, o.name.clone())))
    });
    files.chain(variables).collect()
}

/// Puts the project directory together. Of one path `files` wins over `filesFrom`, a later source over an earlier; of one variable
/// likewise.
///
/// # Errors
/// All sources that are missing, or all paths that are no paths and contents that are no base64.
pub fn collect(spec: &ComposeStackSpec, copies: &Copies) -> Result<Collected, Refusal> {
    let mut problems = Problems::default();
    let mut files = BTreeMap::new();
    for (index, from) in spec.files_from.iter().enumerate() {
        let at = format!("spec.filesFrom[{index}]");
        if let Some(source) = &from.config_map {
            add_object(&mut files, &format!("{at}.configMap"), source, ReferenceKind::ConfigMap, copies, &mut problems);
        }
        if let Some(source) = &from.secret {
            add_object(&mut files, &format!("{at}.secret"), source, ReferenceKind::Secret, copies, &mut problems);
        }
    }
    for (path, content) in &spec.binary_files {
        let at = format!("spec.binaryFiles[{path:?}]");
        match STANDARD.decode(content.trim()) {
            Ok(bytes) => add(&mut files, &at, path, bytes, false, &mut problems),
            Err(error) => problems.invalid.push(format!("{at}: is not base64: {error}")),
        }
    }
    for (path, content) in &spec.files {
        add(&mut files, &format!("spec.files[{path:?}]"), path, content.clone().into_bytes(), false, &mut problems);
    }
    let variables = variables(spec, copies, &mut problems);
    let compose_files = compose_files(spec, &mut problems);
    problems.result()?;
    Ok(Collected { files: FileSet { files }, compose_files, variables })
}

/// The cleaned path of a file, or of a directory without files, which ends in a slash and has no content.
fn clean(path: &str, content: &[u8]) -> Option<String> {
    let cleaned = compose::clean(path);
    let is_directory = path.ends_with('/');
    let is_somewhere = !path.is_empty() && !matches!(cleaned.as_str(), "." | "/" | "..") && !cleaned.ends_with("/..");
    match is_directory {
        _ if !is_somewhere => None,
        false => Some(cleaned),
        true => content.is_empty().then(|| cleaned + "/"),
    }
}

/// All problems at once; a missing source outweighs the others, since they may come of it.
#[derive(Default)]
struct Problems {
    missing: Vec<String>,
    invalid: Vec<String>,
}

impl Problems {
    fn result(self) -> Result<(), Refusal> {
        if !self.missing.is_empty() {
            return Err(Refusal { reason: reason::SOURCE_MISSING, message: self.missing.join("\n") });
        }
        if !self.invalid.is_empty() {
            return Err(Refusal { reason: reason::INVALID_SPEC, message: self.invalid.join("\n") });
        }
        Ok(())
    }
}

fn compose_files(spec: &ComposeStackSpec, problems: &mut Problems) -> Vec<ComposeFile> {
    if let Some(text) = &spec.compose {
        return vec![ComposeFile::Text { name: TEXT.to_owned(), text: text.clone(), tainted: false }];
    }
    if let Some(object) = &spec.compose_object {
        return vec![ComposeFile::Structured { name: OBJECT.to_owned(), value: serde_json::Value::Object(object.clone()) }];
    }
    let mut found = Vec::new();
    for (index, path) in spec.compose_files.iter().flatten().enumerate() {
        match clean(path, b"a Compose file") {
            Some(path) => found.push(ComposeFile::Path(path)),
            None => problems.invalid.push(format!("spec.composeFiles[{index}]: {path:?} is not the path of a file")),
        }
    }
    found
}

fn variables(spec: &ComposeStackSpec, copies: &Copies, problems: &mut Problems) -> Variables {
    let mut variables = Variables::new();
    for (index, from) in spec.variables_from.iter().enumerate() {
        let at = format!("spec.variablesFrom[{index}]");
        let sources = [(&from.config_map, ReferenceKind::ConfigMap, "configMap"), (&from.secret, ReferenceKind::Secret, "secret")];
        for (source, kind, field) in sources {
            let Some(source) = source else { continue };
            let Some(fetched) = object(copies, kind, &source.name) else {
                if !source.optional {
                    problems.missing.push(missing(&format!("{at}.{field}"), kind, &source.name));
                }
                continue;
            };
            for (name, bytes) in &fetched.data {
                match String::from_utf8(bytes.clone()) {
                    Ok(value) => {
                        variables.insert(name.clone(), Variable { value, tainted: kind == ReferenceKind::Secret });
                    }
                    Err(_) => problems.invalid.push(format!("{at}.{field}: the value of {name} is not text")),
                }
            }
        }
    }
    let own = spec.variables.iter().map(|(name, value)| (name.clone(), Variable { value: value.clone(), tainted: false }));
    variables.extend(own);
    variables
}

fn add_object(
    files: &mut BTreeMap<String, File>,
    at: &str,
    source: &ObjectSource,
    kind: ReferenceKind,
    copies: &Copies,
    problems: &mut Problems,
) {
    let Some(fetched) = object(copies, kind, &source.name) else {
        if !source.optional {
            problems.missing.push(missing(at, kind, &source.name));
        }
        return;
    };
    let tainted = kind == ReferenceKind::Secret;
    let directory = source.directory.as_deref().unwrap_or_default();
    let within = |path: &str| if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") };
    if source.items.is_empty() {
        for (key, content) in &fetched.data {
            add(files, at, &within(key), content.clone(), tainted, problems);
        }
        return;
    }
    for (index, item) in source.items.iter().enumerate() {
        match fetched.data.get(&item.key) {
            Some(content) => add(files, &format!("{at}.items[{index}]"), &within(&item.path), content.clone(), tainted, problems),
            None if source.optional => {}
            None => problems.missing.push(format!("{at}.items[{index}]: {} {} has no key {:?}", kind.as_str(), source.name, item.key)),
        }
    }
}

fn add(files: &mut BTreeMap<String, File>, at: &str, path: &str, content: Vec<u8>, tainted: bool, problems: &mut Problems) {
    match clean(path, &content) {
        Some(path) => {
            let executable = content.starts_with(b"#!");
            files.insert(path, File { content: content.into(), executable, tainted });
        }
        None => problems.invalid.push(format!("{at}: {path:?} is not the path of a file")),
    }
}

fn object<'a>(copies: &'a Copies, kind: ReferenceKind, name: &str) -> Option<&'a Fetched> {
    copies.get(&Reference::new(kind, name))?.as_ref()
}

fn missing(at: &str, kind: ReferenceKind, name: &str) -> String {
    format!("{at}: there is no {} {name} in this namespace", kind.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn spec(value: serde_json::Value) -> ComposeStackSpec {
        serde_json::from_value(value).unwrap()
    }

    fn copies(kind: ReferenceKind, name: &str, data: &[(&str, &str)]) -> Copies {
        let data = data.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect();
        Copies::from([(Reference::new(kind, name), Some(Fetched { version: 1, layout: None, data }))])
    }

    #[test]
    fn of_one_path_the_resource_itself_wins() {
        let spec = spec(json!({
            "compose": "", "files": { "./a": "own" }, "filesFrom": [{ "configMap": { "name": "c" } }]
        }));
        let collected = collect(&spec, &copies(ReferenceKind::ConfigMap, "c", &[("a", "theirs"), ("b", "#!/bin/sh")])).unwrap();
        assert_eq!(&*collected.files.files["a"].content, b"own");
        assert!(collected.files.files["b"].executable);
    }

    #[test]
    fn what_comes_from_a_secret_is_tainted() {
        let spec = spec(json!({
            "compose": "", "filesFrom": [{ "secret": { "name": "s", "directory": "etc", "items": [{ "key": "k", "path": "p" }] } }],
            "variablesFrom": [{ "secret": { "name": "s" } }], "variables": { "own": "1" }
        }));
        let collected = collect(&spec, &copies(ReferenceKind::Secret, "s", &[("k", "v")])).unwrap();
        assert!(collected.files.files["etc/p"].tainted);
        assert!(collected.variables["k"].tainted);
        assert!(!collected.variables["own"].tainted);
    }

    #[test]
    fn all_missing_sources_are_named_and_an_optional_one_is_empty() {
        let spec = spec(json!({
            "compose": "",
            "filesFrom": [{ "configMap": { "name": "c" } }, { "secret": { "name": "o", "optional": true } }],
            "variablesFrom": [{ "secret": { "name": "s" } }]
        }));
        let refusal = collect(&spec, &Copies::new()).unwrap_err();
        assert_eq!(refusal.reason, reason::SOURCE_MISSING);
        assert_eq!(
            refusal.message,
            "spec.filesFrom[0].configMap: there is no ConfigMap c in this namespace\n\
             spec.variablesFrom[0].secret: there is no Secret s in this namespace"
        );
    }

    #[test]
    fn paths_are_cleaned_and_those_of_no_file_are_refused() {
        let text = |path| clean(path, b"text");
        assert_eq!(text("./conf//nginx/../a.conf"), Some("conf/a.conf".to_owned()));
        assert_eq!(text("../shared/.env"), Some("../shared/.env".to_owned()));
        assert_eq!(text("/etc/a"), Some("/etc/a".to_owned()));
        for path in ["", ".", "..", "/", "a/..", "conf/"] {
            assert_eq!(text(path), None, "{path}");
        }
        assert_eq!(clean("./data/", b""), Some("data/".to_owned()), "a directory without files");
        for path in ["", "./", "/", "a/../"] {
            assert_eq!(clean(path, b""), None, "{path}");
        }
        let refusal = collect(&spec(json!({ "compose": "", "binaryFiles": { "x": "%" } })), &Copies::new()).unwrap_err();
        assert!(refusal.message.starts_with("spec.binaryFiles[\"x\"]: is not base64"), "{}", refusal.message);
    }
}

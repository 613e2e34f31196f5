//! Contents: ConfigMaps and Secrets that are named by what they hold and never change, so that a new content rolls exactly its users.
//!
//! Content that comes from a Secret goes into a Secret, whatever Compose calls it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapProjection, ConfigMapVolumeSource, KeyToPath, ProjectedVolumeSource, Secret, SecretProjection, SecretVolumeSource,
    Volume, VolumeProjection,
};

use serde_json::json;

use crate::compose::path::Path;
use crate::compose::sources::{File, FileSet};

use super::hash;
use super::names::{self, ObjectName};
use super::object::Object;
use super::object::StringMap;
use super::objects::{Objects, metadata, stack_labels};
use super::report::Report;
use super::stack::Stack;

/// Bytes that a ConfigMap or Secret may hold.
const MAX_CONTENT: usize = 1 << 20;

/// One file of a content object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Path below the mount.
    pub path: String,
    pub content: Arc<[u8]>,
    /// Permission bits.
    pub mode: u32,
}

/// Files that stand together in one ConfigMap or Secret.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub items: Vec<Item>,
    /// Whether any of it may only stand in a Secret.
    pub secret: bool,
    /// Whether the object may be changed by hand.
    pub mutable: bool,
    pub annotations: StringMap,
}

/// The content objects that were made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The only one, or the first of several.
    pub name: ObjectName,
    pub secret: bool,
    /// Hash of the content, paths and modes included.
    pub hash: String,
    parts: Vec<Part>,
}

/// One of them.
#[derive(Clone, Debug)]
struct Part {
    name: ObjectName,
    hash: String,
    keys: Vec<KeyToPath>,
}

impl Content {
    /// One file under a name of its own.
    pub fn of_file(name: &str, content: Arc<[u8]>, mode: u32, secret: bool) -> Self {
        Self { items: vec![Item { path: name.to_owned(), content, mode }], secret, mutable: false, annotations: StringMap::new() }
    }

    /// Makes the objects, as many as the content needs, and adds them. `None`: a file is too large for any, which is refused.
    pub fn make(&self, stack: &Stack, name: &str, path: &Path, objects: &mut Objects, report: &mut Report) -> Option<Made> {
        if let Some(item) = self.items.iter().find(|item| item.size() > MAX_CONTENT) {
            let message = format!("{} holds {} bytes; at most {MAX_CONTENT} fit into one object", item.path, item.content.len());
            report.refuse("too-large", path, message);
            return None;
        }
        let parts: Vec<Part> = self.groups().into_iter().map(|items| self.part(stack, name, items, path, objects, report)).collect();
        let name = parts.first()?.name.clone();
        let hash = match parts.as_slice() {
            [part] => part.hash.clone(),
            parts => hash::of_json(&json!(parts.iter().map(|part| &part.hash).collect::<Vec<_>>())),
        };
        Some(Made { name, secret: self.secret, hash, parts })
    }

    /// The files in groups, each of which fits into one object.
    fn groups(&self) -> Vec<&[Item]> {
        let mut groups = Vec::new();
        let (mut begin, mut size) = (0, 0);
        for (index, item) in self.items.iter().enumerate() {
            if size + item.size() > MAX_CONTENT {
                groups.push(&self.items[begin..index]);
                (begin, size) = (index, 0);
            }
            size += item.size();
        }
        groups.push(&self.items[begin..]);
        groups
    }

    fn part(&self, stack: &Stack, name: &str, items: &[Item], path: &Path, objects: &mut Objects, report: &mut Report) -> Part {
        let bytes: BTreeMap<String, Arc<[u8]>> =
            items.iter().map(|item| (names::content_key(&item.path), Arc::clone(&item.content))).collect();
        let content_hash = digest(bytes.iter().map(|(key, content)| (key.as_str(), content.as_ref())), self.secret);
        // Whether an object may be changed can't itself be changed.
        let content_hash = if self.mutable { hash::of_bytes(format!("mutable {content_hash}").as_bytes()) } else { content_hash };
        let keys: Vec<KeyToPath> = items.iter().map(key_to_path).collect();
        let modes: Vec<String> = items.iter().map(|item| format!("{} {:o}", item.path, item.mode)).collect();
        let object_name = ObjectName::of_content(&stack.project.name, name, &content_hash);
        let inputs =
            if self.annotations.is_empty() { content_hash.clone() } else { hash::of_json(&json!([&content_hash, &self.annotations])) };
        let metadata = metadata(&object_name, stack_labels(stack), self.annotations.clone(), inputs);
        let object = if self.secret {
            let data = bytes.iter().map(|(key, content)| (key.clone(), ByteString(content.to_vec()))).collect();
            let secret = Secret {
                metadata,
                data: Some(data),
                immutable: (!self.mutable).then_some(true),
                type_: Some("Opaque".to_owned()),
                ..Secret::default()
            };
            Object::Secret(Box::new(secret))
        } else {
            Object::ConfigMap(Box::new(config_map(metadata, &bytes, self.mutable)))
        };
        objects.add(object, path, report);
        Part { name: object_name, hash: hash::of_bytes(format!("{content_hash}\n{}", modes.join("\n")).as_bytes()), keys }
    }
}

impl Item {
    fn size(&self) -> usize {
        self.content.len() + self.path.len()
    }
}

impl Made {
    /// The volume that shows the files under their paths, with their modes.
    pub fn volume(&self, name: &str) -> Volume {
        match self.parts.as_slice() {
            [part] => source(name, part.name.as_str(), self.secret, part.keys.clone()),
            parts => {
                let sources = parts.iter().map(|part| part.projection(self.secret)).collect();
                let projected = ProjectedVolumeSource { sources: Some(sources), default_mode: None };
                Volume { name: name.to_owned(), projected: Some(projected), ..Volume::default() }
            }
        }
    }
}

impl Part {
    fn projection(&self, secret: bool) -> VolumeProjection {
        let (name, items) = (self.name.to_string(), Some(self.keys.clone()));
        if secret {
            VolumeProjection { secret: Some(SecretProjection { name, items, optional: None }), ..VolumeProjection::default() }
        } else {
            VolumeProjection { config_map: Some(ConfigMapProjection { name, items, optional: None }), ..VolumeProjection::default() }
        }
    }
}

/// A volume of some keys of a ConfigMap or Secret.
pub fn source(volume: &str, object: &str, secret: bool, items: Vec<KeyToPath>) -> Volume {
    let volume = Volume { name: volume.to_owned(), ..Volume::default() };
    if secret {
        let source = SecretVolumeSource { secret_name: Some(object.to_owned()), items: Some(items), ..SecretVolumeSource::default() };
        Volume { secret: Some(source), ..volume }
    } else {
        let source = ConfigMapVolumeSource { name: object.to_owned(), items: Some(items), ..ConfigMapVolumeSource::default() };
        Volume { config_map: Some(source), ..volume }
    }
}

/// The packed files at or below a path of the project directory, by path, in order.
pub fn below<'a>(files: &'a FileSet, path: &str) -> impl Iterator<Item = (&'a str, &'a File)> {
    let root = path.trim_end_matches('/').trim_start_matches("./");
    let whole = matches!(root, "." | "");
    let (from, to) = if whole { (String::new(), String::from(char::MAX)) } else { (format!("{root}/"), format!("{root}0")) };
    // Between the file and what lies below the directory of its name, others may stand: `a`, `a-b`, `a/c`. Behind the slash comes the 0.
    let itself = files.files.get_key_value(root).filter(|_| !whole);
    let inside = files.files.range(from..to).filter(move |(file, _)| !whole || !file.starts_with('/') && !file.starts_with("../"));
    itself.into_iter().chain(inside).map(|(path, file)| (path.as_str(), file))
}

/// Permission bits of a packed file: read-only, executable where it was.
pub fn mode(file: &File) -> u32 {
    if file.executable { 0o555 } else { 0o444 }
}

fn key_to_path(item: &Item) -> KeyToPath {
    let mode = i32::try_from(item.mode).ok();
    KeyToPath { key: names::content_key(&item.path), path: item.path.clone(), mode }
}

fn digest<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>, secret: bool) -> String {
    let mut bytes = vec![u8::from(secret)];
    for (key, content) in files {
        // Lengths keep `a` + `bc` apart from `ab` + `c`.
        bytes.extend_from_slice(format!("{} {} ", key.len(), content.len()).as_bytes());
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(content);
    }
    hash::of_bytes(&bytes)
}

fn config_map(
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    bytes: &BTreeMap<String, Arc<[u8]>>,
    mutable: bool,
) -> ConfigMap {
    let mut text = BTreeMap::new();
    let mut binary = BTreeMap::new();
    for (key, content) in bytes {
        match std::str::from_utf8(content) {
            Ok(content) => {
                text.insert(key.clone(), content.to_owned());
            }
            Err(_) => {
                binary.insert(key.clone(), ByteString(content.to_vec()));
            }
        }
    }
    ConfigMap {
        metadata,
        data: (!text.is_empty()).then_some(text),
        binary_data: (!binary.is_empty()).then_some(binary),
        immutable: (!mutable).then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> FileSet {
        FileSet { files: paths.iter().map(|path| ((*path).to_owned(), File::default())).collect() }
    }

    #[track_caller]
    fn check(path: &str, expected: &[&str]) {
        let files = set(&["a.txt", "conf/x", "conf/d/y", "config", "/data/f", "../up"]);
        assert_eq!(below(&files, path).map(|(path, _)| path).collect::<Vec<_>>(), expected, "{path}");
    }

    #[test]
    fn a_directory_holds_what_lies_below_it() {
        check("conf", &["conf/d/y", "conf/x"]);
        check("./conf/", &["conf/d/y", "conf/x"]);
        check("config", &["config"]);
        check("/data", &["/data/f"]);
        check(".", &["a.txt", "conf/d/y", "conf/x", "config"]);
        check("nothing", &[]);
    }

    #[test]
    fn contents_that_join_to_the_same_bytes_stay_apart() {
        let files = |first: &'static str, second: &'static str| digest([(first, second.as_bytes())].into_iter(), false);
        assert_ne!(files("a", "bc"), files("ab", "c"));
        assert_ne!(digest([].into_iter(), false), digest([].into_iter(), true));
    }
}

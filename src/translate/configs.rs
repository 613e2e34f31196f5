//! `configs` and `secrets` of a service: one file each, from an object that is named by its content or that exists already.

use std::sync::Arc;

use k8s_openapi::api::core::v1::KeyToPath;

use crate::api::keys;
use crate::compose::model::{ConfigMount, FileObject, FileSource, Service};
use crate::compose::path::Path;

use super::desired::{External, ExternalKind};
use super::files::{self, Content};
use super::kubernetes::KEY;
use super::labels;
use super::mounts::{Mounts, at, volume_name};
use super::names::{self, ObjectName};
use super::report::{self, Report};
use super::store::{Store, content_copy, content_mount, copy};
use super::tasks::Owner;

/// Which of the two sections a mount is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Configs,
    Secrets,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Section::Configs => "configs",
            Section::Secrets => "secrets",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Section::Configs => "config",
            Section::Secrets => "secret",
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Section::Configs => "/",
            Section::Secrets => "/run/secrets/",
        }
    }
}

/// Adds the mounts of both sections.
pub fn mounts(store: &mut Store, service: &Service, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    for (section, entries) in [(Section::Configs, &service.configs), (Section::Secrets, &service.secrets)] {
        for (index, entry) in entries.iter().enumerate() {
            mount(store, section, entry, &path.key(section.key()).index(index), mounts, report);
        }
    }
}

fn mount(store: &mut Store, section: Section, entry: &ConfigMount, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let project = store.stack.project;
    let declared = if section == Section::Configs { &project.configs } else { &project.secrets };
    let Some(object) = declared.get(&entry.source) else {
        report.refuse("undeclared", path, format!("{} {:?} is not declared", section.noun(), entry.source));
        return;
    };
    let target = target(section, entry);
    let mode = entry.mode.unwrap_or(0o444);
    if mode > 0o777 {
        report.refuse("mode", &path.key("mode"), format!("{mode:o} holds more than permissions (0 to 0777)"));
        return;
    }
    let owner = owner(entry, path, report);
    // Neither kind of volume can be written to.
    let mode = mode & !0o222;
    let declared_at = Path::of(&[section.key(), &entry.source]);
    check_extension(store, section, entry, object, &declared_at, report);
    if object.source == FileSource::External {
        external(store, section, entry, object, (&target, mode, owner), &declared_at, path, mounts, report);
        return;
    }
    let Some((content, tainted)) = content(store, section, entry, object, &declared_at, report) else { return };
    let secret = section == Section::Secrets || tainted;
    let mut content = Content::of_file(&names::content_key(&entry.source), content, mode, secret);
    let policy = &store.stack.settings.policy;
    content.mutable = store.stack.extensions.file(section.key(), &entry.source).mutable;
    content.annotations = labels::as_annotations(&object.labels, policy, &declared_at.key("labels"), report);
    // The name by which an engine would know it; the object's own tells its content.
    if object.explicit_name {
        content.annotations.insert(keys::CONTENT_NAME.to_owned(), object.name.clone());
    }
    let file = names::content_key(&entry.source);
    match owner {
        None => content_mount(store, &content, &entry.source, (&target, Some(&file)), path, mounts, report),
        Some(owner) => {
            // The helper reads it as the owner: the original, which only that sees, is readable for all.
            content.items.iter_mut().for_each(|item| item.mode = 0o444);
            content_copy(store, &content, &file, (&target, mode, owner, true), path, mounts, report);
        }
    }
}

/// What is said of an object that is made where it exists already, and the other way round.
fn check_extension(store: &Store, section: Section, entry: &ConfigMount, object: &FileObject, path: &Path, report: &mut Report) {
    let extension = store.stack.extensions.file(section.key(), &entry.source);
    let at = path.key(KEY);
    let exists = object.source == FileSource::External;
    for (written, path, why) in [
        (!exists && extension.key.is_some(), at.key("key"), "it is for objects that exist already (external: true)"),
        (exists && extension.mutable, at.key("immutable"), "the object exists already"),
        (exists && !object.labels.is_empty(), path.key("labels"), "the object exists already"),
    ] {
        if written {
            report.warn("no-effect", &path, format!("has no effect: {why}"));
        }
    }
}

fn target(section: Section, entry: &ConfigMount) -> String {
    let target = entry.target.as_deref().filter(|target| !target.is_empty()).unwrap_or(&entry.source);
    if target.starts_with('/') { target.to_owned() } else { format!("{}{target}", section.directory()) }
}

/// An owner other than root, whose files are.
fn owner(entry: &ConfigMount, path: &Path, report: &mut Report) -> Option<Owner> {
    let mut id = |attribute: &str, id: &Option<String>| {
        let id = id.as_deref().filter(|id| !id.is_empty())?;
        let number = id.parse::<u32>().ok();
        if number.is_none() {
            report.refuse("owner", &path.key(attribute.to_owned()), format!("{id:?} is not a number"));
        }
        number
    };
    let owner = Owner { user: id("uid", &entry.uid), group: id("gid", &entry.gid) };
    (owner.user.unwrap_or(0) != 0 || owner.group.unwrap_or(0) != 0).then_some(Owner { user: Some(owner.user.unwrap_or(0)), ..owner })
}

/// The content, and whether it comes from a Secret.
fn content(
    store: &Store,
    section: Section,
    entry: &ConfigMount,
    object: &FileObject,
    path: &Path,
    report: &mut Report,
) -> Option<(Arc<[u8]>, bool)> {
    let project = store.stack.project;
    match &object.source {
        FileSource::File(name) => {
            let file = project.files.files.get(name);
            if file.is_none() {
                report.refuse("file-missing", &path.key("file"), format!("{name:?} is not among the stack's files"));
            }
            file.map(|file| (file.content.clone(), file.tainted))
        }
        FileSource::Content(text) => {
            let tainted = report::node(&project.root, &path.key("content")).is_some_and(|node| node.tainted);
            Some((text.as_bytes().into(), tainted))
        }
        FileSource::Environment { variable, value: None, .. } => {
            let message = format!("the {} {:?} needs the variable {variable:?}, which is not set", section.noun(), entry.source);
            report.refuse("variable-missing", &path.key("environment"), message);
            None
        }
        FileSource::Environment { value: Some(value), tainted, .. } => Some((value.as_bytes().into(), *tainted)),
        FileSource::External => None,
    }
}

#[expect(clippy::too_many_arguments, reason = "each is a part of one mount, and there is one caller")]
fn external(
    store: &Store,
    section: Section,
    entry: &ConfigMount,
    object: &FileObject,
    (target, mode, owner): (&str, u32, Option<Owner>),
    declared_at: &Path,
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    let Some(name) = ObjectName::of_external(&object.name) else {
        report.refuse("illegal-name", declared_at, format!("{:?} can't be the name of an object", object.name));
        return;
    };
    let secret = section == Section::Secrets;
    let wanted = store.stack.extensions.file(section.key(), &entry.source).key;
    let looked_up = wanted.as_ref().unwrap_or(&object.name);
    let known = store.stack.facts.external_keys.get(&(secret, name.to_string()));
    let key = match known {
        Some(keys) if !keys.contains(looked_up) => match keys.iter().collect::<Vec<_>>().as_slice() {
            [only] if wanted.is_none() => (*only).clone(),
            keys => {
                let message = format!("{name:?} has {} keys, and none of them is {looked_up:?}; x-kubernetes.key says which", keys.len());
                report.refuse("external-key", declared_at, message);
                return;
            }
        },
        _ => looked_up.clone(),
    };
    let kind = if secret { ExternalKind::Secret } else { ExternalKind::ConfigMap };
    mounts.externals.push(External { kind, name: name.to_string(), path: declared_at.to_string() });
    let file = names::content_key(&entry.source);
    let shown = if owner.is_some() { 0o444 } else { mode };
    let items = vec![KeyToPath { key, path: file.clone(), mode: i32::try_from(shown).ok() }];
    let volume = files::source(&volume_name(section.noun(), &entry.source), name.as_str(), secret, items);
    match owner {
        None => mounts.add(volume, at(target, true, Some(file)), path, report),
        Some(owner) => copy(volume, &file, secret, (target, mode, owner, true), path, mounts, report),
    }
}

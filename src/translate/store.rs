//! What a service's mounts are made of and add to, and the mounts of content that travels with the stack.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Volume;

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::claims::Storage;
use super::files::Content;
use super::hash;
use super::mounts::{self, Mounts, at, volume_name};
use super::names::ObjectName;
use super::objects::Objects;
use super::report::Report;
use super::stack::Stack;
use super::tasks::{Owner, Task};

/// What mounts are made of and what they add to.
pub struct Store<'a, 'b> {
    pub stack: &'b Stack<'a>,
    pub claims: &'b BTreeMap<&'a str, Storage>,
    pub service: &'b Service,
    /// Object name of the service.
    pub name: &'b ObjectName,
    /// Whether what its image declares as volumes is kept: that of steps is nobody's to see.
    pub keeps_image_volumes: bool,
    pub objects: &'b mut Objects,
}

/// Mounts content at a target: a single file by `file`, else the directory.
pub fn content_mount(
    store: &mut Store,
    content: &Content,
    name: &str,
    (target, file): (&str, Option<&str>),
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    let Some(made) = content.make(store.stack, name, path, store.objects, report) else { return };
    let volume = made.volume(&volume_name("file", name));
    mounts.digests.insert(target.to_owned(), made.hash);
    mounts.add(volume, at(target, true, file.map(str::to_owned)), path, report);
}

/// Mounts a copy of a single file, with a mode and an owner that the content's own volume can't give it.
pub fn content_copy(
    store: &mut Store,
    content: &Content,
    name: &str,
    (target, mode, owner, read_only): (&str, u32, Owner, bool),
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    let Some(content) = content.make(store.stack, name, path, store.objects, report) else { return };
    let intent = format!("{}\n{mode:o} {owner:?} {read_only}", content.hash);
    mounts.digests.insert(target.to_owned(), hash::of_bytes(intent.as_bytes()));
    copy(content.volume(&volume_name("file", name)), name, content.secret, (target, mode, owner, read_only), path, mounts, report);
}

/// Mounts a copy of the file of this name in a volume.
pub fn copy(
    from: Volume,
    file: &str,
    secret: bool,
    (target, mode, owner, read_only): (&str, u32, Owner, bool),
    path: &Path,
    mounts: &mut Mounts,
    report: &mut Report,
) {
    if mounts.has_target(target) {
        mounts.add(from, at(target, read_only, None), path, report);
        return;
    }
    let from = mounts.volume(from);
    // Secrets never reach a disk.
    let volume = mounts::scratch(if secret { "helper--secrets" } else { "helper--files" }, secret, None);
    let to = format!("{}/{file}", mounts.tasks.len());
    mounts.tasks.push(Task::File { from: (from, file.to_owned()), to: (volume.name.clone(), to.clone()), mode, owner });
    mounts.add(volume, at(target, read_only, Some(to)), path, report);
}

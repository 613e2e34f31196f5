//! `volumes`, `tmpfs`, `shm_size`, `configs`, `secrets` of a service → mounts.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ImageVolumeSource, NFSVolumeSource, Volume};

use crate::compose::model::{DeployMode, Mount, MountKind, Service};
use crate::compose::path::Path;

use super::claims::{self, Storage};
use super::configs;
use super::desired::{External, ExternalKind};
use super::files::{self, Content, Item};
use super::host_paths;
use super::image_volumes;
use super::images;
use super::lending::{borrowers, is_lent, lender};
use super::memory;
use super::mounts::{self, DATA, Mounts, at, volume_name};
use super::names::{self, ObjectName};
use super::project::service_path;
use super::report::Report;
use super::store::{Store, content_copy, content_mount};
use super::tasks::{Owner, Task};

/// Everything that is mounted into a service's container.
pub fn mounts(store: &mut Store, path: &Path, report: &mut Report) -> Mounts {
    let service = store.service;
    let mut mounts = Mounts::default();
    for (index, mount) in service.volumes.iter().enumerate() {
        add(store, mount, &path.key("volumes").index(index), &mut mounts, report);
    }
    from_others(store, service, &path.key("volumes_from"), &mut mounts, report);
    for (index, entry) in service.tmpfs.iter().enumerate() {
        memory::tmpfs(entry, &path.key("tmpfs").index(index), &mut mounts, report);
    }
    memory::shm(service, path, &mut mounts, report);
    configs::mounts(store, service, path, &mut mounts, report);
    if store.keeps_image_volumes {
        of_image(store, path, &mut mounts, report);
    }
    mounts
}

fn add(store: &mut Store, mount: &Mount, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if let [drive, b':', b'/', ..] = mount.target.as_bytes()
        && drive.is_ascii_alphabetic()
    {
        // Compose reads one letter before the first colon as a drive of Windows.
        report.refuse("windows-drive", path, format!("{:?}: one-letter names need the long syntax", mount.target));
        return;
    }
    if !mount.target.starts_with('/') {
        report.refuse("mount-target", &path.key("target"), format!("{:?} is not an absolute path", mount.target));
        return;
    }
    let source = mount.source.as_deref().unwrap_or_default();
    match mount.kind {
        MountKind::Volume if source.is_empty() && is_lent(store.stack.project, &store.service.name) => {
            let service = (store.service.name.as_str(), store.name);
            shared(store, service, mount, path, mounts, report);
        }
        MountKind::Volume if source.is_empty() => {
            let message = format!("what is written to {} is lost when the pod is replaced; give the volume a name", mount.target);
            report.warn("anonymous-volume", path, message);
            let volume = mounts::scratch(&volume_name("anonymous", &mount.target), false, None);
            let directory = (!mount.volume_nocopy).then(|| DATA.to_owned());
            fill(&volume, mount, directory.is_some(), mounts);
            mounts.add(volume, at(&mount.target, mount.read_only, directory), path, report);
        }
        MountKind::Volume | MountKind::Cluster => named(store, mount, source, path, mounts, report),
        MountKind::Tmpfs => {
            let mode = mount.tmpfs_mode.unwrap_or(memory::MODE);
            let options = memory::Options { limit: mount.tmpfs_size, mode, owner: Owner::default() };
            memory::directory(&mount.target, &options, mount.read_only, path, mounts, report);
        }
        MountKind::Bind => bind(store, mount, source, path, mounts, report),
        MountKind::Image => image(store, mount, source, path, mounts, report),
        MountKind::Npipe => report.refuse("npipe", path, "named pipes are Windows'; stacks run on Linux nodes"),
    }
}

fn named(store: &mut Store, mount: &Mount, source: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if !store.stack.project.volumes.contains_key(source) {
        report.refuse("undeclared-volume", path, format!("volume {source:?} is not declared"));
        return;
    }
    let of_service = store.stack.extension(&store.service.name).volume_subpath.as_deref();
    let inside = mount.volume_subpath.as_deref().filter(|inside| !inside.is_empty()).or(of_service);
    if inside.is_some_and(|inside| inside.starts_with('/') || inside.split('/').any(|part| part == "..")) {
        report.refuse("subpath", path, "the subpath must be relative and stay inside the volume");
        return;
    }
    // What isn't here was refused where it is declared.
    match store.claims.get(source) {
        Some(Storage::Claim { name, directory, external, .. }) => {
            let parts: Vec<&str> = directory.as_deref().into_iter().chain(inside).collect();
            let sub_path = (!parts.is_empty()).then(|| parts.join("/"));
            *mounts.claims.entry(name.to_string()).or_default() |= !mount.read_only;
            if *external {
                let path = Path::of(&["volumes", source]).to_string();
                mounts.externals.push(External { kind: ExternalKind::PersistentVolumeClaim, name: name.to_string(), path });
            }
            let volume = mounts::claim(&volume_name("volume", source), name.as_str());
            // What others laid out is theirs to fill; and Docker fills whole volumes only.
            fill(&volume, mount, directory.is_some() && !external && inside.is_none() && !mount.volume_nocopy, mounts);
            mounts.add(volume, at(&mount.target, mount.read_only, sub_path), path, report);
        }
        Some(Storage::Apart { claim }) => {
            let name = volume_name("volume", source);
            let sub_path = [Some(DATA), inside].into_iter().flatten().collect::<Vec<_>>().join("/");
            let claim_name = claim.metadata.name.clone().unwrap_or_default();
            let stands_for = mounts::claim(&name, &claim_name);
            fill(&stands_for, mount, inside.is_none() && !mount.volume_nocopy, mounts);
            mounts.add(stands_for, at(&mount.target, mount.read_only, Some(sub_path)), path, report);
            mounts.apart.insert(claim_name, (**claim).clone());
        }
        Some(Storage::Memory { options }) => {
            memory::named(&volume_name("volume", source), &mount.target, options, mount.read_only, path, mounts, report);
        }
        Some(Storage::Nfs { server, directory, read_only }) => {
            let nfs = NFSVolumeSource { server: server.clone(), path: directory.clone(), read_only: read_only.then_some(true) };
            let volume = Volume { name: volume_name("volume", source), nfs: Some(nfs), ..Volume::default() };
            mounts.add(volume, at(&mount.target, mount.read_only || *read_only, inside.map(str::to_owned)), path, report);
        }
        Some(Storage::Bind { device }) => bind(store, mount, &device.clone(), path, mounts, report),
        None => {}
    }
}

/// A volume without a name that services share: it is a claim of the one that declares it.
fn shared(store: &mut Store, (key, name): (&str, &ObjectName), mount: &Mount, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let at_declaration = service_path(key).key("volumes");
    let Some((claim, one_node)) = claims::of_anonymous(store.stack, (key, name), &mount.target, &at_declaration, store.objects, report)
    else {
        return;
    };
    *mounts.claims.entry(claim.to_string()).or_default() |= !mount.read_only;
    if one_node {
        mounts.sharers.extend(std::iter::once(key).chain(borrowers(store.stack.project, key)).map(str::to_owned));
    }
    let volume = mounts::claim(&volume_name("anonymous", &mount.target), claim.as_str());
    fill(&volume, mount, !mount.volume_nocopy, mounts);
    mounts.add(volume, at(&mount.target, mount.read_only, Some(DATA.to_owned())), path, report);
}

/// The directories that the image declares as volumes, where nothing else is mounted.
fn of_image(store: &mut Store, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let key = &store.service.name;
    let lent = is_lent(store.stack.project, key);
    let mut lost = Vec::new();
    for directory in image_volumes::left_open(store.stack, key, store.service) {
        let path = path.key("image");
        if mounts.has_target(directory.path) {
            continue;
        }
        if lent {
            shared(store, (key, store.name), &directory.mount(), &path, mounts, report);
            continue;
        }
        lost.extend(directory.is_data.then_some(directory.path));
        let volume = mounts::scratch(&volume_name("anonymous", directory.path), false, None);
        let inside = directory.filled.then(|| DATA.to_owned());
        fill(&volume, &directory.mount(), directory.filled, mounts);
        mounts.add(volume, at(directory.path, false, inside), &path, report);
    }
    if !lost.is_empty() {
        let message = format!(
            "keeps its data in {}, where no volume is mounted: it is lost when the pod is replaced; mount a volume with a name there",
            lost.join(" and ")
        );
        report.warn("image-volume", &path.key("image"), message);
    }
}

/// Has a volume filled from what the image holds at its target.
fn fill(volume: &Volume, mount: &Mount, wanted: bool, mounts: &mut Mounts) {
    if wanted {
        let volume = mounts.volume(volume.clone());
        mounts.tasks.push(Task::Seed { volume, path: mount.target.clone() });
    }
}

/// A path of the project directory: its files travel with the stack. What may be written to is a copy.
fn bind(store: &mut Store, mount: &Mount, source: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if host_paths::is_engine_socket(source, path, report) {
        return;
    }
    let files = &store.stack.project.files;
    let root = source.trim_end_matches('/').trim_start_matches("./");
    let found: Vec<_> = files::below(files, source).collect();
    if found.is_empty() && source.starts_with('/') {
        host_paths::mount(store.service, &store.stack.settings.policy, mount, source, path, mounts, report);
        return;
    }
    if found.is_empty() {
        report.refuse("file-missing", path, format!("{source:?} is not among the stack's files"));
        return;
    }
    if mount.bind_propagation.as_deref().is_some_and(|propagation| !matches!(propagation, "" | "private" | "rprivate")) {
        report.warn("propagation", &path.key("bind").key("propagation"), "the stack's files hold no further mounts");
    }
    let is_file = |path: &str| !path.ends_with('/');
    if !mount.read_only {
        let what = if found.iter().any(|(path, _)| is_file(path)) { "a copy of the stack's files" } else { "a directory of the cluster's" };
        report.warn("bind-copy", path, format!("{} is {what}, not your own: what is written there stays there", mount.target));
    }
    let secret = found.iter().any(|(_, file)| file.tainted);
    let name = root.rsplit('/').next().unwrap_or(root);
    if let [(file_path, file)] = found.as_slice()
        && *file_path == root
    {
        let mode = files::mode(file);
        if mount.read_only {
            let content = Content::of_file(name, file.content.clone(), mode, secret);
            content_mount(store, &content, name, (&mount.target, Some(name)), path, mounts, report);
        } else {
            let name = names::content_key(name);
            let content = Content::of_file(&name, file.content.clone(), mode, secret);
            content_copy(store, &content, &name, (&mount.target, mode | 0o200, Owner::default(), false), path, mounts, report);
        }
        return;
    }
    let inside = |file: &str| match root {
        "." | "" => Some(file.to_owned()),
        root => file.strip_prefix(root)?.strip_prefix('/').map(str::to_owned),
    };
    // A file of the directory's own name can't be there too: what lies below wins.
    let all = found.iter().filter(|(path, _)| is_file(path));
    let items = all.filter_map(|(path, file)| Some(Item { path: inside(path)?, content: file.content.clone(), mode: files::mode(file) }));
    let name = if matches!(name, "." | "") { "files" } else { name };
    if mount.read_only {
        let items = with_mount_points(items.collect(), &mount.target, store);
        if items.is_empty() {
            mounts.add(mounts::scratch(&volume_name("empty", &mount.target), false, None), at(&mount.target, true, None), path, report);
            return;
        }
        let content = Content { items, secret, ..Content::default() };
        content_mount(store, &content, name, (&mount.target, None), path, mounts, report);
    } else {
        let content = Content { items: items.collect(), secret, ..Content::default() };
        writable(store, &content, name, mount, path, mounts, report);
    }
}

/// A directory of the stack's files on a volume of its own, so that what a program writes there outlives its pod.
fn writable(store: &mut Store, content: &Content, name: &str, mount: &Mount, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let from = if content.items.is_empty() {
        None
    } else {
        let Some(made) = content.make(store.stack, name, path, store.objects, report) else { return };
        let from = mounts.volume(made.volume(&volume_name("file", name)));
        mounts.digests.insert(mount.target.clone(), made.hash);
        Some(from)
    };
    let everywhere = store.service.deploy.as_ref().is_some_and(|deploy| deploy.mode == DeployMode::Global);
    let volume = if everywhere {
        let message =
            format!("what is written to {} is lost when the pod is replaced: a global service has no volume of its own", mount.target);
        report.warn("bind-copy", path, message);
        mounts::scratch(&volume_name("copy", &mount.target), false, None)
    } else {
        let service = (store.service.name.as_str(), store.name);
        let Some((claim, one_node)) = claims::of_bind(store.stack, service, &mount.target, path, store.objects, report) else { return };
        mounts.claims.insert(claim.to_string(), true);
        mounts.has_own_claim |= one_node;
        mounts::claim(&volume_name("copy", &mount.target), claim.as_str())
    };
    if let Some(from) = from {
        let to = mounts.volume(volume.clone());
        mounts.tasks.push(Task::Sync { from, to });
    }
    mounts.add(volume, at(&mount.target, false, Some(DATA.to_owned())), path, report);
}

/// Makes room in a read-only directory for what else is mounted inside it: no runtime can make a mount point there.
fn with_mount_points(mut items: Vec<Item>, target: &str, store: &Store) -> Vec<Item> {
    let is_file = |mount: &Mount| {
        mount.source.as_ref().is_some_and(|source| store.stack.project.files.files.contains_key(source.trim_start_matches("./")))
    };
    let volumes = store.service.volumes.iter().map(|mount| (mount.target.as_str(), mount.kind == MountKind::Bind && is_file(mount)));
    let scratch = store.service.tmpfs.iter().map(|entry| (entry.split(':').next().unwrap_or_default(), false));
    let of_image = image_volumes::left_open(store.stack, &store.service.name, store.service);
    let of_image = of_image.iter().map(|directory| (directory.path, false));
    for (other, is_file) in volumes.chain(scratch).chain(of_image) {
        let Some(inside) = other.strip_prefix(target.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let below = format!("{inside}/");
        if inside.is_empty() || items.iter().any(|item| item.path == inside || item.path.starts_with(&below)) {
            continue;
        }
        let path = if is_file { inside.to_owned() } else { format!("{below}.mount-point") };
        items.push(Item { path, content: Arc::from([]), mode: 0o444 });
    }
    items
}

fn image(store: &Store, mount: &Mount, source: &str, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    if source.is_empty() {
        report.refuse("image-volume", &path.key("source"), "names no image and no service");
        return;
    }
    let of_service = store.stack.project.services.get(source).map(|service| images::name(store.stack.project, source, service));
    let reference = of_service.unwrap_or_else(|| source.to_owned());
    let volume = Volume {
        name: volume_name("image", names::label_form(source, 40).as_deref().unwrap_or("content")),
        image: Some(ImageVolumeSource { reference: Some(reference), pull_policy: None }),
        ..Volume::default()
    };
    mounts.add(volume, at(&mount.target, true, mount.image_subpath.clone()), path, report);
}

/// `volumes_from`: the mounts of another service on the same volumes.
fn from_others(store: &mut Store, service: &Service, path: &Path, mounts: &mut Mounts, report: &mut Report) {
    let project = store.stack.project;
    for (index, entry) in service.volumes_from.iter().enumerate() {
        let path = path.index(index);
        let Some(other) = lender(project, entry) else {
            report.refuse("unknown-service", &path, format!("{entry:?} is no service of this stack"));
            continue;
        };
        let read_only = entry.ends_with(":ro");
        let of_image = image_volumes::left_open(store.stack, &other.name, other).into_iter().map(image_volumes::Directory::mount);
        for mount in other.volumes.iter().cloned().chain(of_image) {
            if mounts.has_target(&mount.target) {
                continue;
            }
            // Docker fills volumes for those that declare them alone.
            let mount = Mount { read_only: mount.read_only || read_only, volume_nocopy: true, ..mount };
            if mount.kind == MountKind::Volume && mount.source.is_none() {
                // What has no name was refused where it stands.
                let Some(name) = store.stack.name_of(&other.name) else { continue };
                shared(store, (&other.name, name), &mount, &path, mounts, report);
            } else {
                add(store, &mount, &path, mounts, report);
            }
        }
    }
}

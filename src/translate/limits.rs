//! What pods, and a namespace, can hold. What is beyond it is refused before anything is made of it: the API server takes no object as large as
//! its pods would be.

use std::collections::BTreeMap;

use crate::compose::model::{MountKind, Project, Service};
use crate::compose::path::Path;

use super::files;
use super::joins::modes;
use super::lending::lender;
use super::project::service_path;
use super::report::Report;

/// Files and directories that a service mounts: volumes, `tmpfs`, configs and secrets together.
pub const MAX_MOUNTS: usize = 1_000;
/// Variables of a service, those of its env files among them.
pub const MAX_VARIABLES: usize = 10_000;
/// Services that join the pod of one.
pub const MAX_GUESTS: usize = 50;
/// Packed files that services mount: one that several mount counts for each, since each of their pods lists it.
pub const MAX_MOUNTED_FILES: usize = 50_000;
/// Bytes of them, which count alike.
pub const MAX_MOUNTED_BYTES: usize = 64 << 20;
/// Aliases of all services: each becomes a Service.
pub const MAX_ALIASES: usize = 5_000;
/// Named volumes: each becomes a claim.
pub const MAX_VOLUMES: usize = 10_000;

/// Refuses services that no pod can be made of, and what is too much for all; whether there is none.
pub fn check(project: &Project, report: &mut Report) -> bool {
    let mut holds = whole(project, report);
    let mut guests: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, service) in &project.services {
        for (_, host) in modes(service) {
            let count = guests.entry(host).or_default();
            *count += 1;
            if *count == MAX_GUESTS + 1 {
                report.refuse("too-large", &service_path(key), format!("more than {MAX_GUESTS} services join one pod"));
                holds = false;
            }
        }
        let counts = [(mounts(service), MAX_MOUNTS, "mounts"), (variables(service), MAX_VARIABLES, "variables")];
        for (_, most, what) in counts.into_iter().filter(|(count, most, _)| count > most) {
            report.refuse("too-large", &service_path(key), format!("the service has more than {most} {what}: no pod can be made of it"));
            holds = false;
        }
    }
    holds
}

/// What all services have together.
fn whole(project: &Project, report: &mut Report) -> bool {
    let aliases = project.services.values().flat_map(|service| service.networks.values()).map(|network| network.aliases.len()).sum();
    let mut holds = true;
    for (count, most, what, path) in [
        (aliases, MAX_ALIASES, "aliases", Path::of(&["services"])),
        (project.volumes.len(), MAX_VOLUMES, "volumes", Path::of(&["volumes"])),
    ] {
        if count > most {
            report.refuse("too-large", &path, format!("the project has more than {most} {what}"));
            holds = false;
        }
    }
    if let Some((key, what)) = beyond_files(project) {
        report.refuse("too-large", &service_path(key).key("volumes"), format!("here the services mount more than {what} together"));
        holds = false;
    }
    holds
}

/// The service with which the files that services mount are too many or too large.
fn beyond_files(project: &Project) -> Option<(&String, String)> {
    let (mut count, mut bytes) = (0, 0);
    for (key, service) in &project.services {
        let lent = service.volumes_from.iter().filter_map(|entry| lender(project, entry)).flat_map(|other| &other.volumes);
        let binds =
            service.volumes.iter().chain(lent).filter(|mount| mount.kind == MountKind::Bind).filter_map(|mount| mount.source.as_deref());
        for (_, file) in binds.flat_map(|source| files::below(&project.files, source)) {
            count += 1;
            bytes += file.content.len();
            if count > MAX_MOUNTED_FILES {
                return Some((key, format!("{MAX_MOUNTED_FILES} files")));
            }
            if bytes > MAX_MOUNTED_BYTES {
                return Some((key, format!("{} MiB of files", MAX_MOUNTED_BYTES >> 20)));
            }
        }
    }
    None
}

fn mounts(service: &Service) -> usize {
    service.volumes.len() + service.tmpfs.len() + service.configs.len() + service.secrets.len()
}

fn variables(service: &Service) -> usize {
    let of_files: usize = service.env_files.iter().map(|file| file.variables.iter().flatten().count()).sum();
    service.environment.len() + of_files
}

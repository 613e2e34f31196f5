//! What a pod can hold. A service beyond it is refused before anything is made of it: the API server takes no object as large as its pods would
//! be.

use std::collections::BTreeMap;

use crate::compose::model::{Project, Service};

use super::joins::modes;
use super::project::service_path;
use super::report::Report;

/// Files and directories that a service mounts: volumes, `tmpfs`, configs and secrets together.
pub const MAX_MOUNTS: usize = 1_000;
/// Variables of a service, those of its env files among them.
pub const MAX_VARIABLES: usize = 10_000;
/// Services that join the pod of one.
pub const MAX_GUESTS: usize = 50;

/// Refuses services that no pod can be made of; whether there is none.
pub fn check(project: &Project, report: &mut Report) -> bool {
    let mut holds = true;
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

fn mounts(service: &Service) -> usize {
    service.volumes.len() + service.tmpfs.len() + service.configs.len() + service.secrets.len()
}

fn variables(service: &Service) -> usize {
    let of_files: usize = service.env_files.iter().map(|file| file.variables.iter().flatten().count()).sum();
    service.environment.len() + of_files
}

//! The init containers that prepare what no field of a pod can: hosts files, files with owners and modes, volumes with the image's content.
//!
//! Filling a volume takes the image's content. An image volume would show it, but not every container runtime that Kubernetes 1.35 runs on has
//! them; so the helper's binary, which is static, is copied beside and runs in the service's own image. That works with any image.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceRequirements, SecurityContext, VolumeMount,
};

use super::images;
use super::mounts::{Mounts, at, scratch};
use super::names;
use super::tasks::{HOSTS_FILE, HOSTS_VOLUME, HostsFile, INSTALLED, Owner, Task};

/// The binary, in its own image and where it is installed.
const BINARY: &str = "/compose-operator";
const INSTALLED_AT: &str = "/.compose-operator/bin";
/// Where the init containers see the pod's volumes, each under its name.
const VOLUMES_AT: &str = "/.compose-operator/volumes";
/// A user that is nobody in particular.
const NOBODY: i64 = 65532;
/// What root needs to give files away, and to get at those of others; pods have all of them by default.
const FILE_RIGHTS: [&str; 4] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];
/// The same, and what it needs to give programs the capabilities that they have in the image.
const IMAGE_RIGHTS: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"];

/// The init containers of a container's mounts, in the order in which they run. They reserve and may use what the container does.
pub fn containers(image: &str, main: &Container, mounts: &Mounts) -> Vec<Container> {
    let helper = Helper { image, main };
    let mut made = Vec::new();
    made.extend(mounts.hosts.as_ref().map(|file| helper.hosts(file)));
    made.extend(helper.files(&mounts.tasks));
    made.extend(helper.seed(&mounts.tasks));
    made
}

/// Adds the volumes that the init containers use and the container itself doesn't see.
pub fn volumes(mounts: &mut Mounts) {
    if mounts.tasks.iter().any(|task| matches!(task, Task::Seed { .. })) {
        mounts.volume(scratch(INSTALLED, false, None));
    }
}

struct Helper<'b> {
    image: &'b str,
    main: &'b Container,
}

impl Helper<'_> {
    fn hosts(&self, file: &HostsFile) -> Container {
        let directory = of_volume(HOSTS_VOLUME);
        let mut args = vec!["hosts".to_owned(), format!("--output={directory}/{HOSTS_FILE}")];
        args.extend(file.lines.iter().map(|(address, name)| format!("--line={address}={name}")));
        args.extend(file.own.iter().map(|name| format!("--own-name={name}")));
        args.extend(file.names.iter().flat_map(|(name, services)| services.iter().map(move |service| format!("--name={name}={service}"))));
        let field = ObjectFieldSelector { field_path: "status.podIPs".to_owned(), ..ObjectFieldSelector::default() };
        let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
        Container {
            env: Some(vec![EnvVar { name: "POD_IPS".to_owned(), value_from: Some(source), value: None }]),
            security_context: Some(rights(Some(NOBODY), Some(NOBODY), &[])),
            ..self.container("hosts", args, &[HOSTS_VOLUME])
        }
    }

    /// One container for each owner: it makes what shall be that owner's as that owner, and so needs no right to give it away.
    fn files(&self, tasks: &[Task]) -> Vec<Container> {
        let mut groups: BTreeMap<(Option<i64>, Option<i64>), Vec<&Task>> = BTreeMap::new();
        for task in tasks {
            let owner = match task {
                Task::Seed { .. } => continue,
                Task::File { owner, .. } | Task::Directory { owner, .. } => *owner,
                Task::Sync { .. } => Owner::default(),
            };
            groups.entry(self.owner(owner)).or_default().push(task);
        }
        let containers = groups.into_iter().enumerate().map(|(index, ((user, group), tasks))| {
            let mut args = vec!["files".to_owned()];
            let mut volumes = Vec::new();
            for task in &tasks {
                match task {
                    Task::Seed { .. } => {}
                    Task::File { from: (from, file), to: (to, path), mode, .. } => {
                        args.push(format!("--file={mode:o}:{}/{file}:{}/{path}", of_volume(from), of_volume(to)));
                        volumes.extend([from.as_str(), to]);
                    }
                    Task::Directory { volume, path, mode, .. } => {
                        args.push(format!("--directory={mode:o}:{}/{path}", of_volume(volume)));
                        volumes.push(volume);
                    }
                    Task::Sync { from, to } => {
                        args.push(format!("--sync={}:{}", of_volume(from), of_volume(to)));
                        volumes.extend([from.as_str(), to]);
                    }
                }
            }
            let name = if index == 0 { "files".to_owned() } else { format!("files-{}", index + 1) };
            let syncs = tasks.iter().any(|task| matches!(task, Task::Sync { .. }));
            Container {
                security_context: Some(rights(user, group, if syncs { &FILE_RIGHTS } else { &[] })),
                ..self.container(&name, args, &volumes)
            }
        });
        containers.collect()
    }

    fn seed(&self, tasks: &[Task]) -> Vec<Container> {
        let seeds = tasks.iter().filter_map(|task| match task {
            Task::Seed { volume, path } => Some((volume.as_str(), path)),
            _ => None,
        });
        let (volumes, args): (Vec<&str>, Vec<String>) =
            seeds.map(|(volume, path)| (volume, format!("{path}={}", of_volume(volume)))).unzip();
        if volumes.is_empty() {
            return Vec::new();
        }
        let install = Container {
            args: Some(["helper", "install", &of_volume(INSTALLED)].map(str::to_owned).to_vec()),
            security_context: Some(rights(Some(NOBODY), Some(NOBODY), &[])),
            ..self.container("install", Vec::new(), &[INSTALLED])
        };
        let (user, group) = self.owner(Owner::default());
        let own = self.container("seed", std::iter::once("seed".to_owned()).chain(args).collect(), &volumes);
        let installed = VolumeMount { read_only: Some(true), ..at(INSTALLED_AT, false, None) };
        let mounts = own.volume_mounts.into_iter().flatten().chain([VolumeMount { name: INSTALLED.to_owned(), ..installed }]);
        let seed = Container {
            image: self.main.image.clone(),
            image_pull_policy: self.main.image_pull_policy.clone(),
            command: Some(vec![format!("{INSTALLED_AT}{BINARY}")]),
            volume_mounts: Some(mounts.collect()),
            // The image's own may be one that this user can't enter.
            working_dir: Some("/".to_owned()),
            security_context: Some(SecurityContext { se_linux_options: self.selinux(), ..rights(user, group, &IMAGE_RIGHTS) }),
            ..own
        };
        vec![install, seed]
    }

    /// A container of the helper's image.
    fn container(&self, task: &str, args: Vec<String>, volumes: &[&str]) -> Container {
        let volumes: BTreeSet<&str> = volumes.iter().copied().collect();
        let mount = |name: &str| VolumeMount { name: name.to_owned(), ..at(&of_volume(name), false, None) };
        Container {
            name: names::helper_container(&self.main.name, task),
            image: Some(self.image.to_owned()),
            image_pull_policy: Some(if images::is_latest(self.image) { "Always" } else { "IfNotPresent" }.to_owned()),
            command: Some(vec![BINARY.to_owned()]),
            args: Some(std::iter::once("helper".to_owned()).chain(args).collect()),
            volume_mounts: Some(volumes.into_iter().map(mount).collect()),
            resources: self.main.resources.as_ref().map(without_devices),
            ..Container::default()
        }
    }

    /// User and group to run as, so that what is made belongs to this owner. Where the program isn't root, nothing in its pod is.
    fn owner(&self, owner: Owner) -> (Option<i64>, Option<i64>) {
        let main = self.main.security_context.clone().unwrap_or_default();
        let not_root = main.run_as_non_root == Some(true);
        let (own_user, own_group) = if not_root { (main.run_as_user, main.run_as_group) } else { (Some(0), Some(0)) };
        match (owner.user.filter(|user| *user != 0 || !not_root), owner.group) {
            (Some(user), group) => (Some(i64::from(user)), Some(i64::from(group.unwrap_or(0)))),
            (None, Some(group)) => (own_user, Some(i64::from(group))),
            (None, None) => (own_user, own_group),
        }
    }

    fn selinux(&self) -> Option<k8s_openapi::api::core::v1::SELinuxOptions> {
        self.main.security_context.as_ref()?.se_linux_options.clone()
    }
}

/// The rights of a helper: none, but those that root needs to deal with files of others.
fn rights(user: Option<i64>, group: Option<i64>, of_root: &[&str]) -> SecurityContext {
    let root = user == Some(0);
    let add = (root && !of_root.is_empty()).then(|| of_root.iter().map(|name| (*name).to_owned()).collect());
    SecurityContext {
        run_as_user: user,
        run_as_group: group,
        run_as_non_root: (!root).then_some(true),
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { add, drop: Some(vec!["ALL".to_owned()]) }),
        ..SecurityContext::default()
    }
}

fn without_devices(resources: &ResourceRequirements) -> ResourceRequirements {
    let only = |quantities: &BTreeMap<String, _>| {
        let kept = quantities.iter().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage"));
        kept.map(|(name, quantity): (&String, &k8s_openapi::apimachinery::pkg::api::resource::Quantity)| (name.clone(), quantity.clone()))
            .collect()
    };
    ResourceRequirements {
        limits: resources.limits.as_ref().map(only).filter(|limits: &BTreeMap<_, _>| !limits.is_empty()),
        requests: resources.requests.as_ref().map(only),
        claims: None,
    }
}

fn of_volume(name: &str) -> String {
    format!("{VOLUMES_AT}/{name}")
}

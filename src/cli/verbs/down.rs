//! `kubectl compose down`: the stack and all that it became; its volumes where that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::process::ExitCode;

use clap::Args;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use kube::api::ObjectMeta;

use crate::api::{ComposeStack, keys};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cluster::client::Class;
use crate::cluster::session::{Inventory, PROCESSES};

use super::progress::line;
use super::settle::{End, Hurry};

/// How often a claim is tried to delete that changes meanwhile.
const ATTEMPTS: usize = 5;

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Refused: a service goes by leaving the file, or is stopped.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Accepted: what left the file has gone already.
    #[arg(long)]
    pub remove_orphans: bool,
    /// Refused: images are the nodes' own.
    #[arg(long, value_name = "WHICH")]
    pub rmi: Option<String>,
    /// Seconds that the cluster is asked to give containers to end; default is their stop_grace_period.
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    /// Delete the stack's volumes, with all that is in them.
    #[arg(short, long, alias = "volume")]
    pub volumes: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

impl Flags {
    fn check(&self) -> Result<(), Error> {
        if self.rmi.is_some() {
            return Err(Error::Flag { flag: "rmi", why: "images are on the nodes, which remove by themselves what they no longer need" });
        }
        if self.service.is_empty() { Ok(()) } else { Err(Error::PartOfDown) }
    }
}

/// Deletes the stack, and waits until all of it has gone.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    flags.check()?;
    let target = Target::of(global, &flags.cluster, around).await?;
    tokio::select! {
        ended = down(&target, flags) => ended.map(|()| ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => End::Interrupted.code(),
    }
}

/// The same for a stack that is known.
///
/// # Errors
/// Where the cluster refuses.
pub async fn down(target: &Target, flags: &Flags) -> Result<(), Error> {
    let stack = target.session.stack(&target.name).await?;
    if stack.is_none() {
        output::say(format!("Warning: No resource found to remove for project {:?}: {}", target.name, target.absent()));
    }
    if let Some(stack) = stack {
        remove(target, &stack, flags.timeout).await?;
    }
    if flags.volumes { remove_volumes(target).await } else { Ok(()) }
}

async fn remove(target: &Target, stack: &ComposeStack, grace: Option<u32>) -> Result<(), Error> {
    let session = &target.session;
    let mut objects = session.objects_of(&target.name);
    let mut hurry = Hurry::new(session, &target.name, grace);
    let uid = stack.metadata.uid.as_deref().unwrap_or_default();
    // Those that a call which was cut short has left without an owner.
    let beside = [session.made_for::<Secret>(&target.name).await?, session.made_for::<ConfigMap>(&target.name).await?];
    session.delete_stack(&target.name, uid).await?;
    let [secrets, config_maps] =
        beside.map(|made| made.into_iter().filter(|meta| meta.owner_references.as_ref().is_none_or(Vec::is_empty)));
    for secret in secrets {
        session.remove::<Secret>(&secret).await?;
    }
    for config_map in config_maps {
        session.remove::<ConfigMap>(&config_map).await?;
    }
    let services = stack.status.iter().flat_map(|status| &status.services).map(|service| service.name.clone()).collect();
    let mut left = Left { uid, services, told: BTreeSet::new() };
    let all = async {
        gone(&mut objects, &mut left).await?;
        stack_gone(target, uid).await
    };
    tokio::select! {
        gone = all => gone?,
        hurried = hurry.on() => match hurried? {},
    }
    output::say(line("Stack", &target.name, "Removed"));
    Ok(())
}

/// Waits until nothing is left, and tells of each service that has gone.
async fn gone(objects: &mut Inventory, left: &mut Left<'_>) -> Result<(), Error> {
    loop {
        if objects.is_complete() {
            left.news(objects.all()).iter().for_each(output::say);
            if !objects.all().any(|(kind, meta)| left.is_ours(kind, meta)) {
                return Ok(());
            }
        }
        objects.changed().await?;
    }
}

/// Waits until the stack itself has gone, which somebody's finalizer may hold.
async fn stack_gone(target: &Target, uid: &str) -> Result<(), Error> {
    let mut stacks = pin!(target.session.follow_stack(&target.name));
    while let Some(seen) = stacks.next().await {
        if seen?.is_none_or(|seen| seen.metadata.uid.as_deref() != Some(uid)) {
            break;
        }
    }
    Ok(())
}

/// What is left of a stack.
struct Left<'a> {
    uid: &'a str,
    services: BTreeSet<String>,
    told: BTreeSet<String>,
}

impl Left<'_> {
    /// Pods, and what makes them of a workload, name the stack by their label alone.
    fn is_ours(&self, kind: &str, meta: &ObjectMeta) -> bool {
        matches!(kind, "Pod" | "ReplicaSet") || meta.owner_references.iter().flatten().any(|owner| owner.uid == self.uid)
    }

    /// A line for each service of which no process is left.
    fn news<'o>(&mut self, objects: impl Iterator<Item = (&'o str, &'o ObjectMeta)>) -> Vec<String> {
        let processes = objects.filter(|(kind, meta)| PROCESSES.contains(kind) && self.is_ours(kind, meta));
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, meta) in processes {
            // Of a pod that several services share all are there.
            let of = |map: &'o Option<BTreeMap<String, String>>, key: &str| map.as_ref().and_then(|map| map.get(key)).map(String::as_str);
            let shared =
                of(&meta.annotations, keys::CONTAINERS).and_then(|known| serde_json::from_str::<BTreeMap<String, &str>>(known).ok());
            let names = [of(&meta.annotations, keys::SERVICE), of(&meta.labels, keys::COMPOSE_SERVICE)].into_iter().flatten();
            names
                .chain(shared.into_iter().flatten().map(|(_, service)| service))
                .for_each(|service| *there.entry(service).or_default() += 1);
        }
        let gone: Vec<String> =
            self.services.iter().filter(|name| !there.contains_key(name.as_str()) && !self.told.contains(*name)).cloned().collect();
        self.told.extend(gone.iter().cloned());
        gone.iter().map(|service| line("Service", service, "Removed")).collect()
    }
}

/// Deletes the claims that say that they are this stack's, and no other.
async fn remove_volumes(target: &Target) -> Result<(), Error> {
    let session = &target.session;
    let mut claims = session.claims_of(&target.name);
    let is_ours = |meta: &ObjectMeta| {
        let annotation = |key: &str| meta.annotations.as_ref().and_then(|annotations| annotations.get(key));
        annotation(keys::STACK) == Some(&target.name) && annotation(keys::VOLUME).is_some()
    };
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    let mut there: BTreeSet<String> = BTreeSet::new();
    loop {
        if claims.is_complete() {
            let ours: Vec<&ObjectMeta> = claims.all().map(|(_, meta)| meta).filter(|meta| is_ours(meta)).collect();
            let names: BTreeSet<String> = ours.iter().filter_map(|meta| meta.name.clone()).collect();
            there.difference(&names).for_each(|name| output::say(line("Volume", name, "Removed")));
            if names.is_empty() {
                return Ok(());
            }
            there = names;
            for claim in ours.into_iter().filter(|claim| claim.deletion_timestamp.is_none()) {
                let attempts = attempts.entry(claim.uid.clone().unwrap_or_default()).or_default();
                *attempts += 1;
                match session.remove::<PersistentVolumeClaim>(claim).await {
                    // It has changed, and comes again as it is now.
                    Err(error) if error.class() == Class::Conflict && *attempts < ATTEMPTS => {}
                    result => result?,
                }
            }
        }
        claims.changed().await?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_service_has_gone_with_the_last_of_its_processes() {
        let object = |kind: &'static str, meta: Value| -> (&'static str, ObjectMeta) { (kind, serde_json::from_value(meta).unwrap()) };
        let owners = json!([{"apiVersion": "v1", "kind": "ComposeStack", "name": "shop", "uid": "u1"}]);
        let label = |service: &str| json!({"com.docker.compose.service": service});
        let web = object("Deployment", json!({"name": "web", "labels": label("web"), "ownerReferences": owners}));
        let service = object("Service", json!({"name": "web", "labels": label("web"), "ownerReferences": owners}));
        let pod = object("Pod", json!({"name": "web-1", "annotations": {"compose-operator.dev/service": "web"}}));
        let other = object("Deployment", json!({"name": "db", "labels": label("db")}));
        let mut left = Left { uid: "u1", services: ["web", "db"].map(str::to_owned).into(), told: BTreeSet::new() };
        let mut news = |objects: &[&(&'static str, ObjectMeta)]| left.news(objects.iter().map(|(kind, meta)| (*kind, meta)));
        assert_eq!(news(&[&web, &service, &pod, &other]), [" Service db  Removed"]);
        assert_eq!(news(&[&service, &pod]), [""; 0]);
        assert_eq!(news(&[&service]), [" Service web  Removed"]);
        assert_eq!(news(&[]), [""; 0]);
        assert!(left.is_ours("Pod", &pod.1) && left.is_ours("Service", &service.1) && !left.is_ours("Deployment", &other.1));
    }
}

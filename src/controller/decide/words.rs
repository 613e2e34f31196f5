//! Why a service isn't there, in words, from its pods. Counts and times that tick are left out: a message changes only when the reason does.

use super::progress::{current, main_container};
use super::template::pod_spec;
use super::view::Scene;
use crate::cluster::view::{ContainerView, EndedBy, WorkloadView};
use crate::translate::{Key, Kind, PreStart, ServicePlan};

/// Start of every message about an image that can't be pulled.
const PULL: &str = "can't be pulled";

/// The most telling reason of all pods of the newest template, or of what they need.
pub(super) fn reason(scene: &Scene, plan: &ServicePlan, problem: Option<&str>) -> Option<String> {
    let before = scene.recorded_service(&plan.name).and_then(|s| s.message.as_deref());
    let mut reasons: Vec<(u8, String)> = Vec::new();
    for pod in current(plan, scene.pods(&plan.pod)) {
        let main = main_container(plan, pod);
        // Of a pod that several services share, the own container tells.
        let ready = if plan.mates.is_empty() { pod.ready } else { main.is_some_and(|c| c.ready) };
        // What the node has ended says nothing by how its containers ended.
        for container in pod.containers.iter().filter(|c| pod.ended.is_none() && !plan.mates.contains(&c.name)) {
            let image = image(scene, &plan.workload, &container.name).unwrap_or(&plan.image);
            reasons.extend(of_container(image, container, ready, before));
        }
        if let Some(message) = &pod.unschedulable {
            reasons.push((2, claim(scene, plan).unwrap_or_else(|| format!("no node takes its pod: {message}"))));
        }
        if !ready && main.is_some_and(|c| c.started) {
            reasons.push((4, "it runs but isn't ready: its healthcheck does not succeed".to_owned()));
        }
    }
    // Pods that the node has ended stay there for a while: they tell nothing when another one is well.
    let current = || current(plan, scene.pods(&plan.pod));
    if !current().any(|p| p.ready) {
        reasons.extend(current().filter_map(|p| p.ended.as_ref()).map(|why| (2, format!("its pod was ended by the node: {why}"))));
    }
    let own = reasons.into_iter().min();
    let stuck = || problem.map(|p| (3, p.to_owned()));
    let found = match own {
        Some((rank, text)) if rank < 3 => Some(text),
        other => stuck().or(other).map(|(_, text)| text),
    };
    found.or_else(|| claim(scene, plan))
}

/// Why the steps that run once before a service have not completed.
pub(super) fn of_steps(scene: &Scene, plan: &ServicePlan, steps: &PreStart) -> Option<String> {
    let before = scene.recorded_service(&plan.name).and_then(|s| s.message.as_deref());
    let pods = scene.pods(&steps.pod).iter().filter(|p| !p.deleting && p.inputs.as_deref() == Some(&steps.inputs));
    let mut reasons: Vec<(u8, String)> = Vec::new();
    for pod in pods {
        for container in &pod.containers {
            let image = image(scene, &steps.workload, &container.name).unwrap_or(&plan.image);
            match container.exit_code {
                Some(code) if code != 0 => reasons.push((1, format!("{} ends with exit code {code}", container.name))),
                _ => reasons.extend(of_container(image, container, false, before)),
            }
        }
        if let Some(message) = &pod.unschedulable {
            reasons.push((2, format!("no node takes their pod: {message}")));
        }
    }
    reasons.into_iter().min().map(|(_, text)| text)
}

/// The image of a container of a wanted workload.
fn image<'a>(scene: &Scene<'a>, workload: &Key, container: &str) -> Option<&'a str> {
    let pod = scene.desired.objects.get(workload).and_then(pod_spec)?;
    let mut containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
    containers.find(|c| c.name == container)?.image.as_deref()
}

fn of_container(image: &str, container: &ContainerView, ready: bool, before: Option<&str>) -> Option<(u8, String)> {
    let waiting = container.waiting.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str()));
    match waiting {
        Some(("ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" | "RegistryUnavailable", message)) => {
            Some((0, pull(image, message, before)))
        }
        Some(("CreateContainerConfigError" | "CreateContainerError", message)) => {
            Some((0, format!("its container can't be made: {message}")))
        }
        Some(("RunContainerError", message)) => Some((0, not_started(message))),
        _ => match container.exit_code {
            Some(code) if code != 0 && (waiting.is_some() || !container.started || !ready) => Some((1, end(container, code))),
            Some(0) if waiting.is_some_and(|(reason, _)| reason == "CrashLoopBackOff") => {
                Some((1, "its container ends with exit code 0 and is started again and again".to_owned()))
            }
            _ => None,
        },
    }
}

/// How a container ends that is started again and again.
fn end(container: &ContainerView, code: i32) -> String {
    match &container.ended_by {
        Some(EndedBy::OutOfMemory) => {
            format!("its container takes more memory than its limit (OOMKilled, exit code {code}) and is started again and again")
        }
        Some(EndedBy::NotStarted(message)) => not_started(message),
        None if container.ended => format!("its container has ended with exit code {code}"),
        None => format!("its container ends with exit code {code} and is started again and again"),
    }
}

fn not_started(message: &str) -> String {
    format!("its container can't be started: {message}")
}

/// Kubelets alternate between the registry's words and a back-off that may not repeat them: what was said before stays then.
fn pull(image: &str, message: &str, before: Option<&str>) -> String {
    let message =
        message.strip_prefix("Back-off pulling image ").map_or(message, |rest| rest.split_once(": ").map_or("", |(_, words)| words));
    let message = message.strip_prefix("ErrImagePull: ").unwrap_or(message);
    let start = format!("the image {image} {PULL}");
    if !message.is_empty() {
        return format!("{start}: {message}");
    }
    let said = before.and_then(|b| b.find(&start).map(|at| b[at..].to_owned()));
    said.unwrap_or(start)
}

/// A claim of the pod that has no volume yet.
fn claim(scene: &Scene, plan: &ServicePlan) -> Option<String> {
    let pod = scene.desired.objects.get(&plan.workload).and_then(pod_spec)?;
    let names = pod.volumes.iter().flatten().filter_map(|v| v.persistent_volume_claim.as_ref()).map(|c| c.claim_name.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.into_iter().find_map(|name| match &scene.get(&Key::new(Kind::PersistentVolumeClaim, name))?.object.state {
        WorkloadView::Claim { phase, .. } if phase == "Lost" => Some(format!("the volume of claim {name} is lost")),
        WorkloadView::Claim { phase, .. } if phase != "Bound" => Some(format!("its volume claim {name} is not bound to a volume yet")),
        _ => None,
    })
}

/// The exit code, other than 0, of the last end of a container.
pub(super) fn exit_code(scene: &Scene, plan: &ServicePlan) -> Option<i32> {
    let pods = current(plan, scene.pods(&plan.pod));
    pods.filter_map(|p| main_container(plan, p)?.exit_code).filter(|code| *code != 0).min()
}

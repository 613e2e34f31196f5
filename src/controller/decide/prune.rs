use super::acts::Acts;
use super::services::Assessed;
use super::view::Scene;
use super::writes::delete;
use crate::translate::{Key, Kind};

/// Deletes what is ours and left the file; gives what still stands of it. Claims are never among it.
pub(super) fn plan<'a>(scene: &Scene<'a>, services: &[Assessed], acts: &mut Acts) -> Vec<&'a Key> {
    let mut left = Vec::new();
    let in_use = is_older_in_use(scene, services);
    for (key, seen) in scene.all() {
        let ours = scene.is_ours(&seen) && seen.read.is_none() || scene.bugs.prune_by_label;
        if !ours || key.kind == Kind::PersistentVolumeClaim || scene.desired.objects.contains_key(key) || is_predecessor(scene, key) {
            continue;
        }
        left.push(key);
        let holds = in_use && matches!(key.kind, Kind::ConfigMap | Kind::Secret | Kind::NetworkPolicy);
        if !seen.deleting && !holds {
            acts.push(delete(key, seen.object));
        }
    }
    left
}

/// A workload of an active service under another name or of another kind: its successor's turn decides about it.
fn is_predecessor(scene: &Scene, key: &Key) -> bool {
    let service = scene.get(key).and_then(|s| s.object.service.as_deref());
    key.kind.is_workload() && scene.desired.services.iter().any(|s| Some(s.object_name.as_str()) == service)
}

/// Whether pods of older templates may run: they may still name older ConfigMaps and Secrets, and must stay behind older policies.
fn is_older_in_use(scene: &Scene, services: &[Assessed]) -> bool {
    let wanted = |key: &Key| scene.desired.objects.contains_key(key);
    let workloads = scene.ours().any(|(key, _)| key.kind.is_workload() && !wanted(key));
    let pods = scene.input.live.pods.iter().any(|(service, pods)| {
        let of_service = scene.desired.services.iter().find(|s| s.object_name == *service && !s.is_guest()).map(|s| s.inputs.as_str());
        let of_steps = || {
            let steps = scene.desired.services.iter().filter_map(|s| s.pre_start.as_ref());
            steps.into_iter().find(|steps| steps.pod == *service).map(|steps| steps.inputs.as_str())
        };
        let wanted = of_service.or_else(of_steps);
        let runs = pods.iter().filter(|p| !matches!(p.phase.as_str(), "Succeeded" | "Failed"));
        runs.into_iter().any(|p| p.inputs.is_some() && p.inputs.as_deref() != wanted)
    });
    workloads || pods || services.iter().any(|s| s.moving)
}

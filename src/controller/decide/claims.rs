//! Claims that exist: their size may grow, and nothing else of what they ask for can be changed.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::observed::{LiveObject, Observed};
use super::view::Scene;
use crate::api::{StackWarning, keys};
use crate::cluster::view::{ClaimSpec, WorkloadView};
use crate::translate::{Key, Kind, Object};

const STORAGE: &str = "storage";

/// A claim of one replica of a StatefulSet, whose controller made it of a template and never looks at it again.
pub(super) struct OfReplica<'a> {
    pub key: &'a Key,
    pub live: &'a LiveObject,
    /// What the claim's name would be but for the replica's number: the volume's and the StatefulSet's.
    of: String,
    template: &'a PersistentVolumeClaim,
}

impl OfReplica<'_> {
    /// The claim as its template has it now, where that is not what it was made or last changed by.
    pub fn changed(&self) -> Option<Object> {
        let wanted = self.template.metadata.annotations.as_ref()?.get(keys::INPUTS)?;
        let requests = self.template.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
        let changed = match (&self.live.inputs, &self.live.state) {
            // What has no volume yet can't grow.
            (_, WorkloadView::Claim { phase, .. }) if phase != "Bound" => false,
            (Some(inputs), _) => inputs != wanted,
            // Nothing tells what it was made by.
            (None, WorkloadView::Claim { spec, .. }) => exceeds(requests, spec),
            (None, _) => false,
        };
        changed.then(|| {
            let mut claim = PersistentVolumeClaim { metadata: self.template.metadata.clone(), ..PersistentVolumeClaim::default() };
            claim.metadata.name = Some(self.key.name.clone());
            // All else of a claim was the controller's to write, and stays.
            let resources = self.template.spec.as_ref().and_then(|spec| spec.resources.clone());
            claim.spec = Some(PersistentVolumeClaimSpec { resources, ..PersistentVolumeClaimSpec::default() });
            Object::PersistentVolumeClaim(Box::new(claim))
        })
    }
}

/// The claims of replicas, those that are scaled down among them: each takes up its claim again when it comes back.
pub(super) fn of_replicas<'a>(scene: &Scene<'a>) -> Vec<OfReplica<'a>> {
    let sets = scene.desired.objects.values().filter_map(|object| match object {
        Object::StatefulSet(set) => Some((set.metadata.name.as_deref()?, set.spec.as_ref()?.volume_claim_templates.as_deref()?)),
        _ => None,
    });
    let templates: BTreeMap<String, &PersistentVolumeClaim> = sets
        .flat_map(|(set, templates)| {
            templates.iter().map(move |template| (format!("{}-{set}", template.metadata.name.as_deref().unwrap_or_default()), template))
        })
        .collect();
    if templates.is_empty() {
        return Vec::new();
    }
    let claims = scene.ours().filter(|(key, seen)| {
        key.kind == Kind::PersistentVolumeClaim && !seen.deleting && seen.read.is_none() && !scene.desired.objects.contains_key(key)
    });
    let of_replica = claims.filter_map(|(key, seen)| {
        let (of, number) = key.name.rsplit_once('-').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        let template = templates.get(of).filter(|_| !number.is_empty())?;
        Some(OfReplica { key, live: seen.object, of: of.to_owned(), template })
    });
    of_replica.collect()
}

/// Leaves of a claim what can't be changed as it is.
pub(super) fn keep(claim: &mut PersistentVolumeClaim, live: &ClaimSpec) {
    let Some(spec) = &mut claim.spec else { return };
    spec.access_modes = Some(live.access_modes.clone());
    spec.storage_class_name.clone_from(&live.storage_class);
    let requests = spec.resources.get_or_insert_default().requests.get_or_insert_default();
    if shrinks(requests, live) {
        requests.extend(live.size.clone().map(|size| (STORAGE.to_owned(), Quantity(size))));
    }
}

/// What is told of claims that stay other than the stack wants them.
pub(super) fn warnings(scene: &Scene) -> Vec<StackWarning> {
    let claims = scene.desired.objects.iter().filter_map(|(key, object)| match object {
        Object::PersistentVolumeClaim(claim) => Some((scene.get(key)?, claim)),
        _ => None,
    });
    let ours = claims.filter(|(seen, _)| seen.object.whose == Observed::Ours && seen.read.is_none());
    let told = ours.filter_map(|(seen, claim)| match &seen.object.state {
        WorkloadView::Claim { spec, .. } => warning(claim, claim.metadata.name.as_deref().unwrap_or_default(), &stays(claim, spec)),
        _ => None,
    });
    told.chain(of_replicas_that_stay(scene)).collect()
}

/// Of the replicas of one StatefulSet, those are told together of which the same is to be said.
fn of_replicas_that_stay(scene: &Scene) -> Vec<StackWarning> {
    let mut told: BTreeMap<(String, Vec<String>), (&PersistentVolumeClaim, &str, usize)> = BTreeMap::new();
    for claim in of_replicas(scene) {
        if let WorkloadView::Claim { spec, .. } = &claim.live.state {
            let stays = stays(claim.template, spec);
            told.entry((claim.of, stays)).or_insert((claim.template, &claim.key.name, 0)).2 += 1;
        }
    }
    let warnings = told.iter().filter_map(|((_, stays), (template, first, count))| {
        let names = if *count > 1 { format!("{first} (and {} more of other replicas)", count - 1) } else { (*first).to_owned() };
        warning(template, &names, stays)
    });
    warnings.collect()
}

/// What of a claim can't become what is wanted, in words.
fn stays(claim: &PersistentVolumeClaim, live: &ClaimSpec) -> Vec<String> {
    let Some(spec) = &claim.spec else { return Vec::new() };
    let mut stays = Vec::new();
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    if let Some((requests, size)) = requests.zip(live.size.as_ref()).filter(|(requests, _)| shrinks(requests, live)) {
        stays.push(format!("its size stays {size}: {} would be less", requests[STORAGE].0));
    }
    if let Some(class) = spec.storage_class_name.as_ref().filter(|class| Some(*class) != live.storage_class.as_ref()) {
        stays.push(format!("its storage class stays {:?}, not {class:?}", live.storage_class.as_deref().unwrap_or_default()));
    }
    if let Some(modes) = spec.access_modes.as_ref().filter(|modes| !live.access_modes.is_empty() && **modes != live.access_modes) {
        stays.push(format!("its access mode stays {}, not {}", live.access_modes.join(", "), modes.join(", ")));
    }
    stays
}

fn warning(claim: &PersistentVolumeClaim, name: &str, stays: &[String]) -> Option<StackWarning> {
    let volume = claim.metadata.annotations.as_ref().and_then(|annotations| annotations.get(keys::VOLUME));
    (!stays.is_empty()).then(|| StackWarning {
        code: "claim-stays".to_owned(),
        path: volume.map_or_else(|| name.to_owned(), |volume| format!("volumes.{volume}")),
        position: None,
        message: format!("the claim {name} exists already: {}", stays.join("; ")),
    })
}

fn shrinks(requests: &BTreeMap<String, Quantity>, live: &ClaimSpec) -> bool {
    sizes(requests, live).is_some_and(|(wanted, live)| wanted < live)
}

fn exceeds(requests: &BTreeMap<String, Quantity>, live: &ClaimSpec) -> bool {
    sizes(requests, live).is_some_and(|(wanted, live)| wanted > live)
}

fn sizes(requests: &BTreeMap<String, Quantity>, live: &ClaimSpec) -> Option<(f64, f64)> {
    let wanted = requests.get(STORAGE).and_then(|size| bytes(&size.0));
    wanted.zip(live.size.as_deref().and_then(bytes))
}

/// A Kubernetes quantity as a number, as exact as sizes need.
fn bytes(quantity: &str) -> Option<f64> {
    let end = quantity.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(end);
    let factor = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        exponent => return exponent.starts_with(['e', 'E']).then(|| quantity.parse().ok())?,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{PersistentVolumeClaimSpec, VolumeResourceRequirements};

    use super::*;

    fn claim(size: &str, class: Option<&str>, mode: &str) -> PersistentVolumeClaim {
        let requests = BTreeMap::from([(STORAGE.to_owned(), Quantity(size.to_owned()))]);
        let spec = PersistentVolumeClaimSpec {
            access_modes: Some(vec![mode.to_owned()]),
            storage_class_name: class.map(str::to_owned),
            resources: Some(VolumeResourceRequirements { requests: Some(requests), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        };
        PersistentVolumeClaim { spec: Some(spec), ..PersistentVolumeClaim::default() }
    }

    fn live() -> ClaimSpec {
        ClaimSpec {
            size: Some("1Gi".to_owned()),
            storage_class: Some("standard".to_owned()),
            access_modes: vec!["ReadWriteOnce".to_owned()],
        }
    }

    #[track_caller]
    fn check(wanted: PersistentVolumeClaim, size: &str, told: Option<&str>) {
        let warning = warning(&wanted, "", &stays(&wanted, &live())).map(|warning| warning.message);
        assert_eq!(warning.as_deref(), told.map(|told| format!("the claim  exists already: {told}")).as_deref());
        let mut claim = wanted;
        keep(&mut claim, &live());
        let spec = claim.spec.unwrap_or_default();
        assert_eq!(spec.resources.and_then(|resources| resources.requests).unwrap_or_default()[STORAGE].0, size);
        assert_eq!(spec.storage_class_name.as_deref(), Some("standard"));
        assert_eq!(spec.access_modes.unwrap_or_default(), ["ReadWriteOnce"]);
    }

    #[test]
    fn sizes_grow_and_all_else_stays() {
        check(claim("2Gi", None, "ReadWriteOnce"), "2Gi", None);
        check(claim("1Gi", None, "ReadWriteOnce"), "1Gi", None);
        check(claim("512Mi", None, "ReadWriteOnce"), "1Gi", Some("its size stays 1Gi: 512Mi would be less"));
        check(claim("1Gi", Some("fast"), "ReadWriteOnce"), "1Gi", Some("its storage class stays \"standard\", not \"fast\""));
        check(claim("1Gi", Some("standard"), "ReadWriteMany"), "1Gi", Some("its access mode stays ReadWriteOnce, not ReadWriteMany"));
    }

    #[test]
    fn sizes_are_compared_as_numbers() {
        for (one, other) in [("1Gi", "1024Mi"), ("1G", "1000M"), ("1e9", "1G"), ("1500m", "1.5"), ("1E", "1000P")] {
            assert_eq!(bytes(one), bytes(other), "{one}");
        }
        assert_eq!((bytes("x"), bytes("1Zi"), bytes("")), (None, None, None));
    }
}

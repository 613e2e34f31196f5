use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Service,
    ServicePort, ServiceSpec, Volume, VolumeResourceRequirements,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

use crate::api::keys;
use crate::translate::{Kind, Object, PreStart, ServicePlan};

fn meta(name: &str, service: Option<&str>, inputs: &str) -> ObjectMeta {
    let annotations = BTreeMap::from([(keys::INPUTS.to_owned(), inputs.to_owned())]);
    let labels = service.map(|s| BTreeMap::from([(keys::SERVICE.to_owned(), s.to_owned())]));
    ObjectMeta { name: Some(name.to_owned()), annotations: Some(annotations), labels, ..ObjectMeta::default() }
}

/// The workload of a plan; it mounts the claim `shop-<name>`.
pub fn workload(plan: &ServicePlan) -> Object {
    let metadata = meta(&plan.workload.name, Some(&plan.object_name), &plan.inputs);
    let source =
        PersistentVolumeClaimVolumeSource { claim_name: format!("shop-{}", plan.name), ..PersistentVolumeClaimVolumeSource::default() };
    let volume = Volume { name: "data".to_owned(), persistent_volume_claim: Some(source), ..Volume::default() };
    let template =
        PodTemplateSpec { spec: Some(PodSpec { volumes: Some(vec![volume]), ..PodSpec::default() }), ..PodTemplateSpec::default() };
    match plan.kind() {
        Kind::Job => Object::Job(Box::new(Job { metadata, spec: Some(JobSpec { template, ..JobSpec::default() }), ..Job::default() })),
        Kind::DaemonSet => {
            let spec = DaemonSetSpec { template, ..DaemonSetSpec::default() };
            Object::DaemonSet(Box::new(DaemonSet { metadata, spec: Some(spec), ..DaemonSet::default() }))
        }
        Kind::StatefulSet => {
            let spec = StatefulSetSpec { template, replicas: Some(plan.replicas), ..StatefulSetSpec::default() };
            Object::StatefulSet(Box::new(StatefulSet { metadata, spec: Some(spec), ..StatefulSet::default() }))
        }
        Kind::CronJob => {
            let job_template = JobTemplateSpec { spec: Some(JobSpec { template, ..JobSpec::default() }), ..JobTemplateSpec::default() };
            let spec = CronJobSpec { job_template, ..CronJobSpec::default() };
            Object::CronJob(Box::new(CronJob { metadata, spec: Some(spec), ..CronJob::default() }))
        }
        _ => {
            let spec = DeploymentSpec { template, replicas: Some(plan.replicas), ..DeploymentSpec::default() };
            Object::Deployment(Box::new(Deployment { metadata, spec: Some(spec), ..Deployment::default() }))
        }
    }
}

pub fn template(object: &Object) -> Option<&PodTemplateSpec> {
    match object {
        Object::Deployment(o) => Some(&o.spec.as_ref()?.template),
        Object::DaemonSet(o) => Some(&o.spec.as_ref()?.template),
        Object::Job(o) => Some(&o.spec.as_ref()?.template),
        Object::StatefulSet(o) => Some(&o.spec.as_ref()?.template),
        Object::CronJob(o) => Some(&o.spec.as_ref()?.job_template.spec.as_ref()?.template),
        _ => None,
    }
}

/// A Service; without an address it is headless.
pub fn service(name: &str, inputs: &str, address: Option<&str>) -> Object {
    let ports = address.map(|_| vec![ServicePort { port: 80, ..ServicePort::default() }]);
    let spec = ServiceSpec { cluster_ip: address.is_none().then(|| "None".to_owned()), ports, ..ServiceSpec::default() };
    Object::Service(Box::new(Service { metadata: meta(name, Some(name), inputs), spec: Some(spec), ..Service::default() }))
}

pub fn config(name: &str) -> Object {
    Object::ConfigMap(Box::new(ConfigMap { metadata: meta(name, None, "content"), ..ConfigMap::default() }))
}

pub fn claim(name: &str) -> Object {
    Object::PersistentVolumeClaim(Box::new(PersistentVolumeClaim {
        metadata: meta(name, None, "claim"),
        ..PersistentVolumeClaim::default()
    }))
}

/// The claim of a volume, at inputs that tell its size.
pub fn sized_claim(name: &str, size: &str) -> PersistentVolumeClaim {
    let requests = BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))]);
    let resources = VolumeResourceRequirements { requests: Some(requests), limits: None };
    let mut metadata = meta(name, None, size);
    metadata.annotations.get_or_insert_default().insert(keys::VOLUME.to_owned(), "data".to_owned());
    let spec = PersistentVolumeClaimSpec { resources: Some(resources), ..PersistentVolumeClaimSpec::default() };
    PersistentVolumeClaim { metadata, spec: Some(spec), ..PersistentVolumeClaim::default() }
}

pub fn policy(name: &str) -> Object {
    Object::NetworkPolicy(Box::new(NetworkPolicy { metadata: meta(name, None, "policy"), ..NetworkPolicy::default() }))
}

/// The Job of the steps that run once before a service.
pub fn job_of_steps(steps: &PreStart) -> Object {
    let metadata = meta(&steps.workload.name, Some(&steps.pod), &steps.inputs);
    Object::Job(Box::new(Job { metadata, spec: Some(JobSpec::default()), ..Job::default() }))
}

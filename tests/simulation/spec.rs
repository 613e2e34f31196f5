//! What a user wants, in the few words that matter to `decide`, and the `Desired` that translation would make of it.

use std::collections::BTreeMap;

use compose_operator::api::keys;
use compose_operator::compose::model::{DependencyCondition, FailureAction};
use compose_operator::translate::{Desired, External, ExternalKind, Gate, Key, Kind, Lifetime, Object, OnFailure, ServicePlan};
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Service,
    ServicePort, ServiceSpec, Volume,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ObjectMeta;

use super::rng::Rng;

pub const STACK: &str = "shop";
/// Replicas that every autoscaler keeps to.
pub const BOUNDS: (i32, i32) = (2, 4);
/// Those that an autoscaler of others keeps to, and how its name begins; that of its target follows.
pub const BOUNDS_OF_OTHERS: (i32, i32) = (2, 2);
pub const OF_OTHERS: &str = "theirs-";
/// Only ever depends on services before it.
pub const NAMES: [&str; 5] = ["db", "init", "cache", "app", "web"];

/// How a service's program behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Server,
    /// Its containers start and crash.
    Broken,
    /// Ends with exit code 0, without a restart policy.
    Ends,
    /// `restart: on-failure:2`, and fails.
    Fails,
    Job,
    FailingJob,
    Global,
    /// Its replicas are told apart.
    Stateful,
    /// Run by a schedule.
    Cron,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Svc {
    pub name: &'static str,
    pub form: Form,
    pub version: u32,
    pub replicas: i32,
    pub stopped: bool,
    /// Version of its ConfigMap; 0: none.
    pub config: u32,
    pub volume: bool,
    pub network: u32,
    pub headless: bool,
    pub external: bool,
    /// An autoscaler has its replicas.
    pub autoscaled: bool,
    /// Another service shares its pods.
    pub guest: bool,
    /// An update of it that fails is undone.
    pub undoes: bool,
    pub gates: Vec<Gate>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    pub services: Vec<Svc>,
    pub stopped: bool,
    pub suspend: bool,
    pub invalid: bool,
}

impl Svc {
    pub fn random(name: &'static str, before: &[Svc], rng: &mut Rng) -> Self {
        let form = match rng.below(20) {
            0 => Form::Broken,
            1 => Form::Ends,
            2 => Form::Fails,
            3..=6 => Form::Job,
            7 => Form::FailingJob,
            8 => Form::Global,
            9 => Form::Stateful,
            10 => Form::Cron,
            _ => Form::Server,
        };
        let mut svc = Svc {
            name,
            form,
            version: 1,
            replicas: 1 + i32::from(rng.percent(40)),
            stopped: false,
            config: u32::from(rng.percent(40)),
            volume: rng.percent(25),
            network: u32::from(rng.percent(30)),
            headless: rng.percent(25),
            external: rng.percent(4),
            autoscaled: rng.percent(20),
            guest: form == Form::Server && rng.percent(20),
            undoes: rng.percent(40),
            gates: Vec::new(),
        };
        svc.replicas = svc.most_replicas().min(svc.replicas);
        for dependency in before {
            if rng.percent(45) {
                svc.gates.push(gate(dependency, rng));
            }
        }
        svc
    }

    /// What comes to an end runs once.
    fn most_replicas(&self) -> i32 {
        if matches!(self.form, Form::Server | Form::Stateful | Form::Broken | Form::Global) { 3 } else { 1 }
    }

    pub fn inputs(&self) -> String {
        let Svc { name, form, version, config, volume, network, .. } = self;
        format!("{name}.{form:?}.v{version}.c{config}.n{network}.{}{}", u8::from(*volume), if self.guest { GUEST } else { "" })
    }

    fn kind(&self) -> Kind {
        match self.form {
            Form::Job | Form::FailingJob => Kind::Job,
            Form::Global => Kind::DaemonSet,
            Form::Stateful => Kind::StatefulSet,
            Form::Cron => Kind::CronJob,
            _ => Kind::Deployment,
        }
    }

    /// The bounds of its autoscaler, where it has one.
    pub fn bounds(&self) -> Option<(i32, i32)> {
        (self.autoscaled && matches!(self.form, Form::Server | Form::Stateful)).then_some(BOUNDS)
    }

    /// Replicas that it has while it isn't stopped; what an autoscaler has begins within its bounds.
    pub fn begins_with(&self) -> i32 {
        match self.bounds() {
            Some((least, most)) if self.replicas > 0 => self.replicas.clamp(least, most),
            _ => self.replicas,
        }
    }

    fn plan(&self, stopped: bool) -> ServicePlan {
        let stopped = stopped || self.stopped;
        let kind = self.kind();
        let inputs = self.inputs();
        let name = if kind == Kind::Job { format!("{}--{}", self.name, inputs.to_lowercase()) } else { self.name.to_owned() };
        ServicePlan {
            name: self.name.to_owned(),
            workload: Key::new(kind, name),
            object_name: self.name.to_owned(),
            pod: self.name.to_owned(),
            container: self.name.to_owned(),
            mates: if self.guest { vec![side(self.name)] } else { Vec::new() },
            pre_start: None,
            inputs,
            image: "image".to_owned(),
            replicas: if stopped { 0 } else { self.begins_with() },
            autoscaled: self.bounds(),
            stopped,
            lifetime: match self.form {
                Form::Job | Form::FailingJob => Lifetime::Once,
                Form::Ends => Lifetime::UntilSuccess { attempts: None },
                Form::Fails => Lifetime::UntilSuccess { attempts: Some(2) },
                _ => Lifetime::Forever,
            },
            restart_window: None,
            gates: self.gates.clone(),
            externals: self
                .external
                .then(|| External { kind: ExternalKind::Secret, name: "outside".to_owned(), path: "secrets.outside".to_owned() })
                .into_iter()
                .collect(),
            endpoints: Vec::new(),
            urls: Vec::new(),
            progress_deadline: 100_000,
            on_failure: self.undoes.then_some(OnFailure { action: FailureAction::Rollback, tolerated: 0.0 }),
        }
    }
}

/// End of the inputs of services that have a guest.
pub const GUEST: &str = ".guest";

/// The guest of a service.
pub fn side(name: &str) -> String {
    format!("{name}-side")
}

fn guest(host: ServicePlan) -> ServicePlan {
    let name = side(&host.name);
    ServicePlan {
        mates: vec![host.container],
        object_name: name.clone(),
        container: name.clone(),
        name,
        gates: Vec::new(),
        externals: Vec::new(),
        ..host
    }
}

fn gate(dependency: &Svc, rng: &mut Rng) -> Gate {
    let condition = match (dependency.form, rng.below(3)) {
        (Form::Job | Form::FailingJob, 0 | 1) => DependencyCondition::CompletedSuccessfully,
        (_, 2) => DependencyCondition::Healthy,
        _ => DependencyCondition::Started,
    };
    Gate { service: dependency.name.to_owned(), condition, required: !rng.percent(15), restart: rng.percent(25) }
}

impl Spec {
    pub fn random(rng: &mut Rng) -> Self {
        let mut spec = Self::default();
        for name in NAMES {
            if rng.percent(70) {
                let svc = Svc::random(name, &spec.services, rng);
                spec.services.push(svc);
            }
        }
        spec
    }

    /// One thing that a user does.
    pub fn edit(&mut self, rng: &mut Rng) {
        let count = self.services.len();
        let at = rng.below(count);
        match rng.below(16) {
            0 | 1 if count > 0 => self.services[at].version += 1,
            // A release of everything at once.
            2 => self.services.iter_mut().for_each(|s| s.version += 1),
            3 | 4 if count > 0 => {
                let svc = &mut self.services[at];
                svc.replicas = svc.most_replicas().min(i32::try_from(rng.below(4)).unwrap());
            }
            5 if count > 1 => {
                let gone = self.services.remove(at).name;
                for svc in &mut self.services {
                    svc.gates.retain(|g| g.service != gone);
                }
            }
            6 => {
                let free: Vec<&'static str> = NAMES.into_iter().filter(|n| self.services.iter().all(|s| s.name != *n)).collect();
                if let Some(name) = rng.pick(&free) {
                    let place = NAMES.iter().position(|n| n == name).unwrap();
                    let before = |s: &Svc| NAMES.iter().position(|n| *n == s.name).unwrap() < place;
                    let at = self.services.iter().take_while(|s| before(s)).count();
                    let svc = Svc::random(name, &self.services[..at], rng);
                    self.services.insert(at, svc);
                }
            }
            7 if count > 0 => self.services[at].network ^= 1,
            8 if count > 0 => self.services[at].config += 1,
            9 if count > 0 => self.services[at].stopped ^= true,
            10 => self.stopped ^= true,
            11 => self.invalid ^= true,
            12 => self.suspend ^= true,
            // A release that crashes.
            14 | 15 if count > 0 && self.services[at].form == Form::Server => {
                let svc = &mut self.services[at];
                (svc.form, svc.guest) = (Form::Broken, false);
                svc.version += 1;
            }
            13 if count > 0 => {
                let svc = &mut self.services[at];
                match rng.below(6) {
                    5 => svc.guest = svc.form == Form::Server && !svc.guest,
                    0 => svc.headless ^= true,
                    3 => svc.autoscaled ^= true,
                    4 => svc.form = if svc.form == Form::Server { Form::Stateful } else { Form::Cron },
                    // A broken image is mended, a job fixed, a program given a restart policy: its kind may change with that.
                    1 => svc.form = if svc.form == Form::Server { Form::Job } else { Form::Server },
                    _ => svc.external = false,
                }
                svc.guest &= svc.form == Form::Server;
                svc.replicas = svc.most_replicas().min(svc.replicas);
                self.mend_gates();
            }
            _ => {}
        }
    }

    /// Only what comes to an end is waited for as completed.
    fn mend_gates(&mut self) {
        let ends: BTreeMap<&str, bool> = self.services.iter().map(|s| (s.name, matches!(s.form, Form::Job | Form::FailingJob))).collect();
        let ends: BTreeMap<String, bool> = ends.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        for gate in self.services.iter_mut().flat_map(|s| &mut s.gates) {
            if gate.condition == DependencyCondition::CompletedSuccessfully && !ends[&gate.service] {
                gate.condition = DependencyCondition::Started;
            }
        }
    }

    /// What it becomes when it is put back, where nothing is to be undone.
    pub fn undoing(&self) -> Desired {
        let mut desired = self.desired();
        desired.services.iter_mut().for_each(|plan| plan.on_failure = None);
        desired
    }

    pub fn desired(&self) -> Desired {
        let mut desired = Desired::default();
        let mut add = |object: Object| {
            desired.objects.insert(object.key(), object);
        };
        for svc in &self.services {
            add(workload(svc, self.stopped));
            add(service(svc));
            if svc.bounds().is_some() {
                let metadata = meta(svc.name, Some(svc.name), "autoscaler");
                add(Object::HorizontalPodAutoscaler(Box::new(HorizontalPodAutoscaler { metadata, ..HorizontalPodAutoscaler::default() })));
            }
            if svc.config > 0 {
                let name = format!("{STACK}--{}-{}", svc.name, svc.config);
                let config = ConfigMap { metadata: meta(&name, None, "content"), ..ConfigMap::default() };
                add(Object::ConfigMap(Box::new(config)));
            }
            if svc.volume {
                let name = format!("{STACK}-{}", svc.name);
                let mut metadata = meta(&name, None, "claim");
                metadata.annotations.get_or_insert_default().insert(keys::VOLUME.to_owned(), svc.name.to_owned());
                metadata.annotations.get_or_insert_default().insert(keys::STACK.to_owned(), STACK.to_owned());
                add(Object::PersistentVolumeClaim(Box::new(PersistentVolumeClaim { metadata, ..PersistentVolumeClaim::default() })));
            }
            if svc.network > 0 {
                let name = format!("{STACK}--net-{}", svc.network);
                add(Object::NetworkPolicy(Box::new(NetworkPolicy { metadata: meta(&name, None, "policy"), ..NetworkPolicy::default() })));
            }
        }
        for svc in &self.services {
            let plan = svc.plan(self.stopped);
            let beside = svc.guest.then(|| guest(plan.clone()));
            desired.services.push(plan);
            desired.services.extend(beside);
        }
        desired
    }
}

fn meta(name: &str, service: Option<&str>, inputs: &str) -> ObjectMeta {
    let mut labels =
        BTreeMap::from([(keys::MANAGED_BY.to_owned(), keys::MANAGED_BY_VALUE.to_owned()), (keys::STACK.to_owned(), STACK.to_owned())]);
    if let Some(service) = service {
        labels.insert(keys::SERVICE.to_owned(), service.to_owned());
    }
    let annotations = BTreeMap::from([(keys::INPUTS.to_owned(), inputs.to_owned())]);
    ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }
}

fn workload(svc: &Svc, stopped: bool) -> Object {
    let plan = svc.plan(stopped);
    let metadata = meta(&plan.workload.name, Some(svc.name), &plan.inputs);
    let mut volumes = Vec::new();
    if svc.config > 0 {
        let source = ConfigMapVolumeSource { name: format!("{STACK}--{}-{}", svc.name, svc.config), ..ConfigMapVolumeSource::default() };
        volumes.push(Volume { name: "config".to_owned(), config_map: Some(source), ..Volume::default() });
    }
    if svc.volume {
        let source = PersistentVolumeClaimVolumeSource {
            claim_name: format!("{STACK}-{}", svc.name),
            ..PersistentVolumeClaimVolumeSource::default()
        };
        volumes.push(Volume { name: "data".to_owned(), persistent_volume_claim: Some(source), ..Volume::default() });
    }
    let template = PodTemplateSpec { spec: Some(PodSpec { volumes: Some(volumes), ..PodSpec::default() }), ..PodTemplateSpec::default() };
    match plan.workload.kind {
        Kind::Job => Object::Job(Box::new(Job { metadata, spec: Some(JobSpec { template, ..JobSpec::default() }), ..Job::default() })),
        Kind::DaemonSet => Object::DaemonSet(Box::new(DaemonSet {
            metadata,
            spec: Some(DaemonSetSpec { template, ..DaemonSetSpec::default() }),
            ..DaemonSet::default()
        })),
        Kind::StatefulSet => {
            let spec = StatefulSetSpec { template, replicas: Some(plan.replicas), ..StatefulSetSpec::default() };
            Object::StatefulSet(Box::new(StatefulSet { metadata, spec: Some(spec), ..StatefulSet::default() }))
        }
        Kind::CronJob => {
            let job_template = JobTemplateSpec { spec: Some(JobSpec { template, ..JobSpec::default() }), ..JobTemplateSpec::default() };
            Object::CronJob(Box::new(CronJob {
                metadata,
                spec: Some(CronJobSpec { job_template, ..CronJobSpec::default() }),
                ..CronJob::default()
            }))
        }
        _ => {
            let spec = DeploymentSpec { template, replicas: Some(plan.replicas), ..DeploymentSpec::default() };
            Object::Deployment(Box::new(Deployment { metadata, spec: Some(spec), ..Deployment::default() }))
        }
    }
}

fn service(svc: &Svc) -> Object {
    let metadata = meta(svc.name, Some(svc.name), if svc.headless { "headless" } else { "virtual" });
    let spec = if svc.headless {
        ServiceSpec { cluster_ip: Some("None".to_owned()), ..ServiceSpec::default() }
    } else {
        ServiceSpec { ports: Some(vec![ServicePort { port: 80, ..ServicePort::default() }]), ..ServiceSpec::default() }
    };
    Object::Service(Box::new(Service { metadata, spec: Some(spec), ..Service::default() }))
}

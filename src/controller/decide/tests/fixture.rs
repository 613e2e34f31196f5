use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

pub use super::manifests::{claim, config, job_of_steps, policy, service, sized_claim, template, workload};
pub use super::plans::{Build, cron, daemon, job, stateful, svc, until_success};
use crate::api::{ComposeStackStatus, ServiceStatus, StackWarning, keys};
use crate::controller::decide::{
    Action, ClaimSpec, ContainerView, CronView, Failure, FailureKind, Input, JobView, Kept, Live, LiveObject, Observed, Outcome, PodView,
    Record, Refusal, Repair, StackView, Unseen, WorkloadView, decide,
};
use crate::translate::{Desired, External, Key, Kind, Object, ServicePlan};

pub const UID: &str = "stack-uid";

/// One stack, all that is known of it, and a cluster that does at once what it is told.
pub struct Bench {
    pub stack: StackView,
    pub desired: Result<Desired, Refusal>,
    pub warnings: Vec<StackWarning>,
    pub live: Live,
    pub unseen: Unseen,
    pub missing: BTreeSet<External>,
    pub recorded: ComposeStackStatus,
    pub failures: BTreeMap<Key, Failure>,
    pub repairs: BTreeMap<Key, Repair>,
    pub now: Timestamp,
    /// What the last good revision becomes.
    pub good: Option<Result<Desired, Refusal>>,
    pub kept: Kept,
    versions: u64,
}

impl Bench {
    pub fn of(services: impl IntoIterator<Item = ServicePlan>) -> Self {
        let stack = StackView {
            name: "shop".to_owned(),
            namespace: "default".to_owned(),
            uid: UID.to_owned(),
            generation: 1,
            deleting: false,
            suspend: false,
            stopped: false,
        };
        let mut bench = Self {
            stack,
            desired: Ok(Desired::default()),
            warnings: Vec::new(),
            live: Live::default(),
            unseen: Unseen::default(),
            missing: BTreeSet::new(),
            recorded: ComposeStackStatus::default(),
            failures: BTreeMap::new(),
            repairs: BTreeMap::new(),
            now: Timestamp::from_second(1_700_000_000).unwrap(),
            good: None,
            kept: Kept::default(),
            versions: 0,
        };
        bench.want(services);
        bench
    }

    /// Like `of`, and everything runs.
    pub fn running(services: impl IntoIterator<Item = ServicePlan>) -> Self {
        let mut bench = Self::of(services);
        bench.settle();
        bench
    }

    /// The user applies another file.
    pub fn want(&mut self, services: impl IntoIterator<Item = ServicePlan>) {
        let services: Vec<ServicePlan> = services.into_iter().collect();
        let mut objects = BTreeMap::new();
        for plan in &services {
            if !plan.is_guest() {
                objects.insert(plan.workload.clone(), workload(plan));
            }
            if let Some(steps) = &plan.pre_start {
                objects.insert(steps.workload.clone(), job_of_steps(steps));
            }
            let service = service(&plan.name, "service-1", Some("10"));
            objects.insert(service.key(), service);
        }
        self.desired = Ok(Desired { objects, services, ..Desired::default() });
        self.stack.generation += 1;
    }

    pub fn add(&mut self, object: Object) {
        self.desired.as_mut().unwrap().objects.insert(object.key(), object);
    }

    pub fn decide(&self) -> Outcome {
        decide(&Input {
            stack: self.stack.clone(),
            desired: self.desired.as_ref(),
            good: self.good.as_ref().map(|good| good.as_ref()),
            kept: &self.kept,
            warnings: &self.warnings,
            live: &self.live,
            unseen: &self.unseen,
            missing: &self.missing,
            recorded: &self.recorded,
            failures: &self.failures,
            repairs: &self.repairs,
            now: self.now,
        })
    }

    /// The actions in words, in their order.
    pub fn actions(&self) -> Vec<String> {
        self.decide().actions.iter().map(words).collect()
    }

    #[track_caller]
    pub fn check(&self, expected: &[&str]) {
        assert_eq!(self.actions(), expected);
    }

    /// Carries all actions out and writes the status, until there is nothing left; nothing becomes ready by that.
    pub fn carry_out(&mut self) {
        for _ in 0..20 {
            let outcome = self.decide();
            if let (true, Some(record)) = (outcome.actions.is_empty(), &outcome.record) {
                self.kept = Kept::Is(match record {
                    Record::Keep(revision) => Some(revision.clone()),
                    Record::Drop => None,
                });
                continue;
            }
            if outcome.actions.is_empty() && outcome.status == self.recorded {
                self.kept = Kept::AsRecorded;
                return;
            }
            for action in outcome.actions {
                self.carry_out_one(action);
            }
            self.recorded = outcome.status;
        }
        panic!("never done: {:?}", self.actions());
    }

    pub fn carry_out_one(&mut self, action: Action) {
        match action {
            Action::Create { object } => {
                let uid = format!("uid-{}", object.name());
                self.write(&object, &uid);
            }
            Action::Apply { object, uid, .. } | Action::Compare { object, uid } => self.write(&object, &uid),
            Action::Delete { key, .. } => {
                self.live.objects.remove(&key);
                if key.kind.is_workload() {
                    self.live.pods.retain(|_, pods| pods.iter().all(|p| p.workload != Some(key.kind)));
                }
            }
        }
    }

    fn write(&mut self, object: &Object, uid: &str) {
        let key = object.key();
        let new = self.live_of(object, uid);
        let answer = crate::controller::decide::Answer { uid: uid.to_owned(), fields: new.fields.clone() };
        self.unseen.answers.insert(key.clone(), answer);
        self.live.objects.insert(key, new);
    }

    /// A live object of ours, as it looks right after it was written.
    pub fn live_of(&mut self, object: &Object, uid: &str) -> LiveObject {
        self.versions += 1;
        let template = template(object);
        let annotation = |key: &str| template?.metadata.as_ref()?.annotations.as_ref()?.get(key).cloned();
        LiveObject {
            uid: uid.to_owned(),
            resource_version: self.versions.to_string(),
            whose: Observed::Ours,
            deleting: false,
            inputs: Some(object.inputs().to_owned()),
            service: object.metadata().labels.as_ref().and_then(|l| l.get(keys::SERVICE)).cloned(),
            restarted_for: annotation(keys::RESTARTED_FOR),
            fields: Some(format!("fields-{}", object.inputs())),
            changed_by: None,
            headless: match object {
                Object::Service(s) => Some(s.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) == Some("None")),
                _ => None,
            },
            address: match object {
                Object::Service(s) => {
                    let asked = s.spec.as_ref().and_then(|s| s.cluster_ip.clone());
                    Some(asked.unwrap_or_else(|| format!("10.0.0.{}", self.versions))).filter(|a| a != "None")
                }
                _ => None,
            },
            state: match object {
                Object::Deployment(d) => {
                    let mut state = self.scaled(&object.key(), d.spec.as_ref().unwrap().replicas);
                    if let WorkloadView::Replicated { paused, .. } = &mut state {
                        *paused = d.spec.as_ref().unwrap().paused == Some(true);
                    }
                    state
                }
                Object::StatefulSet(s) => self.scaled(&object.key(), s.spec.as_ref().unwrap().replicas),
                Object::DaemonSet(_) => replicated(2, 0),
                Object::CronJob(_) => WorkloadView::Cron(CronView::default()),
                Object::Job(_) => WorkloadView::Job(JobView::default()),
                Object::PersistentVolumeClaim(claim) => {
                    let requests = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
                    let size = requests.and_then(|requests| requests.get("storage")).map(|size| size.0.clone());
                    WorkloadView::Claim { phase: "Bound".to_owned(), spec: ClaimSpec { size, ..ClaimSpec::default() } }
                }
                _ => WorkloadView::None,
            },
        }
    }

    /// What is written without replicas keeps those that it has, which are somebody else's then.
    fn scaled(&self, key: &Key, replicas: Option<i32>) -> WorkloadView {
        let live = match self.live.objects.get(key).map(|o| &o.state) {
            Some(WorkloadView::Replicated { replicas, .. }) => *replicas,
            _ => 1,
        };
        let mut state = replicated(replicas.unwrap_or(live), 0);
        if let WorkloadView::Replicated { holds_replicas, .. } = &mut state {
            *holds_replicas = replicas.is_some();
        }
        state
    }

    /// Everything that was written becomes ready, jobs complete, until nothing changes any more.
    pub fn settle(&mut self) {
        for _ in 0..30 {
            let before = self.recorded.clone();
            self.carry_out();
            for plan in self.desired.as_ref().unwrap().services.clone() {
                self.ready(&plan.name);
            }
            self.carry_out();
            if self.recorded == before {
                return;
            }
        }
        panic!("never settles");
    }

    fn plan(&self, name: &str) -> ServicePlan {
        self.desired.as_ref().unwrap().service(name).unwrap().clone()
    }

    /// The workload of a service gets all its pods ready; a job completes.
    pub fn ready(&mut self, name: &str) {
        let plan = self.plan(name);
        let Some(live) = self.live.objects.get_mut(&plan.workload) else { return };
        let inputs = live.inputs.clone().unwrap();
        let count = match &mut live.state {
            WorkloadView::Replicated { replicas, holds_replicas, .. } => {
                let n = *replicas;
                let held = *holds_replicas;
                live.state = replicated(n, n);
                if let WorkloadView::Replicated { holds_replicas, .. } = &mut live.state {
                    *holds_replicas = held;
                }
                n
            }
            WorkloadView::Cron(_) => return,
            state => {
                *state = WorkloadView::Job(JobView { succeeded: 1, complete: true, ..JobView::default() });
                return;
            }
        };
        let pods = (0..count).map(|i| pod(&format!("{name}-{i}"), &inputs, plan.kind(), true)).collect();
        self.live.pods.insert(plan.object_name, pods);
    }

    /// The workload has been rolled out, and its pods are as given.
    pub fn pods(&mut self, name: &str, change: impl Fn(&mut PodView)) {
        let plan = self.plan(name);
        let live = self.live.objects.get_mut(&plan.workload).unwrap();
        let inputs = live.inputs.clone().unwrap();
        let count = match &mut live.state {
            WorkloadView::Replicated { replicas, .. } => {
                let n = *replicas;
                live.state = replicated(n, 0);
                if let WorkloadView::Replicated { updated, total, .. } = &mut live.state {
                    (*updated, *total) = (n, n);
                }
                n
            }
            _ => 1,
        };
        let pods = (0..count).map(|i| {
            let mut pod = pod(&format!("{name}-{i}"), &inputs, plan.kind(), false);
            change(&mut pod);
            pod
        });
        let pods = pods.collect();
        self.live.pods.insert(plan.object_name.clone(), pods);
    }

    /// The pods of a host, with a container for each of its services; `up`: those that are ready.
    pub fn shared_pods(&mut self, host: &str, containers: &[&str], up: &[&str]) {
        let container = |name: &&str| ContainerView {
            name: (*name).to_owned(),
            started: up.contains(name),
            ready: up.contains(name),
            ..ContainerView::default()
        };
        self.pods(host, |p| {
            p.ready = up.len() == containers.len();
            p.containers = containers.iter().map(container).collect();
        });
        let all = up.len() == containers.len();
        if let WorkloadView::Replicated { ready, available, replicas, .. } = &mut self.live(Kind::Deployment, host).state
            && all
        {
            (*ready, *available) = (*replicas, *replicas);
        }
    }

    /// The Job of a service's steps is in this state.
    pub fn steps(&mut self, name: &str, job: JobView) {
        let steps = self.plan(name).pre_start.unwrap();
        self.live.objects.get_mut(&steps.workload).unwrap().state = WorkloadView::Job(job);
    }

    pub fn job(&mut self, name: &str, job: JobView) {
        let plan = self.plan(name);
        self.live.objects.get_mut(&plan.workload).unwrap().state = WorkloadView::Job(job);
    }

    pub fn live(&mut self, kind: Kind, name: &str) -> &mut LiveObject {
        self.live.objects.get_mut(&Key::new(kind, name)).unwrap()
    }

    pub fn remove(&mut self, kind: Kind, name: &str) {
        self.live.objects.remove(&Key::new(kind, name)).unwrap();
    }

    /// Somebody else changes a field of ours.
    pub fn drift(&mut self, kind: Kind, name: &str) {
        let live = self.live(kind, name);
        live.fields = Some("others".to_owned());
        live.changed_by = Some("kubectl-edit".to_owned());
    }

    pub fn fail(&mut self, kind: Kind, name: &str, failure: FailureKind, message: &str) {
        let failure = Failure { kind: failure, message: message.to_owned(), not_before: self.now + SignedDuration::from_secs(60) };
        self.failures.insert(Key::new(kind, name), failure);
    }

    pub fn service_status(&self, name: &str) -> ServiceStatus {
        self.decide().status.services.into_iter().find(|s| s.name == name).unwrap()
    }

    pub fn condition(&self, kind: &str) -> (String, String, String) {
        let status = self.decide().status;
        let found = status.conditions.into_iter().find(|c| c.type_ == kind).unwrap();
        (found.status, found.reason, found.message)
    }

    /// Ready, Reconciling, Stalled and their reason.
    #[track_caller]
    pub fn check_conditions(&self, ready: &str, reconciling: &str, stalled: &str, reason: &str) {
        let [r, p, s] = ["Ready", "Reconciling", "Stalled"].map(|kind| self.condition(kind));
        assert_eq!((&*r.0, &*p.0, &*s.0, &*r.1), (ready, reconciling, stalled, reason), "{}", r.2);
    }

    pub fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }
}

pub fn words(action: &Action) -> String {
    let replicas = |object: &Object| match object {
        Object::Deployment(d) => d.spec.as_ref().unwrap().replicas.map_or_else(String::new, |n| format!(" ×{n}")),
        _ => String::new(),
    };
    match action {
        Action::Create { object } => format!("create {}{}", object.key(), replicas(object)),
        Action::Apply { object, cause, .. } => format!("apply {}{} {cause:?}", object.key(), replicas(object)),
        Action::Delete { key, .. } => format!("delete {key}"),
        Action::Compare { object, .. } => format!("compare {}", object.key()),
    }
}

fn replicated(replicas: i32, ready: i32) -> WorkloadView {
    WorkloadView::Replicated {
        generation: 1,
        observed_generation: 1,
        replicas,
        total: ready,
        updated: ready,
        ready,
        available: ready,
        problem: None,
        holds_replicas: false,
        paused: false,
        claim_templates: Vec::new(),
    }
}

pub fn pod(name: &str, inputs: &str, kind: Kind, ready: bool) -> PodView {
    let container = ContainerView { name: "main".to_owned(), started: ready, ..ContainerView::default() };
    PodView {
        name: name.to_owned(),
        phase: "Running".to_owned(),
        ready,
        inputs: Some(inputs.to_owned()),
        workload: Some(kind),
        containers: vec![container],
        ..PodView::default()
    }
}

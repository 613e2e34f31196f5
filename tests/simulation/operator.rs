//! The process around `decide`: caches that lag, each kind for itself; answers that get lost; memory that a crash wipes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use compose_operator::api::{ComposeStackStatus, RolledBack};
use compose_operator::controller::decide::{
    Action, Answer, Bugs, Cause, ClaimSpec, ContainerView, CronView, Failure, FailureKind, Input, Kept, Live, LiveObject, Observed,
    Outcome, PodView, Probed, Record, Refusal, Repair, StackView, Unseen, WorkloadView, decide_with,
};
use compose_operator::translate::{Desired, External, ExternalKind, Kind};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::cluster::{Cluster, Event, Key, Obj, Owner, Pod, Refused, STACK_LOG, StackObj, UID};
use super::monitor;
use super::rng::Rng;
use super::spec::{Form, GUEST, STACK, Spec, side};

/// What may go wrong at a write.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    /// Chance in percent that a request fails before it does anything.
    pub refused: usize,
    /// Chance in percent that it does what it should and the answer is lost.
    pub lost: usize,
}

/// Mistakes of the process, beside those of `decide`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planted {
    pub decide: Bugs,
    /// What was believed before a crash is believed after it.
    pub trust_memory: bool,
}

/// A decision that is being carried out.
pub struct Work {
    pub desired: Rc<Desired>,
    pub spec: Rc<Spec>,
    pub status: ComposeStackStatus,
    pub recorded: Rc<ComposeStackStatus>,
    pub generation: i64,
    pub actions: Vec<Action>,
    pub record: Option<Record>,
    /// It asked for actions: their answers come first, then another decision, then the status.
    pub again: bool,
}

#[derive(Default)]
pub struct Operator {
    cursors: Vec<usize>,
    reached: Vec<u64>,
    objects: BTreeMap<Key, Rc<Obj>>,
    pods: BTreeMap<String, Rc<Pod>>,
    stack: Option<Rc<StackObj>>,
    /// Our own newest write of the stack's status.
    status: Option<(u64, Rc<ComposeStackStatus>)>,
    written: BTreeMap<Key, (u64, LiveObject)>,
    deleted: BTreeMap<Key, (u64, String)>,
    answers: BTreeMap<Key, Answer>,
    probed: BTreeMap<Key, Probed>,
    failures: BTreeMap<Key, Failure>,
    repairs: BTreeMap<Key, Repair>,
    desired: Option<(i64, Rc<Desired>)>,
    kept: Kept,
    /// The last good revision, as it was read for an update that failed.
    good: Option<(RolledBack, Option<Rc<Spec>>)>,
    pub work: Option<Work>,
    /// Something was seen or answered since the last decision.
    pub dirty: bool,
    wake: Option<Timestamp>,
    /// Objects that we wrote ourselves and know the answer of, until somebody else touches them.
    certain: BTreeMap<Key, String>,
    pub planted: Planted,
}

impl Operator {
    /// A process that has just listed every kind, some from an older list.
    pub fn start(cluster: &Cluster, planted: Planted, rng: &mut Rng, old_lists: bool) -> Self {
        let mut operator =
            Self { cursors: vec![0; STACK_LOG + 1], reached: vec![0; STACK_LOG + 1], planted, dirty: true, ..Self::default() };
        for kind in 0..cluster.log.len() {
            let len = cluster.log[kind].len();
            let behind = if old_lists && kind != STACK_LOG { rng.below(6) } else { 0 };
            operator.advance(cluster, kind, len.saturating_sub(behind));
            operator.reached[kind] = operator.reached[kind].max(if behind == 0 { cluster.version() } else { 0 });
        }
        operator
    }

    /// Loses all that is not in the cluster.
    pub fn crash(&mut self, cluster: &mut Cluster, rng: &mut Rng) {
        let old_lists = rng.percent(40);
        cluster.rivals |= old_lists;
        let old = std::mem::replace(self, Self::start(cluster, self.planted, rng, old_lists));
        if self.planted.trust_memory {
            // Positions in the old watches mean nothing to the new ones, so nothing ever ends these beliefs.
            self.written = old
                .written
                .into_iter()
                .chain(old.objects.iter().map(|(k, o)| (k.clone(), (0, live(o, k, true)))))
                .map(|(k, (_, o))| (k, (u64::MAX, o)))
                .collect();
        }
    }

    /// Shows up to `upto` events of one kind.
    fn advance(&mut self, cluster: &Cluster, kind: usize, upto: usize) {
        while self.cursors[kind] < upto {
            match &cluster.log[kind][self.cursors[kind]] {
                Event::Object(version, key, object) => {
                    self.reached[kind] = *version;
                    match object.as_ref().filter(|o| o.labelled) {
                        Some(object) => {
                            self.objects.insert(key.clone(), object.clone());
                            self.probed.remove(key);
                        }
                        None => {
                            self.objects.remove(key);
                        }
                    }
                    self.certain.remove(key);
                }
                Event::Pod(version, name, pod) => {
                    self.reached[kind] = *version;
                    match pod {
                        Some(pod) => self.pods.insert(name.clone(), pod.clone()),
                        None => self.pods.remove(name),
                    };
                }
                Event::Stack(version, stack) => {
                    self.reached[kind] = *version;
                    let wakes = |s: &Option<Rc<StackObj>>| s.as_ref().map(|s| (s.generation, s.deleting));
                    let same = wakes(&self.stack) == wakes(stack);
                    self.stack.clone_from(stack);
                    self.cursors[kind] += 1;
                    // A status wakes nobody.
                    self.dirty |= !same;
                    continue;
                }
            }
            self.cursors[kind] += 1;
            self.dirty = true;
        }
        self.forget_seen();
    }

    fn forget_seen(&mut self) {
        let reached = &self.reached;
        self.written.retain(|key, (version, _)| reached[key.kind as usize] < *version);
        self.deleted.retain(|key, (version, _)| reached[key.kind as usize] < *version);
        if self.status.as_ref().is_some_and(|(version, _)| reached[STACK_LOG] >= *version) {
            self.status = None;
        }
    }

    /// Sees some events of one kind.
    pub fn observe(&mut self, cluster: &Cluster, rng: &mut Rng) {
        let kind = rng.below(STACK_LOG + 1);
        let behind = cluster.log[kind].len() - self.cursors[kind];
        let by = 1 + rng.below(behind);
        self.advance(cluster, kind, (self.cursors[kind] + by).min(cluster.log[kind].len()));
    }

    pub fn observe_all(&mut self, cluster: &Cluster) {
        for kind in 0..=STACK_LOG {
            self.advance(cluster, kind, cluster.log[kind].len());
            self.reached[kind] = cluster.version();
        }
        self.forget_seen();
    }

    fn whose(object: &Obj) -> Observed {
        match object.owner {
            Owner::Stack(UID) | Owner::Claim => Observed::Ours,
            Owner::Stack(_) => Observed::Orphan,
            Owner::Adoptable => Observed::Adoptable,
            Owner::Other => Observed::Foreign("Deployment other".to_owned()),
            Owner::Nobody => Observed::Foreign("nobody".to_owned()),
        }
    }

    fn view(&self, cluster: &Cluster) -> (Live, Unseen) {
        let mut view = Live { probed: self.probed.clone(), ..Live::default() };
        for (key, object) in &self.objects {
            view.objects.insert(key.clone(), live(object, key, true));
        }
        for pod in self.pods.values() {
            view.pods.entry(pod.service.clone()).or_default().push(pod_view(cluster, pod));
        }
        let unseen = Unseen {
            written: self.written.iter().map(|(k, (_, o))| (k.clone(), o.clone())).collect(),
            deleted: self.deleted.iter().map(|(k, (_, uid))| (k.clone(), uid.clone())).collect(),
            answers: self.answers.clone(),
        };
        (view, unseen)
    }

    pub fn recorded(&self) -> Option<Rc<ComposeStackStatus>> {
        self.status.as_ref().map(|(_, status)| status.clone()).or_else(|| self.stack.as_ref().map(|s| s.status.clone()))
    }

    /// Decides, if anything has changed since the last time.
    pub fn decide(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let due = self.dirty || self.wake.is_some_and(|at| at <= now);
        let (Some(stack), Some(recorded), true) = (self.stack.clone(), self.recorded(), due && self.work.is_none()) else { return };
        if self.desired.as_ref().is_none_or(|(generation, _)| *generation != stack.generation) {
            self.desired = Some((stack.generation, Rc::new(stack.spec.desired())));
            self.repairs.clear();
        }
        let desired = self.desired.as_ref().unwrap().1.clone();
        let refusal = Refusal { reason: "InvalidSpec", message: "services.web.image: missing".to_owned() };
        let (live, unseen) = self.view(cluster);
        let failure = recorded.rolled_back.clone().filter(|failure| failure.generation == stack.generation);
        if self.good.as_ref().map(|(read, _)| read) != failure.as_ref() {
            self.good = failure.map(|failure| (failure, cluster.kept.clone()));
        }
        let good = self.good.as_ref().map(|(_, spec)| spec.as_ref().map(|spec| (spec.clone(), Rc::new(spec.undoing()))));
        let gone = Refusal { reason: "RolledBack", message: "gone".to_owned() };
        let missing =
            BTreeSet::from([External { kind: ExternalKind::Secret, name: "outside".to_owned(), path: "secrets.outside".to_owned() }]);
        let input = Input {
            stack: StackView {
                name: STACK.to_owned(),
                namespace: "ns".to_owned(),
                uid: UID.to_owned(),
                generation: stack.generation,
                deleting: stack.deleting,
                suspend: stack.spec.suspend,
                stopped: stack.spec.stopped,
            },
            desired: if stack.spec.invalid { Err(&refusal) } else { Ok(&desired) },
            good: good.as_ref().map(|good| good.as_ref().map(|(_, desired)| &**desired).ok_or(&gone)),
            kept: &self.kept,
            warnings: &[],
            live: &live,
            unseen: &unseen,
            missing: &missing,
            recorded: &recorded,
            failures: &self.failures,
            repairs: &self.repairs,
            now,
        };
        let Outcome { actions, status, again, record, undone, .. } = decide_with(&input, self.planted.decide);
        monitor::decided(cluster, &stack, &actions);
        let again = again.and_then(|d| now.checked_add(SignedDuration::try_from(d).unwrap_or(SignedDuration::from_hours(1))).ok());
        (self.dirty, self.wake) = (false, again);
        let acts = !actions.is_empty();
        let (spec, desired) = good.flatten().filter(|_| undone).unwrap_or((stack.spec.clone(), desired));
        self.work = Some(Work { desired, spec, record, status, recorded, generation: stack.generation, actions, again: acts });
    }

    /// Carries out one of the actions that were asked for, or writes the status when there are none left.
    pub fn act(&mut self, cluster: &mut Cluster, rng: &mut Rng, now: Timestamp, faults: Faults) {
        let Some(mut work) = self.work.take() else { return };
        if work.actions.is_empty() {
            if work.again {
                self.dirty = true;
            } else if let Some(record) = &work.record {
                self.keep(cluster, rng, &work, record, faults);
            } else {
                self.write_status(cluster, rng, &work, faults);
            }
            return;
        }
        let action = work.actions.swap_remove(rng.below(work.actions.len()));
        let key = action.key();
        if rng.percent(faults.refused) {
            self.fail(&key, now);
        } else {
            self.carry_out(cluster, rng, &work, &action, now, faults);
        }
        self.work = Some(work);
    }

    /// Keeps the revision that is ready, or none any more.
    fn keep(&mut self, cluster: &mut Cluster, rng: &mut Rng, work: &Work, record: &Record, faults: Faults) {
        self.dirty = true;
        if rng.percent(faults.refused) {
            return;
        }
        let (spec, kept) = match record {
            Record::Keep(revision) => (Some(work.spec.clone()), Some(revision.clone())),
            Record::Drop => (None, None),
        };
        cluster.keep(spec);
        if !rng.percent(faults.lost) {
            self.kept = Kept::Is(kept);
        }
    }

    fn fail(&mut self, key: &Key, now: Timestamp) {
        let not_before = now + Duration::from_secs(2);
        self.failures.insert(key.clone(), Failure { kind: FailureKind::Transient, message: "no answer".to_owned(), not_before });
        self.certain.remove(key);
        self.dirty = true;
    }

    fn carry_out(&mut self, cluster: &mut Cluster, rng: &mut Rng, work: &Work, action: &Action, now: Timestamp, faults: Faults) {
        let key = action.key();
        monitor::acting(cluster, work, action, self.certain.get(&key).map(String::as_str));
        let answer = match action {
            Action::Create { object } => cluster.create(object).map(Some),
            Action::Apply { object, uid, releases, .. } => {
                if *releases {
                    cluster.release_replicas(&key, uid);
                    if rng.percent(faults.lost) {
                        return self.fail(&key, now);
                    }
                }
                cluster.apply(object, uid).map(Some)
            }
            Action::Delete { uid, resource_version, .. } => {
                let slow = rng.percent(20);
                cluster.delete(&key, uid, resource_version, slow).map(|()| None)
            }
            Action::Compare { object, uid } => match cluster.objects.get(&key).cloned() {
                // What is ours by now isn't left out.
                Some(old) if old.uid == *uid && old.holds_replicas && Cluster::leaves_out_replicas(object) => Err(Refused::Missing),
                Some(old) if old.uid == *uid && Cluster::differs(&old, object) => cluster.apply(object, uid).map(Some),
                Some(old) if old.uid == *uid => Ok(Some(old)),
                _ => Err(Refused::Missing),
            },
        };
        if rng.percent(faults.lost) {
            // Until its watch tells, the operator doesn't know what it made.
            cluster.rivals |= matches!(action, Action::Create { .. });
            return self.fail(&key, now);
        }
        match answer {
            Ok(Some(object)) => {
                let seen = live(&object, &key, true);
                self.answers.insert(key.clone(), Answer { uid: seen.uid.clone(), fields: seen.fields.clone() });
                if !matches!(action, Action::Compare { .. }) {
                    self.certain.insert(key.clone(), monitor::content(action));
                }
                if self.reached[key.kind as usize] < object.version {
                    self.written.insert(key.clone(), (object.version, seen));
                }
                self.probed.remove(&key);
                self.deleted.remove(&key);
            }
            Ok(None) => {
                if let Action::Delete { uid, .. } = action {
                    self.deleted.insert(key.clone(), (cluster.version(), uid.clone()));
                }
                self.certain.remove(&key);
            }
            Err(Refused::Exists) => match cluster.objects.get(&key) {
                Some(object) => {
                    self.probed
                        .insert(key.clone(), Probed { object: live(object, &key, object.labelled), labelled: object.labelled, at: now });
                }
                None => {
                    self.probed.remove(&key);
                }
            },
            Err(Refused::Precondition | Refused::Missing) => return self.fail(&key, now),
        }
        if matches!(action, Action::Apply { cause: Cause::Drift, .. }) {
            self.repairs.retain(|_, repair| now.duration_since(repair.last) < SignedDuration::from_mins(10));
            let count = self.repairs.get(&key).map_or(0, |r| r.count) + 1;
            self.repairs.insert(key.clone(), Repair { count, last: now });
        }
        self.failures.remove(&key);
        self.dirty = true;
    }

    /// Writes the status, unless the stack has changed since it was read.
    fn write_status(&mut self, cluster: &mut Cluster, rng: &mut Rng, work: &Work, faults: Faults) {
        if work.status == *work.recorded {
            self.kept = Kept::AsRecorded;
            return;
        }
        let Some(stack) = cluster.stack.clone() else { return };
        let known = self.status.as_ref().map(|(version, _)| *version).or_else(|| self.stack.as_ref().map(|s| s.version));
        if rng.percent(faults.refused) || known != Some(stack.version) {
            self.dirty = true;
            return;
        }
        monitor::status(cluster, work);
        let status = Rc::new(work.status.clone());
        cluster.put_stack(|s| s.status = status.clone());
        cluster.writes += 1;
        if rng.percent(faults.lost) {
            self.dirty = true;
            return;
        }
        let held = |key: &Key, answer: &Answer| {
            let mut objects = status.objects.iter();
            objects.any(|o| o.kind == key.kind.as_str() && o.name == key.name && o.fields == answer.fields)
        };
        self.answers.retain(|key, answer| !held(key, answer));
        self.kept = Kept::AsRecorded;
        self.status = Some((cluster.version(), status));
    }

    /// Whether there is nothing left to do for it.
    pub fn is_idle(&self) -> bool {
        self.work.is_none() && !self.dirty
    }
}

/// An object as the operator's caches keep it.
fn live(object: &Obj, key: &Key, labelled: bool) -> LiveObject {
    LiveObject {
        uid: object.uid.clone(),
        resource_version: object.version.to_string(),
        whose: Operator::whose(object),
        deleting: object.deleting,
        inputs: Some(object.inputs.clone()).filter(|i| !i.is_empty()),
        service: object.service.clone().filter(|_| labelled),
        restarted_for: object.template.stamps.clone(),
        fields: Some(object.fields.clone()),
        changed_by: object.changed_by.clone(),
        headless: (key.kind == Kind::Service).then_some(object.headless),
        address: None,
        state: match key.kind {
            Kind::PersistentVolumeClaim => {
                WorkloadView::Claim { phase: if object.bound { "Bound" } else { "Pending" }.to_owned(), spec: ClaimSpec::default() }
            }
            Kind::Service => WorkloadView::Service { ports: Vec::new(), addresses: Vec::new() },
            Kind::Job => WorkloadView::Job(object.job.clone()),
            Kind::CronJob => WorkloadView::Cron(CronView::default()),
            Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet => WorkloadView::Replicated {
                generation: object.generation,
                observed_generation: object.observed,
                replicas: if key.kind == Kind::DaemonSet { 2 } else { object.replicas },
                total: object.total,
                updated: object.updated,
                ready: object.ready,
                available: object.ready,
                problem: None,
                holds_replicas: object.holds_replicas,
                paused: false,
                claim_templates: Vec::new(),
            },
            _ => WorkloadView::None,
        },
    }
}

fn pod_view(cluster: &Cluster, pod: &Pod) -> PodView {
    let form = cluster.form(&pod.template);
    let exit_code = match form {
        Form::Broken | Form::Fails if pod.restarts > 0 => Some(1),
        Form::Ends if pod.stage == 3 => Some(0),
        _ => None,
    };
    let looping = matches!(form, Form::Broken | Form::Fails | Form::Ends) && pod.stage == 3;
    let phase = match (pod.stage, pod.kind) {
        (0, _) => "Pending",
        (3, Kind::Job) if form == Form::FailingJob => "Failed",
        (3, Kind::Job) => "Succeeded",
        _ => "Running",
    };
    let guest = pod.template.inputs.ends_with(GUEST).then(|| side(&pod.service));
    let names: Vec<String> = std::iter::once(pod.service.clone()).chain(guest).collect();
    let container = |name: String| ContainerView {
        name,
        started: matches!(pod.stage, 1 | 2),
        ready: cluster.is_ready(pod),
        restarts: pod.restarts,
        waiting: looping.then(|| ("CrashLoopBackOff".to_owned(), String::new())),
        exit_code,
        ended_by: None,
        ran: None,
        ended: false,
    };
    PodView {
        name: pod.name.clone(),
        deleting: pod.deleting,
        phase: phase.to_owned(),
        ready: cluster.is_ready(pod),
        inputs: Some(pod.template.inputs.clone()),
        workload: Some(pod.kind),
        unschedulable: None,
        ended: None,
        containers: names.into_iter().map(container).collect(),
    }
}

//! The API server and the cluster's controllers, as far as `decide` can tell them from the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use compose_operator::api::{ComposeStackStatus, keys};
use compose_operator::compose::model::DependencyCondition;
use compose_operator::controller::decide::JobView;
use compose_operator::translate::{KINDS, Kind, Object};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::spec::{Form, STACK, Spec};

pub use compose_operator::translate::Key;

pub const UID: &str = "stack-00-uid";

/// Whom an object says that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A ComposeStack, by UID.
    Stack(&'static str),
    Other,
    Nobody,
    /// Nobody, with the annotation `adopt`.
    Adoptable,
    /// A claim with the annotations of this stack.
    Claim,
}

/// What a workload makes pods of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pub inputs: String,
    pub stamps: Option<String>,
    /// Something else in it was changed by somebody.
    pub edited: bool,
    pub claim: Option<String>,
    pub config: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Obj {
    pub uid: String,
    pub version: u64,
    pub owner: Owner,
    /// Whether it has the labels by which the operator's caches select.
    pub labelled: bool,
    pub deleting: bool,
    pub inputs: String,
    pub service: Option<String>,
    /// Our managedFields entry, hashed.
    pub fields: String,
    pub changed_by: Option<String>,
    /// A field of ours has another value than we wrote.
    pub edited: bool,
    pub headless: bool,
    pub replicas: i32,
    /// Whose field the number of replicas is: ours, and somebody else's.
    pub holds_replicas: bool,
    pub others_hold_replicas: bool,
    pub template: Template,
    pub generation: i64,
    pub observed: i64,
    pub total: i32,
    pub updated: i32,
    pub ready: i32,
    pub job: JobView,
    pub bound: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    pub name: String,
    pub owner: String,
    pub kind: Kind,
    pub service: String,
    pub template: Template,
    pub deleting: bool,
    /// 0 pending, 1 started, 2 ready, 3 ended.
    pub stage: u8,
    pub restarts: i32,
}

#[derive(Clone, Debug)]
pub struct StackObj {
    pub version: u64,
    pub generation: i64,
    pub spec: Rc<Spec>,
    pub status: Rc<ComposeStackStatus>,
    pub deleting: bool,
}

/// One watch event; `None` is a deletion.
#[derive(Clone, Debug)]
pub enum Event {
    Object(u64, Key, Option<Rc<Obj>>),
    Pod(u64, String, Option<Rc<Pod>>),
    Stack(u64, Option<Rc<StackObj>>),
}

/// Why the API server says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Exists,
    /// A precondition on uid or resourceVersion doesn't hold.
    Precondition,
    Missing,
}

/// A condition that was true once: of a service, at inputs.
pub type Truth = (String, String, DependencyCondition);

#[derive(Default)]
pub struct Cluster {
    version: u64,
    names: u64,
    pub objects: BTreeMap<Key, Rc<Obj>>,
    pub pods: BTreeMap<String, Rc<Pod>>,
    pub stack: Option<Rc<StackObj>>,
    pub log: Vec<Vec<Event>>,
    /// The last good revision, as it is kept in the operator's own namespace.
    pub kept: Option<Rc<Spec>>,
    /// Behaviour of programs by inputs.
    pub forms: BTreeMap<String, Form>,
    pub held: BTreeSet<Truth>,
    /// (service, inputs, replicas) that were all available at some time.
    pub available: BTreeSet<(String, String, i32)>,
    /// Writes by operators that changed something.
    pub writes: u64,
    /// A second operator was there, or one that started from older lists: what one of them does the other may not have seen.
    pub rivals: bool,
    /// Objects that somebody, or another operator, deleted once.
    pub touched: BTreeSet<Key>,
    pub violations: Vec<String>,
}

/// The log of pods, and that of stacks; objects have one for each kind.
pub const POD_LOG: usize = KINDS.len();
pub const STACK_LOG: usize = POD_LOG + 1;

impl Cluster {
    pub fn new() -> Self {
        Self { log: vec![Vec::new(); STACK_LOG + 1], ..Self::default() }
    }

    pub fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn fresh(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    pub fn blame(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub fn put(&mut self, key: &Key, mut object: Obj) -> Rc<Obj> {
        object.version = self.next_version();
        let object = Rc::new(object);
        self.objects.insert(key.clone(), object.clone());
        self.log[key.kind as usize].push(Event::Object(object.version, key.clone(), Some(object.clone())));
        object
    }

    pub fn change(&mut self, key: &Key, change: impl FnOnce(&mut Obj)) {
        let Some(old) = self.objects.get(key) else { return };
        let mut new = (**old).clone();
        change(&mut new);
        if new != **old {
            self.put(key, new);
        }
    }

    pub fn remove(&mut self, key: &Key) {
        if self.objects.remove(key).is_some() {
            let version = self.next_version();
            self.log[key.kind as usize].push(Event::Object(version, key.clone(), None));
        }
    }

    pub fn put_pod(&mut self, pod: Pod) {
        let version = self.next_version();
        let pod = Rc::new(pod);
        self.pods.insert(pod.name.clone(), pod.clone());
        self.log[POD_LOG].push(Event::Pod(version, pod.name.clone(), Some(pod)));
    }

    pub fn change_pod(&mut self, name: &str, change: impl FnOnce(&mut Pod)) {
        let Some(old) = self.pods.get(name) else { return };
        let mut new = (**old).clone();
        change(&mut new);
        if new != **old {
            self.put_pod(new);
        }
    }

    pub fn remove_pod(&mut self, name: &str) {
        if self.pods.remove(name).is_some() {
            let version = self.next_version();
            self.log[POD_LOG].push(Event::Pod(version, name.to_owned(), None));
        }
    }

    pub fn put_stack(&mut self, change: impl FnOnce(&mut StackObj)) {
        let version = self.next_version();
        let mut stack = self.stack.as_deref().cloned().unwrap_or_else(|| StackObj {
            version,
            generation: 0,
            spec: Rc::default(),
            status: Rc::default(),
            deleting: false,
        });
        change(&mut stack);
        stack.version = version;
        let stack = Rc::new(stack);
        self.stack = Some(stack.clone());
        self.log[STACK_LOG].push(Event::Stack(version, Some(stack)));
    }

    pub fn set_spec(&mut self, spec: Spec) {
        for svc in &spec.services {
            self.forms.insert(svc.inputs(), svc.form);
        }
        self.put_stack(|stack| {
            stack.generation += 1;
            stack.spec = Rc::new(spec);
        });
    }

    /// Keeps a revision, or none any more.
    pub fn keep(&mut self, spec: Option<Rc<Spec>>) {
        self.writes += u64::from(self.kept != spec);
        self.kept = spec;
    }

    /// The last good revision, where it is what counts.
    pub fn put_back(&self) -> Option<Rc<Spec>> {
        let stack = self.stack.as_ref()?;
        let record = stack.status.rolled_back.as_ref()?;
        let current = record.generation == stack.generation && record.inputs == stack.spec.desired().inputs();
        self.kept.clone().filter(|_| current)
    }

    pub fn remove_stack(&mut self) {
        self.stack = None;
        let version = self.next_version();
        self.log[STACK_LOG].push(Event::Stack(version, None));
    }

    /// POST.
    pub fn create(&mut self, object: &Object) -> Result<Rc<Obj>, Refused> {
        let key = object.key();
        if self.objects.contains_key(&key) {
            return Err(Refused::Exists);
        }
        let mut new = self.blank(&key);
        render(object, &mut new);
        new.fields = format!("post {}", new.inputs);
        new.generation = 1;
        self.writes += 1;
        let made = self.put(&key, new);
        self.note_schedule(&key);
        Ok(made)
    }

    pub fn blank(&mut self, key: &Key) -> Obj {
        let owner = if key.kind == Kind::PersistentVolumeClaim { Owner::Claim } else { Owner::Stack(UID) };
        Obj {
            uid: format!("{:08}-{}", self.fresh(), key.name),
            version: 0,
            owner,
            labelled: true,
            deleting: false,
            inputs: String::new(),
            service: None,
            fields: String::new(),
            changed_by: None,
            edited: false,
            headless: false,
            replicas: 0,
            holds_replicas: false,
            others_hold_replicas: false,
            template: Template::default(),
            generation: 1,
            observed: 0,
            total: 0,
            updated: 0,
            ready: 0,
            job: JobView::default(),
            bound: false,
        }
    }

    /// Server-side apply with the uid in the body.
    pub fn apply(&mut self, object: &Object, uid: &str) -> Result<Rc<Obj>, Refused> {
        let key = object.key();
        let Some(old) = self.objects.get(&key).cloned() else { return Err(Refused::Missing) };
        let version = object.metadata().resource_version.as_ref();
        if old.uid != uid || version.is_some_and(|version| *version != old.version.to_string()) {
            return Err(Refused::Precondition);
        }
        match old.owner {
            Owner::Stack(UID) | Owner::Claim | Owner::Adoptable => {}
            ref other => self.blame(format!("{key} of {other:?} is applied")),
        }
        let mut new = (*old).clone();
        render(object, &mut new);
        if old.holds_replicas && !new.holds_replicas && !old.others_hold_replicas {
            // Nobody's field gets its default.
            new.replicas = 1;
            self.blame(format!("{key} loses its {} replicas and has one", old.replicas));
        }
        if new.holds_replicas && new.replicas != old.replicas {
            new.others_hold_replicas = false;
        }
        new.fields = format!("apply {}", new.inputs);
        new.edited = false;
        new.changed_by = None;
        new.labelled = true;
        if new.owner == Owner::Adoptable {
            new.owner = if key.kind == Kind::PersistentVolumeClaim { Owner::Claim } else { Owner::Stack(UID) };
        }
        if key.kind == Kind::Service && old.headless != new.headless {
            self.blame(format!("{key}: clusterIP is immutable"));
        }
        if (new.replicas, &new.template) != (old.replicas, &old.template) {
            new.generation += 1;
        }
        if new == *old {
            return Ok(old);
        }
        if new.template != old.template
            && !old.template.edited
            && old.template.inputs == new.template.inputs
            && old.template.stamps == new.template.stamps
        {
            self.blame(format!("the pod template of {key} changes though its inputs don't"));
        }
        self.writes += 1;
        let changed = self.put(&key, new);
        self.note_schedule(&key);
        Ok(changed)
    }

    /// The replicas are held by another manager of ours from now on, too.
    pub fn release_replicas(&mut self, key: &Key, uid: &str) {
        if self.objects.get(key).is_some_and(|o| o.uid == uid) {
            self.change(key, |o| o.others_hold_replicas = true);
        }
    }

    /// Somebody else sets the replicas, through `/scale`.
    pub fn scale(&mut self, key: &Key, replicas: i32, mark: &str) {
        self.change(key, |o| {
            if o.replicas != replicas {
                o.fields = format!("{} without replicas {mark}", o.fields);
                o.replicas = replicas;
                o.holds_replicas = false;
                o.others_hold_replicas = true;
                o.generation += 1;
            }
        });
    }

    /// How often the replicas of a workload, which somebody else had set, became the operator's again since a point of the log.
    pub fn taken_back(&self, key: &Key, from: usize) -> usize {
        let states = self.log[key.kind as usize][from..].iter().filter_map(|event| match event {
            Event::Object(_, of, Some(object)) if of == key => Some(object.holds_replicas),
            _ => None,
        });
        let states: Vec<bool> = states.collect();
        states.windows(2).filter(|pair| !pair[0] && pair[1]).count()
    }

    /// DELETE with preconditions.
    pub fn delete(&mut self, key: &Key, uid: &str, version: &str, slow: bool) -> Result<(), Refused> {
        if uid.is_empty() || version.is_empty() {
            self.blame(format!("{key} is deleted without preconditions"));
        }
        let Some(old) = self.objects.get(key).cloned() else { return Err(Refused::Missing) };
        if old.uid != uid || old.version.to_string() != version {
            return Err(Refused::Precondition);
        }
        if key.kind == Kind::PersistentVolumeClaim {
            self.blame(format!("{key} is deleted"));
        }
        if old.owner != Owner::Stack(UID) {
            self.blame(format!("{key} of {:?} is deleted", old.owner));
        }
        self.writes += 1;
        self.touched.insert(key.clone());
        if slow {
            self.change(key, |o| o.deleting = true);
        } else {
            self.remove(key);
        }
        Ok(())
    }

    /// Whether a workload that has a number of replicas is written without it.
    pub fn leaves_out_replicas(object: &Object) -> bool {
        match object {
            Object::Deployment(o) => o.spec.as_ref().is_some_and(|spec| spec.replicas.is_none()),
            Object::StatefulSet(o) => o.spec.as_ref().is_some_and(|spec| spec.replicas.is_none()),
            _ => false,
        }
    }

    /// Whether a read of the object shows something else than we want.
    pub fn differs(old: &Obj, object: &Object) -> bool {
        let mut new = old.clone();
        render(object, &mut new);
        new.edited = false;
        // Whose field it is can't be read off the values.
        new.holds_replicas = old.holds_replicas;
        new != *old
    }
}

/// Writes what is ours of an object.
pub fn render(object: &Object, into: &mut Obj) {
    object.inputs().clone_into(&mut into.inputs);
    let labels = object.metadata().labels.as_ref();
    into.service = labels.and_then(|l| l.get(keys::SERVICE)).cloned();
    assert_eq!(labels.and_then(|l| l.get(keys::STACK)).map(String::as_str), Some(STACK));
    match object {
        Object::Service(service) => {
            into.headless = service.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) == Some("None");
        }
        Object::Deployment(o) => {
            let spec = o.spec.as_ref().unwrap();
            into.holds_replicas = spec.replicas.is_some();
            into.replicas = spec.replicas.unwrap_or(into.replicas);
            into.template = template(&spec.template);
        }
        Object::StatefulSet(o) => {
            let spec = o.spec.as_ref().unwrap();
            into.holds_replicas = spec.replicas.is_some();
            into.replicas = spec.replicas.unwrap_or(into.replicas);
            into.template = template(&spec.template);
        }
        Object::CronJob(o) => into.template = template(&o.spec.as_ref().unwrap().job_template.spec.as_ref().unwrap().template),
        Object::DaemonSet(o) => into.template = template(&o.spec.as_ref().unwrap().template),
        Object::Job(o) => into.template = template(&o.spec.as_ref().unwrap().template),
        _ => {}
    }
}

fn template(of: &PodTemplateSpec) -> Template {
    let annotation = |key: &str| of.metadata.as_ref()?.annotations.as_ref()?.get(key).cloned();
    let volumes = || of.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    Template {
        inputs: annotation(keys::INPUTS).unwrap_or_default(),
        stamps: annotation(keys::RESTARTED_FOR),
        edited: false,
        claim: volumes().find_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.clone())),
        config: volumes().find_map(|v| Some(v.config_map.as_ref()?.name.clone())),
    }
}

//! The claims of the operator, watched at every decision and every write.

use std::rc::Rc;

use compose_operator::api::{ComposeStackStatus, ServiceState};
use compose_operator::controller::decide::{Action, Cause};
use compose_operator::translate::{Gate, Kind, ServicePlan};

use super::cluster::{Cluster, Key, Obj, Owner, StackObj, UID, render};
use super::operator::Work;
use super::spec::{Form, Spec};

/// A decision as such.
pub fn decided(cluster: &mut Cluster, stack: &Rc<StackObj>, actions: &[Action]) {
    if (stack.deleting || stack.spec.suspend || stack.spec.invalid) && !actions.is_empty() {
        cluster.blame(format!("a stack that is deleted, suspended or invalid gets writes: {actions:?}"));
    }
    let mut keys: Vec<Key> = actions.iter().map(Action::key).collect();
    keys.sort();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        cluster.blame(format!("two actions on one object at once: {keys:?}"));
    }
}

/// The status as it is written.
pub fn status(cluster: &mut Cluster, work: &Work) {
    let size = serde_json::to_vec(&work.status).unwrap().len();
    if size > 16 * 1024 + 512 * work.status.services.len() {
        cluster.blame(format!("a status of {size} bytes"));
    }
    let ready = work.status.conditions.iter().find(|c| c.type_ == "Ready").is_some_and(|c| c.status == "True");
    if work.spec.suspend || !ready {
        return;
    }
    if work.status.observed_generation != Some(work.generation) {
        cluster.blame("Ready speaks of another generation");
    }
    for plan in &work.desired.services {
        let recorded = work.status.services.iter().find(|s| s.name == plan.name).unwrap();
        let wanted = match (plan.kind(), recorded.state) {
            _ if plan.stopped || plan.replicas == 0 => continue,
            (_, ServiceState::Completed) => continue,
            (Kind::DaemonSet, _) => 2,
            _ if plan.autoscaled.is_some() => {
                let there = |(service, inputs, _): &&(String, String, i32)| *service == plan.pod && *inputs == plan.inputs;
                if !cluster.available.iter().any(|one| there(&one)) {
                    cluster.blame(format!("Ready though {} was never there", plan.name));
                }
                continue;
            }
            _ => plan.replicas,
        };
        let seen = (plan.pod.clone(), plan.inputs.clone(), wanted);
        if !cluster.available.contains(&seen) {
            cluster.blame(format!("Ready though {seen:?} was never there"));
        }
    }
}

/// What an action writes, in comparable form.
pub fn content(action: &Action) -> String {
    match action {
        Action::Create { object } | Action::Apply { object, .. } | Action::Compare { object, .. } => {
            let mut cluster = Cluster::new();
            let mut into: Obj = cluster.blank(&object.key());
            render(object, &mut into);
            format!("{} {} of ours {} {:?} {}", into.inputs, into.replicas, into.holds_replicas, into.template, into.headless)
        }
        Action::Delete { .. } => String::new(),
    }
}

/// One action, right before it is carried out.
pub fn acting(cluster: &mut Cluster, work: &Work, action: &Action, certain: Option<&str>) {
    let key = action.key();
    if certain.is_some()
        && certain == Some(&content(action))
        && matches!(action, Action::Create { .. } | Action::Apply { cause: Cause::Changed, .. })
    {
        cluster.blame(format!("{key} is written twice"));
    }
    stays_back(cluster, action);
    let Some(plan) = work.desired.services.iter().find(|s| s.workload == key) else { return };
    match action {
        Action::Create { object } => {
            let mut into = cluster.blank(&key);
            render(object, &mut into);
            alone(cluster, &key, plan);
            let starts = !key.kind.scales() || into.replicas > 0;
            if starts && !cluster.objects.contains_key(&key) {
                finished(cluster, work, plan);
                gates(cluster, work, plan, "created");
                network(cluster, work, plan);
            }
        }
        Action::Apply { object, .. } => {
            let mut into = cluster.blank(&key);
            render(object, &mut into);
            let live = cluster.objects.get(&key).cloned();
            let changes = live.is_some_and(|o| o.replicas > 0 && o.inputs != into.inputs);
            if changes && (into.replicas > 0 || !into.holds_replicas) {
                gates(cluster, work, plan, "updated");
            }
        }
        Action::Delete { .. } | Action::Compare { .. } => {}
    }
}

/// While an update is undone, no workload is written but as the last good revision has it.
fn stays_back(cluster: &mut Cluster, action: &Action) {
    let Some(good) = cluster.put_back().filter(|_| !cluster.rivals) else { return };
    let (Action::Create { object } | Action::Apply { object, .. } | Action::Compare { object, .. }) = action else { return };
    let key = object.key();
    let good = good.desired();
    let same = good.objects.get(&key).is_some_and(|good| good.inputs() == object.inputs());
    if key.kind.is_workload() && !same {
        cluster.blame(format!("{key} is written at {} though that was undone", object.inputs()));
    }
}

/// A service never has two workloads at once.
fn alone(cluster: &mut Cluster, key: &Key, plan: &ServicePlan) {
    let other = |(k, o): (&Key, &Rc<Obj>)| {
        k.kind.is_workload() && k != key && o.service.as_ref() == Some(&plan.object_name) && o.owner == Owner::Stack(UID) && o.labelled
    };
    if !cluster.rivals && cluster.objects.iter().any(other) {
        cluster.blame(format!("{key} is made beside an older workload of {}", plan.name));
    }
}

/// A completed job is never run again.
fn finished(cluster: &mut Cluster, work: &Work, plan: &ServicePlan) {
    let recorded = work.recorded.services.iter().find(|s| s.name == plan.name);
    if plan.kind() == Kind::Job && recorded.is_some_and(|r| r.completed.as_deref() == Some(&plan.inputs)) {
        cluster.blame(format!("{} is run again", plan.workload));
    }
}

fn gates(cluster: &mut Cluster, work: &Work, plan: &ServicePlan, verb: &str) {
    let may_pass = |gate: &Gate| is_met(cluster, work, gate) || verb == "updated" && is_stuck(cluster, work, &gate.service);
    let early = plan.gates.iter().find(|g| g.required && !may_pass(g));
    if let Some(gate) = early {
        cluster.blame(format!("{} is {verb} before {} is {:?}", plan.name, gate.service, gate.condition));
    }
}

fn is_met(cluster: &Cluster, work: &Work, gate: &Gate) -> bool {
    let Some(dependency) = work.desired.service(&gate.service) else { return true };
    let truth = (dependency.object_name.clone(), dependency.inputs.clone(), gate.condition);
    let done = work.recorded.services.iter().any(|s| s.name == gate.service && s.completed.as_deref() == Some(&dependency.inputs));
    dependency.stopped || dependency.replicas == 0 || done || cluster.held.contains(&truth)
}

/// Whether a dependency can't get on by itself, so that nobody's update may wait for it.
fn is_stuck(cluster: &Cluster, work: &Work, name: &str) -> bool {
    let Some(svc) = work.spec.services.iter().find(|s| s.name == name) else { return true };
    let plan = work.desired.service(name).unwrap();
    let needs = |kind, name: String| cluster.objects.get(&Key::new(kind, name)).is_some_and(|o| is_foreign(o));
    let taken = cluster.objects.get(&plan.workload).is_some_and(|o| is_foreign(o))
        || work.desired.objects.keys().any(|key| needs(key.kind, key.name.clone()));
    let fails = matches!(svc.form, Form::FailingJob | Form::Fails | Form::Broken);
    fails || taken || svc.external || svc.gates.iter().any(|g| is_stuck(cluster, work, &g.service))
}

fn is_foreign(object: &Obj) -> bool {
    matches!(object.owner, Owner::Other | Owner::Nobody)
}

/// Names and policies are there before the pods.
fn network(cluster: &mut Cluster, work: &Work, plan: &ServicePlan) {
    let missing = work.desired.objects.keys().find(|key| {
        let matters = key.kind == Kind::NetworkPolicy || key.kind == Kind::Service && key.name == plan.object_name;
        matters && !cluster.objects.contains_key(key)
    });
    if let Some(key) = missing.filter(|key| !cluster.touched.contains(*key)).cloned() {
        cluster.blame(format!("{} is created before {key}", plan.name));
    }
}

/// What is to be true once nothing happens any more.
pub fn settled(cluster: &mut Cluster, spec: &Spec, foreign: bool) {
    let Some(stack) = cluster.stack.clone() else { return };
    let condition = |kind: &str| stack.status.conditions.iter().find(|c| c.type_ == kind).map(|c| (c.status == "True", c.reason.clone()));
    let stalled = condition("Stalled").is_some_and(|(on, _)| on);
    let ready = condition("Ready").is_some_and(|(on, _)| on);
    if stack.status.observed_generation != Some(stack.generation) {
        cluster.blame(format!("the status speaks of generation {:?}, not {}", stack.status.observed_generation, stack.generation));
    }
    if spec.invalid && !spec.suspend && !stalled {
        cluster.blame("an invalid stack is not Stalled");
    }
    if spec.invalid || spec.suspend {
        return;
    }
    let back = cluster.put_back();
    undone(cluster, spec, &stack.status, foreign);
    let spec = back.as_deref().unwrap_or(spec);
    let desired = spec.desired();
    let wanted = |key: &Key| desired.objects.contains_key(key) && !key.kind.is_workload();
    if cluster.objects.iter().any(|(key, o)| o.owner == Owner::Stack(UID) && !o.labelled && !wanted(key)) {
        // Somebody took its labels off and no create meets it, for it isn't wanted now: nothing shows it to the operator any more.
        return;
    }
    for (key, object) in &desired.objects {
        check_object(cluster, spec, key, object, &stack.status, foreign);
    }
    let extra: Vec<Key> =
        cluster.objects.keys().filter(|k| !desired.objects.contains_key(*k) && k.kind != Kind::PersistentVolumeClaim).cloned().collect();
    for key in extra {
        let object = cluster.objects[&key].clone();
        if object.owner == Owner::Stack(UID) && object.labelled && !is_kept(cluster, spec, &key) {
            cluster.blame(format!("{key} left the file and still stands"));
        }
    }
    let well = !foreign && spec.services.iter().all(|s| is_well(s.form) && !s.external);
    if back.is_some() && (ready || !condition("Stalled").is_some_and(|(on, reason)| on && reason == "RolledBack")) {
        cluster.blame(format!("an update is undone, and it isn't told: {:?}", stack.status.conditions));
    }
    if back.is_none() && well && ready == spec.stopped {
        cluster.blame(format!("all is well, and Ready is {ready}: {:?} {:?}", stack.status.conditions, stack.status.services));
    }
}

/// A release that crashes is undone, where the file says so and there is something to go back to.
fn undone(cluster: &mut Cluster, spec: &Spec, status: &ComposeStackStatus, foreign: bool) {
    let wanted = spec.desired().inputs();
    let could = status.revision.as_ref().is_some_and(|revision| revision.inputs != wanted);
    let calm = !foreign && !spec.stopped && spec.services.iter().all(|s| !s.external);
    let crashes = |s: &super::spec::Svc| {
        let alone =
            s.gates.iter().all(|gate| spec.services.iter().any(|d| d.name == gate.service && d.form == Form::Server && d.gates.is_empty()));
        s.form == Form::Broken && s.undoes && s.replicas > 0 && !s.stopped && alone
    };
    if calm && could && cluster.put_back().is_none() && spec.services.iter().any(crashes) {
        cluster.blame(format!("a release that crashes stays: {:?}", status.services));
    }
}

/// Whether a program of this form does what it is for.
fn is_well(form: Form) -> bool {
    matches!(form, Form::Server | Form::Stateful | Form::Cron | Form::Job | Form::Global | Form::Ends)
}

/// Older contents and policies stay while something that can't get on may use them.
fn is_kept(cluster: &Cluster, spec: &Spec, key: &Key) -> bool {
    let stuck = spec.services.iter().any(|s| !is_well(s.form) || s.external);
    let foreign = cluster.objects.values().any(|o| is_foreign(o));
    // A predecessor runs on until its successor can be made.
    let successor = key.kind.is_workload();
    (stuck || foreign) && (successor || matches!(key.kind, Kind::ConfigMap | Kind::NetworkPolicy))
}

fn check_object(
    cluster: &mut Cluster,
    spec: &Spec,
    key: &Key,
    object: &compose_operator::translate::Object,
    status: &ComposeStackStatus,
    foreign: bool,
) {
    let stuck = |name: &str| {
        let mut todo = vec![name.to_owned()];
        while let Some(name) = todo.pop() {
            let Some(svc) = spec.services.iter().find(|s| s.name == name) else { continue };
            if !is_well(svc.form) || svc.external {
                return true;
            }
            todo.extend(svc.gates.iter().map(|g| g.service.clone()));
        }
        false
    };
    let plan = desired_plan(spec, key);
    let recorded = plan.as_ref().and_then(|p| status.services.iter().find(|s| s.name == p.name));
    let Some(live) = cluster.objects.get(key).cloned() else {
        let absent = match (&plan, recorded) {
            (Some(plan), Some(recorded)) => {
                let done = recorded.completed.as_deref() == Some(&plan.inputs);
                let off = plan.stopped || plan.replicas == 0;
                plan.kind() == Kind::Job && (done || off)
                    || matches!(plan.kind(), Kind::DaemonSet | Kind::CronJob) && off
                    || stuck(&plan.name)
            }
            _ => false,
        };
        if !absent && !foreign {
            cluster.blame(format!("{key} is missing; {recorded:?}"));
        }
        return;
    };
    let off = plan.as_ref().is_some_and(|p| p.stopped || p.replicas == 0);
    if is_foreign(&live) || off && live.owner == Owner::Adoptable {
        return;
    }
    let waits = live.owner == Owner::Adoptable && plan.as_ref().is_some_and(|p| stuck(&p.name));
    if !(live.labelled || waits) {
        cluster.blame(format!("{key} stays without its labels"));
    }
    // What waits to be updated can't be repaired: only today's rendering is known. What waits to come up from 0 is written whole then.
    let comes_up = key.kind.scales() && live.replicas == 0;
    let held = plan.as_ref().is_some_and(|p| stuck(&p.name) && (live.inputs != p.inputs || comes_up));
    if live.edited && !held && !live.job.complete && live.job.failure.is_none() {
        cluster.blame(format!("{key} stays as somebody else changed it"));
    }
    let Some(plan) = plan else { return };
    if live.inputs != object.inputs() && !stuck(&plan.name) && !foreign {
        cluster.blame(format!("{key} stays at {} instead of {}", live.inputs, object.inputs()));
    }
    let done = recorded.is_some_and(|r| r.completed.as_deref() == Some(&plan.inputs) || r.exhausted.as_deref() == Some(&plan.inputs));
    let wanted = if done { 0 } else { plan.replicas };
    if let (Some((least, most)), false) = (plan.autoscaled, wanted == 0) {
        let within = (least..=most).contains(&live.replicas);
        if live.inputs == plan.inputs && !within && !stuck(&plan.name) && !foreign {
            cluster.blame(format!("{key} has {} replicas, and its autoscaler wants {least} to {most}", live.replicas));
        }
        if live.inputs == plan.inputs && live.holds_replicas && !stuck(&plan.name) && !foreign {
            cluster.blame(format!("{key} keeps its replicas from its autoscaler"));
        }
        return;
    }
    if key.kind.scales() && live.inputs == plan.inputs && live.replicas != wanted && !stuck(&plan.name) && !foreign {
        cluster.blame(format!("{key} has {} replicas instead of {wanted}", live.replicas));
    }
}

fn desired_plan(spec: &Spec, key: &Key) -> Option<ServicePlan> {
    spec.desired().services.into_iter().find(|s| s.workload == *key)
}

use std::collections::BTreeMap;

use super::acts::Acts;
use super::facts::{Facts, is_zero};
use super::gates::{Pass, Verdicts, on_create, on_update};
use super::hold::Hold;
use super::objects::{Standing, obstacle};
use super::observed::{FailureKind, LiveObject};
use super::outcome::{Action, Cause};
use super::progress::{Progress, job};
use super::stamp::{self, Stamps};
use super::stand::{self, Stand};
use super::steps;
use super::updates;
use super::view::{Scene, Seen};
use super::writes::{self, apply, delete};
use crate::cluster::view::PodView;
use crate::translate::{ExternalKind, Gate, Key, Kind, Object, ServicePlan};

/// Who changes replicas and is no manager by name: a controller of the cluster does it for others.
const AUTOSCALER: &str = "a controller of the cluster, such as an autoscaler,";

/// One service's turn: what is done about its workload.
pub(super) struct Turn<'s, 'a> {
    pub scene: &'s Scene<'a>,
    pub plan: &'s ServicePlan,
    pub facts: &'s Facts,
    pub progress: &'s Progress,
    pub verdicts: &'s Verdicts<'a>,
    pub standings: &'s BTreeMap<&'a Key, Standing>,
}

impl Turn<'_, '_> {
    pub fn take(&self, object: &Object, acts: &mut Acts) -> Option<Hold> {
        steps::stop(self.scene, self.plan, acts);
        let hold = if self.is_unwanted() { self.remove(acts) } else { self.write(object, acts) };
        match hold {
            Some(Hold::Pending) => {
                let failure = acts.failure(&self.plan.workload);
                // A Job runs as it was made.
                let stands = |kind| kind == FailureKind::Immutable && self.plan.kind() == Kind::Job;
                if failure.is_some_and(|f| stands(f.kind)) {
                    return None;
                }
                failure.map(|f| Hold::Failed(f.kind, f.message.clone())).or(Some(Hold::Pending))
            }
            hold => hold,
        }
    }

    /// Nothing of a DaemonSet, CronJob or Job is wanted while stopped, and nothing of a Job that has completed.
    fn is_unwanted(&self) -> bool {
        match self.plan.kind() {
            Kind::Job => is_zero(self.plan) || self.facts.is_completed(self.plan),
            Kind::DaemonSet | Kind::CronJob => is_zero(self.plan),
            _ => false,
        }
    }

    fn remove(&self, acts: &mut Acts) -> Option<Hold> {
        let mut going = self.remove_others(acts);
        if let (true, Stand::Ours(live)) = (is_zero(self.plan), stand::stand(self.scene, &self.plan.workload))
            && !is_finished(live)
        {
            acts.push(delete(&self.plan.workload, live));
            going = true;
        }
        let leaving = matches!(stand::stand(self.scene, &self.plan.workload), Stand::Going(seen) if self.scene.is_ours(&seen));
        (is_zero(self.plan) && (going || leaving)).then(|| Hold::Deletion("it is being stopped".to_owned()))
    }

    /// Deletes workloads of the service that have another kind or older inputs; tells whether there are any.
    fn remove_others(&self, acts: &mut Acts) -> bool {
        let mut any = false;
        for (key, live, deleting) in self.workloads().filter(|(key, ..)| **key != self.plan.workload) {
            any = true;
            if !deleting {
                acts.push(delete(key, live));
            }
        }
        any
    }

    /// All workloads of the service, those of another kind or of older inputs among them.
    fn workloads(&self) -> impl Iterator<Item = (&Key, &LiveObject, bool)> {
        let guests = self.scene.guests(self.plan);
        let is_its = |service: &str| service == self.plan.object_name || guests.iter().any(|guest| guest.object_name == service);
        let ours = self.scene.ours().filter(move |(key, seen)| {
            let older = seen.object.service.as_deref().is_some_and(is_its) && !self.scene.desired.objects.contains_key(key);
            key.kind.is_workload() && (**key == self.plan.workload || older)
        });
        ours.map(|(key, seen)| (key, seen.object, seen.deleting))
    }

    fn write(&self, object: &Object, acts: &mut Acts) -> Option<Hold> {
        let key = &self.plan.workload;
        match stand::stand(self.scene, key) {
            Stand::Missing => self.create(object, acts),
            Stand::Going(seen) => self.retry(&seen, object, acts).or(Some(Hold::Deletion(stand::going(key)))),
            Stand::Taken(seen, owner) => self.retry(&seen, object, acts).or(Some(Hold::Conflict(stand::taken(key, owner)))),
            Stand::Stray(live) => self.mend(object, live, Cause::Adopted, acts),
            Stand::Ours(live) if writes::replace(object, live, acts) => {
                Some(Hold::Deletion("what is to change of it never does, so it is made anew".to_owned()))
            }
            Stand::Ours(live) => self.mend(object, live, Cause::Changed, acts),
        }
    }

    /// Tries a name again when it is time. What only memory knows to be in the way is not told while a gate would keep this service from
    /// finding it: a restart of the operator must not change what is said.
    fn retry(&self, seen: &Seen, object: &Object, acts: &mut Acts) -> Option<Hold> {
        let waits = seen.read.and_then(|_| self.gates(on_create));
        if waits.is_none() && stand::is_due(seen, acts) {
            self.create(object, acts);
        }
        waits
    }

    fn create(&self, object: &Object, acts: &mut Acts) -> Option<Hold> {
        let obstacle = self.gates(on_create).or_else(|| self.externals()).or_else(|| self.objects());
        let obstacle = obstacle.or_else(|| self.steps(acts)).or_else(|| self.predecessors(acts));
        if obstacle.is_none() {
            let stamps = Stamps::default().renewed(self.plan, self.verdicts);
            let object = stamp::workload(object, self.plan, Some(self.replicas()), &stamps);
            acts.push(Action::Create { object: Box::new(object) });
        }
        obstacle.or(Some(Hold::Pending))
    }

    fn mend(&self, object: &Object, live: &LiveObject, cause: Cause, acts: &mut Acts) -> Option<Hold> {
        let key = &self.plan.workload;
        let comes_up = self.plan.kind().scales() && self.progress.replicas == 0 && self.replicas() > 0;
        let stamps = Stamps::parse(live.restarted_for.as_deref());
        self.remove_others(acts);
        let restarts = self.plan.kind() != Kind::Job && self.replicas() > 0;
        let changed = !self.progress.written || (restarts && stamps.is_restart_due(self.plan, self.verdicts));
        if is_finished(live) && self.progress.written {
            return None;
        }
        if changed || comes_up {
            let gate = match (comes_up, self.scene.bugs.ignore_update_gate) {
                (true, _) => self.gates(on_create),
                (false, false) => self.gates(on_update),
                (false, true) => None,
            };
            let obstacle = gate.or_else(|| self.externals()).or_else(|| self.objects());
            let obstacle = obstacle.or_else(|| self.steps(acts)).or_else(|| self.newcomers());
            if obstacle.is_none() {
                acts.push(self.apply(self.render(object, live, true), live, cause));
            }
            return obstacle.or(Some(Hold::Pending));
        }
        if cause == Cause::Adopted {
            acts.push(self.apply(self.render(object, live, false), live, cause));
            return Some(Hold::Pending);
        }
        let repair = writes::repair(self.scene, key, live, || self.render(object, live, false));
        let scaled = self.plan.kind().scales() && self.progress.replicas != self.replicas();
        let taken = scaled && !self.progress.holds_replicas && !self.scene.bugs.fight_over_replicas;
        let action = match repair {
            Some(Action::Apply { object, cause, .. }) => Some(self.apply(*object, live, cause)),
            Some(_) if taken => Some(self.apply(self.render(object, live, false), live, Cause::Drift)),
            _ if scaled || self.releases() || self.is_paused() != self.progress.paused => {
                Some(self.apply(self.render(object, live, false), live, Cause::Changed))
            }
            compare => compare,
        };
        match action {
            Some(action) if acts.repair(action.clone(), live.changed_by.as_deref().or(taken.then_some(AUTOSCALER))) => Some(Hold::Pending),
            Some(_) => None,
            // It goes on running; that what it needs has gone is told before it is needed again.
            None => self.externals(),
        }
    }

    /// What stands in the live template stays there unless the template is written anew.
    fn render(&self, object: &Object, live: &LiveObject, anew: bool) -> Object {
        let stamps = Stamps::parse(live.restarted_for.as_deref());
        let stamps = if anew { stamps.renewed(self.plan, self.verdicts) } else { stamps };
        let replicas = (!self.are_scaled_by_others()).then(|| self.replicas());
        let mut object = stamp::workload(object, self.plan, replicas, &stamps);
        if let (true, Object::Deployment(deployment)) = (self.is_paused(), &mut object) {
            deployment.spec.get_or_insert_default().paused = Some(true);
        }
        object
    }

    fn is_paused(&self) -> bool {
        updates::is_paused(self.plan, self.facts, self.progress)
    }

    fn apply(&self, mut object: Object, live: &LiveObject, cause: Cause) -> Action {
        let releases = self.releases() && !self.scene.bugs.keep_hold_of_replicas;
        if self.are_scaled_by_others() && !self.releases() {
            // Replicas that have become ours since this was seen, such as the 0 of a stop, would fall back to the default of 1.
            object.metadata_mut().resource_version = Some(live.resource_version.clone());
        }
        match apply(object, live, cause) {
            Action::Apply { object, uid, cause, .. } => Action::Apply { object, uid, cause, releases },
            other => other,
        }
    }

    /// Whether the replicas are an autoscaler's to set. At 0 it rests, and what comes up from 0 gets its first replicas from us.
    fn are_scaled_by_others(&self) -> bool {
        self.plan.autoscaled.is_some() && self.replicas() > 0 && self.progress.replicas > 0
    }

    /// Whether the replicas are to be an autoscaler's and are still ours.
    fn releases(&self) -> bool {
        self.are_scaled_by_others() && self.progress.holds_replicas
    }

    /// The replicas that are wanted now.
    pub fn replicas(&self) -> i32 {
        wanted(self.plan, self.facts, self.progress)
    }

    fn gates(&self, pass: fn(&Gate, &Verdicts) -> Pass) -> Option<Hold> {
        if self.replicas() == 0 {
            return None;
        }
        let (mut waiting, mut failed) = (Vec::new(), Vec::new());
        for gate in &self.plan.gates {
            match pass(gate, self.verdicts) {
                Pass::Waiting(message) => waiting.push((gate.service.clone(), message)),
                Pass::Failed(message) => failed.push((gate.service.clone(), message)),
                Pass::Open | Pass::Spared(_) => {}
            }
        }
        let join = |found: Vec<(String, String)>| -> (Vec<String>, String) {
            let (names, messages): (Vec<String>, Vec<String>) = found.into_iter().unzip();
            (names, format!("waits for {}", messages.join("; for ")))
        };
        if !failed.is_empty() {
            let (names, message) = join(failed);
            return Some(Hold::DependencyFailed(names, message));
        }
        (!waiting.is_empty()).then(|| {
            let (names, message) = join(waiting);
            Hold::Gates(names, message)
        })
    }

    fn externals(&self) -> Option<Hold> {
        let missing = self.plan.externals.iter().filter(|e| self.scene.input.missing.contains(e));
        let words: Vec<String> = missing
            .map(|e| match e.kind {
                ExternalKind::Network => format!(
                    "the external network {} ({}) exists neither in another stack nor as the namespace's label compose-operator.dev/network.{}",
                    e.name, e.path, e.name
                ),
                ExternalKind::PersistentVolumeClaim => format!("the external volume's PersistentVolumeClaim {} ({}) doesn't exist", e.name, e.path),
                ExternalKind::ConfigMap => format!("the external config's ConfigMap {} ({}) doesn't exist", e.name, e.path),
                ExternalKind::Secret => format!("the external secret's Secret {} ({}) doesn't exist", e.name, e.path),
            })
            .collect();
        (!words.is_empty() && self.replicas() > 0).then(|| Hold::External(words.join("; ")))
    }

    fn objects(&self) -> Option<Hold> {
        if self.replicas() == 0 && self.scene.get(&self.plan.workload).is_some() {
            return None;
        }
        obstacle(self.scene, self.standings, self.plan).map(|o| Hold::Objects { message: o.message, blocked: o.blocked })
    }

    fn steps(&self, acts: &mut Acts) -> Option<Hold> {
        if self.replicas() == 0 { None } else { steps::run(self.scene, self.plan, self.facts, acts) }
    }

    /// A workload of another kind, or a Job of older inputs, is deleted first, and its pods are waited for: two of them never run at once.
    fn predecessors(&self, acts: &mut Acts) -> Option<Hold> {
        self.remove_others(acts);
        let mut names: Vec<String> = self.workloads().map(|(key, ..)| key.to_string()).collect();
        let other = |p: &PodView| {
            let older = p.inputs.as_deref() != Some(&self.plan.inputs);
            p.workload.is_some_and(|kind| match self.plan.kind() {
                // The pods of a CronJob are those of its Jobs.
                Kind::Job | Kind::CronJob => kind != Kind::Job || older,
                wanted => kind != wanted,
            })
        };
        let pods = self.scene.pods(&self.plan.object_name).iter().filter(|p| runs(&p.phase) && other(p));
        names.extend(pods.map(|p| format!("Pod {}", p.name)));
        names.extend(self.pods_of_guests());
        gone_first(names)
    }

    /// What a service that joins this one's pods has run as until now is gone before they are made anew.
    fn newcomers(&self) -> Option<Hold> {
        let guests = self.scene.guests(self.plan);
        let of_guest = |live: &LiveObject| guests.iter().any(|guest| live.service.as_ref() == Some(&guest.object_name));
        let mut names: Vec<String> = self.workloads().filter(|(_, live, _)| of_guest(live)).map(|(key, ..)| key.to_string()).collect();
        names.extend(self.pods_of_guests());
        gone_first(names)
    }

    /// Pods that services which now run in this one's have of their own.
    fn pods_of_guests(&self) -> impl Iterator<Item = String> {
        let pods = self.scene.guests(self.plan).iter().flat_map(|guest| self.scene.pods(&guest.object_name));
        pods.filter(|p| runs(&p.phase)).map(|p| format!("Pod {}", p.name))
    }
}

fn runs(phase: &str) -> bool {
    matches!(phase, "Pending" | "Running" | "Unknown")
}

fn gone_first(mut names: Vec<String>) -> Option<Hold> {
    names.sort();
    (!names.is_empty()).then(|| Hold::Deletion(format!("the older {} must be gone first", names.join(", "))))
}

fn is_finished(live: &LiveObject) -> bool {
    job(live).is_some_and(|j| j.complete || j.failure.is_some())
}

/// The replicas that a service is to have now: none once it has run to its end, as many as it has where an autoscaler sees to them.
pub(super) fn wanted(plan: &ServicePlan, facts: &Facts, progress: &Progress) -> i32 {
    match plan.autoscaled {
        // A pod that others share goes on.
        _ if is_zero(plan) || facts.end_is_recorded && plan.mates.is_empty() => 0,
        Some(_) if progress.replicas > 0 => progress.replicas,
        _ => plan.replicas,
    }
}

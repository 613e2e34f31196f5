//! Kubernetes' own controllers and kubelets, one small step at a time.

use std::rc::Rc;

use compose_operator::compose::model::DependencyCondition;
use compose_operator::translate::Kind;

use super::cluster::{Cluster, Key, Obj, Owner, Pod, Template, UID};
use super::rng::Rng;
use super::spec::{BOUNDS, BOUNDS_OF_OTHERS, Form, OF_OTHERS};

/// Nodes, each with one pod of a DaemonSet.
const NODES: i32 = 2;

impl Cluster {
    /// One step of one controller, any.
    pub fn tick(&mut self, rng: &mut Rng) {
        if rng.percent(50) {
            let names: Vec<String> = self.pods.keys().cloned().collect();
            if let Some(name) = rng.pick(&names) {
                self.pod_step(name);
            }
        } else {
            let keys: Vec<Key> = self.objects.keys().cloned().collect();
            if let Some(key) = rng.pick(&keys) {
                self.object_step(key);
            }
        }
    }

    /// One step of every controller.
    pub fn tick_all(&mut self) {
        for key in self.objects.keys().cloned().collect::<Vec<_>>() {
            self.object_step(&key);
        }
        for name in self.pods.keys().cloned().collect::<Vec<_>>() {
            self.pod_step(&name);
        }
    }

    fn object_step(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key).cloned() else { return };
        let orphaned = match object.owner {
            Owner::Stack(uid) => uid != UID || self.stack.is_none(),
            _ => false,
        };
        if object.deleting || orphaned {
            return self.remove(key);
        }
        match key.kind {
            Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet => self.replicated_step(key, &object),
            Kind::HorizontalPodAutoscaler => self.autoscaler_step(key),
            Kind::Job => self.job_step(key, &object),
            Kind::PersistentVolumeClaim => self.change(key, |o| o.bound = true),
            _ => {}
        }
    }

    /// Keeps the replicas of its service's workload within its bounds; at 0 it rests. That of others leaves alone what has its own.
    fn autoscaler_step(&mut self, key: &Key) {
        let foreign = key.name.strip_prefix(OF_OTHERS);
        if foreign.is_some_and(|name| self.objects.contains_key(&Key::new(Kind::HorizontalPodAutoscaler, name))) {
            return;
        }
        let (name, (least, most)) = foreign.map_or((key.name.as_str(), BOUNDS), |name| (name, BOUNDS_OF_OTHERS));
        for kind in [Kind::Deployment, Kind::StatefulSet] {
            let target = Key::new(kind, name);
            let Some(replicas) = self.objects.get(&target).map(|o| o.replicas).filter(|n| *n > 0) else { continue };
            let mark = self.fresh().to_string();
            self.scale(&target, replicas.clamp(least, most), &mark);
        }
    }

    fn pods_of(&self, uid: &str) -> Vec<Rc<Pod>> {
        self.pods.values().filter(|p| p.owner == uid).cloned().collect()
    }

    fn make_pod(&mut self, key: &Key, object: &Obj) {
        let name = format!("{}-{}", key.name, self.fresh());
        self.put_pod(Pod {
            name,
            owner: object.uid.clone(),
            kind: key.kind,
            service: object.service.clone().unwrap_or_default(),
            template: object.template.clone(),
            deleting: false,
            stage: 0,
            restarts: 0,
        });
    }

    fn replicated_step(&mut self, key: &Key, object: &Obj) {
        let wanted = if key.kind == Kind::DaemonSet { NODES } else { object.replicas };
        let recreate = object.template.claim.is_some() || key.kind != Kind::Deployment;
        let pods = self.pods_of(&object.uid);
        let (new, old): (Vec<_>, Vec<_>) = pods.iter().filter(|p| !p.deleting).partition(|p| p.template == object.template);
        let ready = |pods: &[&Rc<Pod>]| i32::try_from(pods.iter().filter(|p| self.is_ready(p)).count()).unwrap();
        let (fresh, fresh_ready, old_ready) = (i32::try_from(new.len()).unwrap(), ready(&new), ready(&old));
        let stopping = pods.iter().any(|p| p.deleting && p.template != object.template);
        let both = fresh + i32::try_from(old.len()).unwrap();
        let mut made = 0;
        if recreate && (!old.is_empty() || stopping) {
            for pod in &old {
                self.change_pod(&pod.name, |p| p.deleting = true);
            }
        } else if fresh < wanted && both <= wanted {
            // Start first, one more at a time.
            self.make_pod(key, object);
            made = 1;
        } else if let Some(pod) = new.first().filter(|_| fresh > wanted) {
            self.change_pod(&pod.name, |p| p.deleting = true);
            made = -1;
        } else if let Some(pod) = old.iter().find(|p| !self.is_ready(p)).filter(|_| both - wanted > fresh - fresh_ready) {
            self.change_pod(&pod.name, |p| p.deleting = true);
        } else if let Some(pod) = old.first().filter(|_| fresh_ready + old_ready > wanted) {
            self.change_pod(&pod.name, |p| p.deleting = true);
        }
        let left = self.pods_of(&object.uid).iter().filter(|p| !p.deleting).count();
        self.change(key, |o| {
            o.observed = o.generation;
            o.total = i32::try_from(left).unwrap();
            o.updated = fresh + made;
            o.ready = (fresh_ready + old_ready).min(o.total);
        });
        self.note_truth(key);
    }

    fn job_step(&mut self, key: &Key, object: &Obj) {
        if object.job.complete || object.job.failure.is_some() {
            return;
        }
        let pods = self.pods_of(&object.uid);
        let running: Vec<_> = pods.iter().filter(|p| !p.deleting && p.stage < 3).collect();
        let ended = pods.iter().find(|p| p.stage == 3).cloned();
        if running.is_empty() && ended.is_none() {
            return self.make_pod(key, object);
        }
        let active = i32::try_from(running.len()).unwrap();
        let ready = i32::try_from(running.iter().filter(|p| p.stage == 2).count()).unwrap();
        let failing = ended.as_ref().is_some_and(|p| self.form(&p.template) == Form::FailingJob);
        self.change(key, |o| {
            o.job.active = active;
            o.job.ready = ready;
            if ended.is_some() && failing {
                o.job.failed = 1;
                o.job.failure = Some("exit code 1".to_owned());
            } else if ended.is_some() {
                o.job.succeeded = 1;
                o.job.complete = true;
            }
        });
        self.note_truth(key);
    }

    pub fn form(&self, template: &Template) -> Form {
        self.forms.get(&template.inputs).copied().unwrap_or(Form::Server)
    }

    pub fn is_ready(&self, pod: &Pod) -> bool {
        pod.stage == 2 && !pod.deleting && !matches!(self.form(&pod.template), Form::Broken | Form::Fails)
    }

    fn pod_step(&mut self, name: &str) {
        let Some(pod) = self.pods.get(name).cloned() else { return };
        let owned = self.objects.iter().any(|(key, o)| key.kind == pod.kind && o.uid == pod.owner && !o.deleting);
        if pod.deleting {
            return self.remove_pod(name);
        }
        if !owned {
            return self.change_pod(name, |p| p.deleting = true);
        }
        let claim = pod.template.claim.as_ref().map(|name| Key::new(Kind::PersistentVolumeClaim, name.clone()));
        if pod.stage == 0 && claim.is_some_and(|key| self.objects.get(&key).is_none_or(|o| !o.bound)) {
            return;
        }
        let config = pod.template.config.as_ref().map(|name| Key::new(Kind::ConfigMap, name.clone()));
        if pod.stage == 0 && config.is_some_and(|key| !self.objects.contains_key(&key)) {
            return;
        }
        let form = self.form(&pod.template);
        self.change_pod(name, |p| match (form, p.stage) {
            (Form::Broken | Form::Fails, 1) => {
                p.stage = 3;
                p.restarts += 1;
            }
            (Form::Broken | Form::Fails, 3) => p.restarts = (p.restarts + 1).min(5),
            (Form::Ends | Form::Job | Form::FailingJob, 2) => p.stage = 3,
            (_, 0 | 1) => p.stage += 1,
            _ => {}
        });
        let key = self.objects.iter().find(|(_, o)| o.uid == pod.owner).map(|(key, _)| key.clone());
        if let Some(key) = key {
            self.note_truth(&key);
        }
    }

    /// A schedule is there as soon as it is written.
    pub fn note_schedule(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key).filter(|_| key.kind == Kind::CronJob).cloned() else { return };
        let (Some(service), inputs) = (object.service.clone(), object.template.inputs.clone()) else { return };
        for condition in [DependencyCondition::Started, DependencyCondition::Healthy] {
            self.held.insert((service.clone(), inputs.clone(), condition));
        }
        self.available.insert((service, inputs, 1));
    }

    /// The replicas that the file asks for.
    fn specified(&self, service: &str) -> Option<i32> {
        let spec = &self.stack.as_ref()?.spec;
        spec.services.iter().find(|s| s.name == service).map(|s| s.replicas).filter(|n| *n > 0)
    }

    /// Remembers which conditions a service's workload meets at this moment.
    fn note_truth(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key).cloned() else { return };
        let (Some(service), inputs) = (object.service.clone(), object.template.inputs.clone()) else { return };
        let pods: Vec<_> = self.pods_of(&object.uid).into_iter().filter(|p| !p.deleting && p.template.inputs == inputs).collect();
        let count = |of: &dyn Fn(&Pod) -> bool| i32::try_from(pods.iter().filter(|p| of(p)).count()).unwrap();
        let wanted = match key.kind {
            Kind::DaemonSet => NODES,
            Kind::Job => 1,
            // What somebody else scales up behind the file's back binds nobody.
            _ => object.replicas.min(self.specified(&service).unwrap_or(object.replicas)),
        };
        let started = count(&|p| p.stage > 0);
        let ready = count(&|p| self.is_ready(p));
        let ended = object.job.complete;
        let mut note = |condition| self.held.insert((service.clone(), inputs.clone(), condition));
        if wanted > 0 && (started >= wanted || ended || object.job.failed > 0) {
            note(DependencyCondition::Started);
        }
        if wanted > 0 && (ready >= wanted || ended) {
            note(DependencyCondition::Healthy);
        }
        if ended || self.form(&object.template) == Form::Ends && wanted > 0 && count(&|p| p.stage == 3) >= wanted {
            for condition in [DependencyCondition::Started, DependencyCondition::Healthy, DependencyCondition::CompletedSuccessfully] {
                self.held.insert((service.clone(), inputs.clone(), condition));
            }
        }
        if ready >= wanted || ended {
            self.available.insert((service, inputs, wanted));
        }
    }
}

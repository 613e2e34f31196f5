use crate::compose::model::{DependencyCondition, FailureAction};
use crate::translate::{External, ExternalKind, Gate, Key, Kind, Lifetime, OnFailure, PreStart, ServicePlan};

/// A service with its Service, at version 1.
pub fn svc(name: &str) -> ServicePlan {
    ServicePlan {
        name: name.to_owned(),
        workload: Key::new(Kind::Deployment, name),
        object_name: name.to_owned(),
        pod: name.to_owned(),
        container: name.to_owned(),
        mates: Vec::new(),
        pre_start: None,
        inputs: format!("{name}-1"),
        image: format!("example/{name}"),
        replicas: 1,
        autoscaled: None,
        stopped: false,
        lifetime: Lifetime::Forever,
        restart_window: None,
        gates: Vec::new(),
        externals: Vec::new(),
        endpoints: Vec::new(),
        urls: Vec::new(),
        progress_deadline: 600,
        on_failure: None,
    }
}

pub fn job(name: &str) -> ServicePlan {
    let mut plan = svc(name);
    plan.workload = Key::new(Kind::Job, format!("{name}--{}", plan.inputs));
    plan.lifetime = Lifetime::Once;
    plan
}

pub fn until_success(name: &str, attempts: Option<u32>) -> ServicePlan {
    ServicePlan { lifetime: Lifetime::UntilSuccess { attempts }, ..svc(name) }
}

pub fn daemon(name: &str) -> ServicePlan {
    ServicePlan { workload: Key::new(Kind::DaemonSet, name), ..svc(name) }
}

pub fn stateful(name: &str) -> ServicePlan {
    ServicePlan { workload: Key::new(Kind::StatefulSet, name), ..svc(name) }
}

pub fn cron(name: &str) -> ServicePlan {
    ServicePlan { workload: Key::new(Kind::CronJob, name), ..svc(name) }
}

pub trait Build: Sized {
    fn after(self, name: &str, condition: DependencyCondition) -> Self;
    fn optional(self) -> Self;
    fn restarting(self) -> Self;
    fn times(self, replicas: i32) -> Self;
    fn at(self, inputs: &str) -> Self;
    fn stop(self) -> Self;
    fn needs_secret(self, name: &str) -> Self;
    fn autoscaled(self, least: i32, most: i32) -> Self;
    /// Shares the pods of another, at the same inputs.
    fn inside(self, host: &str) -> Self;
    fn beside(self, container: &str) -> Self;
    fn after_steps(self, inputs: &str) -> Self;
    fn failing(self, action: FailureAction, tolerated: f64) -> Self;
}

impl Build for ServicePlan {
    fn after(mut self, name: &str, condition: DependencyCondition) -> Self {
        self.gates.push(Gate { service: name.to_owned(), condition, required: true, restart: false });
        self
    }

    fn optional(mut self) -> Self {
        self.gates.iter_mut().for_each(|g| g.required = false);
        self
    }

    fn restarting(mut self) -> Self {
        self.gates.iter_mut().for_each(|g| g.restart = true);
        self
    }

    fn times(self, replicas: i32) -> Self {
        Self { replicas, ..self }
    }

    fn at(mut self, inputs: &str) -> Self {
        inputs.clone_into(&mut self.inputs);
        if self.workload.kind == Kind::Job {
            self.workload.name = format!("{}--{inputs}", self.name);
        }
        self
    }

    fn stop(self) -> Self {
        Self { replicas: 0, stopped: true, ..self }
    }

    fn autoscaled(self, least: i32, most: i32) -> Self {
        Self { autoscaled: Some((least, most)), ..self }
    }

    fn inside(mut self, host: &str) -> Self {
        self.workload = svc(host).workload;
        self.inputs = svc(host).inputs;
        host.clone_into(&mut self.pod);
        self.beside(host)
    }

    fn beside(mut self, container: &str) -> Self {
        self.mates.push(container.to_owned());
        self
    }

    fn after_steps(mut self, inputs: &str) -> Self {
        let pod = format!("{}--pre-start", self.name);
        let workload = Key::new(Kind::Job, format!("{pod}-{inputs}"));
        self.pre_start = Some(PreStart { workload, inputs: inputs.to_owned(), pod });
        self
    }

    fn failing(self, action: FailureAction, tolerated: f64) -> Self {
        Self { on_failure: Some(OnFailure { action, tolerated }), ..self }
    }

    fn needs_secret(mut self, name: &str) -> Self {
        self.externals.push(External { kind: ExternalKind::Secret, name: name.to_owned(), path: format!("secrets.{name}") });
        self
    }
}

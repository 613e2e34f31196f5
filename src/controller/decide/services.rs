use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::acts::{AFTER_RECORD, Acts};
use super::facts::{Facts, is_zero};
use super::gates::{Pass, Verdict, Verdicts, on_create, order};
use super::gather::{gather, has_failed_for_good};
use super::hold::Hold;
use super::objects::Standing;
use super::observed::{FailureKind, LiveObject};
use super::progress::{Progress, job, main_container};
use super::stand::{Stand, stand};
use super::turn::{Turn, wanted};
use super::view::Scene;
use super::{updates, words};
use crate::api::keys::reason;
use crate::api::{ServiceState, ServiceStatus};
use crate::cluster::view::{PodView, WorkloadView};
use crate::compose::model::DependencyCondition;
use crate::translate::{Endpoint, Key, Kind, Lifetime, ServicePlan};

/// What a service adds to the stack's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    Good,
    Progressing,
    WaitingFor,
    WaitingForDeletion,
    /// By this reason.
    Stalled(&'static str),
}

/// One service after its turn.
pub(super) struct Assessed {
    pub status: ServiceStatus,
    pub outlook: Outlook,
    /// Its live workload is of older inputs or still rolls: older objects may be in use.
    pub moving: bool,
    /// Dependencies that are not required and not there.
    pub spared: Vec<String>,
}

/// Every service's turn, dependencies first; the result is in the file's order.
pub(super) fn plan<'a>(scene: &Scene<'a>, standings: &BTreeMap<&'a Key, Standing>, acts: &mut Acts) -> Vec<Assessed> {
    let mut verdicts: Verdicts<'a> = BTreeMap::new();
    let mut assessed: BTreeMap<&str, Assessed> = BTreeMap::new();
    let mut holds: BTreeMap<&str, Option<Hold>> = BTreeMap::new();
    for plan in order(&scene.desired.services) {
        let (one, verdict, hold) = assess(scene, plan, &verdicts, &holds, standings, acts);
        if !plan.is_guest() {
            holds.insert(&plan.object_name, hold);
        }
        assessed.insert(&plan.name, one);
        verdicts.insert(&plan.name, verdict);
    }
    scene.desired.services.iter().filter_map(|s| assessed.remove(s.name.as_str())).collect()
}

fn assess<'a>(
    scene: &Scene<'a>,
    plan: &'a ServicePlan,
    verdicts: &Verdicts<'a>,
    holds: &BTreeMap<&str, Option<Hold>>,
    standings: &BTreeMap<&'a Key, Standing>,
    acts: &mut Acts,
) -> (Assessed, Verdict<'a>, Option<Hold>) {
    let live = match stand(scene, &plan.workload) {
        Stand::Ours(live) | Stand::Stray(live) => Some(live),
        _ => None,
    };
    let progress = live.map(|live| Progress::read(plan, live, scene.pods(&plan.pod))).unwrap_or_default();
    let facts = gather(scene, plan, live, &progress);
    let ended = facts.is_completed(plan) || facts.is_exhausted(plan);
    if ended && !facts.end_is_recorded && plan.kind().scales() {
        // Nothing else tells when the status is written and it may be scaled to 0.
        acts.look_after(AFTER_RECORD);
    }
    let turn = Turn { scene, plan, facts: &facts, progress: &progress, verdicts, standings };
    let hold = if plan.is_guest() {
        // What keeps the pod keeps all that is in it.
        holds.get(plan.pod.as_str()).cloned().flatten().filter(|_| !is_zero(plan))
    } else {
        scene.desired.objects.get(&plan.workload).and_then(|object| turn.take(object, acts))
    };
    let view = View { scene, plan, live, progress: &progress, facts: &facts };
    let report = view.report(hold.as_ref(), is_awaited(scene, plan), acts);
    let blocked = match &hold {
        Some(
            Hold::Conflict(_)
            | Hold::External(_)
            | Hold::DependencyFailed(..)
            | Hold::Failed(FailureKind::Forbidden | FailureKind::Refused | FailureKind::Immutable, _),
        ) => true,
        Some(Hold::Objects { blocked, .. }) => *blocked,
        _ => false,
    };
    let spared = plan.gates.iter().filter_map(|g| match on_create(g, verdicts) {
        Pass::Spared(message) => Some(format!("goes on without {message}")),
        _ => None,
    });
    let fails = report.state == ServiceState::Failed && !blocked && updates::is_under_way(scene, plan, &facts);
    let failed_update = facts.failed_update.clone().or_else(|| fails.then(|| plan.inputs.clone()));
    if failed_update.is_some() && !facts.update_failure_is_recorded {
        acts.look_after(AFTER_RECORD);
    }
    let (met, pre_start) = (facts.met.to_string(), facts.steps.to_string());
    let status = ServiceStatus {
        name: plan.name.clone(),
        kind: plan.kind().to_string(),
        image: Some(plan.image.clone()).filter(|i| !i.is_empty()),
        desired: view.desired(),
        ready: progress.ready,
        state: report.state,
        message: report.message.clone(),
        waiting_for: match &hold {
            Some(Hold::Gates(names, _) | Hold::DependencyFailed(names, _)) => names.clone(),
            _ => Vec::new(),
        },
        endpoints: plan.endpoints.iter().flat_map(|e| endpoint(scene, e)).chain(urls(scene, plan)).collect(),
        inputs: Some(plan.inputs.clone()),
        met: Some(met).filter(|m| !m.is_empty()),
        completed: facts.completed.clone(),
        exhausted: facts.exhausted.clone(),
        failed_update,
        forgiven: facts.forgiven.text(),
        pre_start: Some(pre_start).filter(|s| !s.is_empty()),
        since: report.since,
    };
    let why = report.message.unwrap_or_else(|| format!("{} of {} ready", progress.ready, view.desired()));
    let moving = live.is_some() && !is_zero(plan) && (!progress.written || !progress.rolled) && !facts.is_completed(plan);
    let failed = report.state == ServiceState::Failed && !blocked;
    let assessed = Assessed { status, outlook: report.outlook, moving, spared: spared.collect() };
    (assessed, Verdict { plan, facts, failed, blocked, why }, hold)
}

/// Whether another service waits for this one to complete.
fn is_awaited(scene: &Scene, plan: &ServicePlan) -> bool {
    let gates = scene.desired.services.iter().flat_map(|s| &s.gates);
    gates.into_iter().any(|g| g.service == plan.name && g.condition == DependencyCondition::CompletedSuccessfully)
}

struct Report {
    state: ServiceState,
    outlook: Outlook,
    message: Option<String>,
    since: Option<String>,
}

impl Report {
    fn new(state: ServiceState, outlook: Outlook, message: impl Into<Option<String>>) -> Self {
        Self { state, outlook, message: message.into(), since: None }
    }
}

/// What is to be said of one service.
struct View<'s, 'a> {
    scene: &'s Scene<'a>,
    plan: &'s ServicePlan,
    live: Option<&'a LiveObject>,
    progress: &'s Progress,
    facts: &'s Facts,
}

impl View<'_, '_> {
    fn desired(&self) -> i32 {
        match self.plan.kind() {
            Kind::DaemonSet if !is_zero(self.plan) && self.live.is_some() => self.progress.replicas,
            Kind::CronJob => self.progress.total,
            _ if self.facts.is_completed(self.plan) || self.facts.is_exhausted(self.plan) => 0,
            _ => wanted(self.plan, self.facts, self.progress),
        }
    }

    fn report(&self, hold: Option<&Hold>, awaited: bool, acts: &mut Acts) -> Report {
        use ServiceState::{Failed, Waiting};
        let say = |text: &String| Some(text.clone());
        match hold {
            Some(Hold::Gates(_, text)) => Report::new(Waiting, Outlook::WaitingFor, say(text)),
            Some(Hold::DependencyFailed(_, text)) => Report::new(Waiting, Outlook::Stalled(reason::DEPENDENCY_FAILED), say(text)),
            Some(Hold::External(text)) => {
                let state = if self.progress.written { self.by_progress(awaited, acts).state } else { Waiting };
                Report::new(state, Outlook::Stalled(reason::EXTERNAL_RESOURCE_MISSING), say(text))
            }
            Some(Hold::Objects { message, .. }) => Report::new(Waiting, Outlook::Progressing, say(message)),
            Some(Hold::Deletion(text)) => Report::new(Waiting, Outlook::WaitingForDeletion, say(text)),
            Some(Hold::Conflict(text)) => Report::new(Failed, Outlook::Stalled(reason::NAME_CONFLICT), say(text)),
            Some(Hold::Failed(FailureKind::Forbidden, text)) => Report::new(Failed, Outlook::Stalled(reason::FORBIDDEN), say(text)),
            Some(Hold::StepsFailed(text) | Hold::Failed(FailureKind::Refused | FailureKind::Immutable, text)) => {
                Report::new(Failed, Outlook::Stalled(reason::SERVICE_FAILED), say(text))
            }
            Some(Hold::Steps(text) | Hold::Failed(FailureKind::Transient, text)) => {
                Report::new(ServiceState::Progressing, Outlook::Progressing, say(text))
            }
            Some(Hold::Pending) => {
                let mut report = self.by_progress(awaited, acts);
                if report.outlook == Outlook::Good {
                    report.outlook = Outlook::Progressing;
                }
                report
            }
            None => self.by_progress(awaited, acts),
        }
    }

    fn by_progress(&self, awaited: bool, acts: &mut Acts) -> Report {
        use ServiceState::{Completed, Failed, Progressing, Running, Stopped};
        let (plan, progress) = (self.plan, self.progress);
        let failed = Outlook::Stalled(reason::SERVICE_FAILED);
        if is_zero(plan) {
            let alone = plan.mates.is_empty();
            let runs = |p: &&PodView| !matches!(p.phase.as_str(), "Succeeded" | "Failed") && (alone || main_container(plan, p).is_some());
            let pods = self.scene.pods(&plan.pod).iter().filter(runs).count();
            return match pods.max(usize::try_from(progress.total).unwrap_or(0).min(if alone { usize::MAX } else { 0 })) {
                0 => Report::new(Stopped, Outlook::Good, None),
                left => Report::new(Progressing, Outlook::Progressing, format!("stops: {left} still there")),
            };
        }
        if self.facts.is_completed(plan) {
            return Report::new(Completed, Outlook::Good, None);
        }
        if self.facts.is_exhausted(plan) {
            return Report::new(Failed, failed, self.restart_limit());
        }
        let Some(live) = self.live.filter(|_| progress.written) else {
            return Report::new(Progressing, Outlook::Progressing, "is being written".to_owned());
        };
        if let Some(job) = job(live) {
            if let Some(message) = &job.failure {
                let message = words::reason(self.scene, plan, None).unwrap_or_else(|| message.clone());
                return Report::new(Failed, failed, format!("the job failed: {message}"));
            }
            if progress.started && !progress.available || progress.available && awaited {
                return Report::new(Progressing, Outlook::Progressing, "runs to its end".to_owned());
            }
        }
        if has_failed_for_good(plan, self.scene.pods(&plan.pod)) {
            return Report::new(Failed, failed, words::reason(self.scene, plan, None));
        }
        if progress.available && self.replicas_as_wanted() {
            return Report::new(Running, Outlook::Good, self.complaint());
        }
        self.under_way(acts)
    }

    fn replicas_as_wanted(&self) -> bool {
        !self.plan.kind().scales() || self.progress.replicas == wanted(self.plan, self.facts, self.progress)
    }

    /// What doesn't work of a service that runs: its last scheduled run, its autoscaler, its route.
    fn complaint(&self) -> Option<String> {
        let own = self.progress.problem.clone().filter(|_| self.plan.kind() == Kind::CronJob);
        own.or_else(|| {
            let service = Some(self.plan.object_name.as_str());
            let beside = self.scene.ours().filter(|(key, seen)| key.kind.is_optional() && seen.object.service.as_deref() == service);
            beside.into_iter().find_map(|(key, seen)| match &seen.object.state {
                WorkloadView::Companion { problem: Some(problem) } => Some(format!("its {key} doesn't work: {problem}")),
                _ => None,
            })
        })
    }

    /// On its way to all replicas, or back to them.
    fn under_way(&self, acts: &mut Acts) -> Report {
        let (plan, progress, now) = (self.plan, self.progress, self.scene.input.now);
        let recorded = self.scene.recorded_service(&plan.name);
        let same = recorded.filter(|r| r.inputs.as_deref() == Some(&plan.inputs) && r.desired == self.desired());
        let since = same.and_then(|r| r.since.as_deref()?.parse::<Timestamp>().ok()).unwrap_or_else(|| whole_seconds(now));
        let count = format!("{} of {} ready", progress.ready, self.desired());
        let taken = !self.replicas_as_wanted() && !progress.holds_replicas && plan.autoscaled.is_none();
        let taken = || taken.then(|| "something else sets its replicas, such as an autoscaler that is not of the stack".to_owned());
        let why = words::reason(self.scene, plan, progress.problem.as_deref()).or_else(taken);
        let message = why.map_or(count.clone(), |why| format!("{count}: {why}"));
        let deadline = since.checked_add(SignedDuration::from_secs(i64::try_from(plan.progress_deadline).unwrap_or(i64::MAX))).ok();
        let mut report = match deadline {
            Some(deadline) if deadline <= now => Report::new(
                ServiceState::Failed,
                Outlook::Stalled(reason::DEADLINE_EXCEEDED),
                format!("not there after {} s: {message}", plan.progress_deadline),
            ),
            _ => {
                if let Some(at) = deadline {
                    acts.look_at(at);
                }
                let ran = same.is_some_and(|r| matches!(r.state, ServiceState::Running | ServiceState::Degraded));
                let state = if ran && progress.rolled { ServiceState::Degraded } else { ServiceState::Progressing };
                Report::new(state, Outlook::Progressing, message)
            }
        };
        if self.facts.failed_update.is_some() && report.state != ServiceState::Failed {
            report = Report::new(ServiceState::Failed, Outlook::Stalled(reason::SERVICE_FAILED), report.message);
        }
        if updates::is_paused(plan, self.facts, progress) {
            report.message = report.message.map(|message| format!("{message}; its update is paused until there is another one"));
        }
        report.since = Some(since.to_string());
        report
    }

    /// The pods, and with them the exit code, go when the restart limit is reached: what was said then stays.
    fn restart_limit(&self) -> String {
        let limit = match self.plan.lifetime {
            Lifetime::UntilSuccess { attempts: Some(n) } => n,
            _ => 0,
        };
        let start = format!("it failed {limit} times (restart: on-failure:{limit})");
        let before = self.scene.recorded_service(&self.plan.name).and_then(|s| s.message.clone());
        before.filter(|m| m.starts_with(&start)).unwrap_or_else(|| {
            let why = words::exit_code(self.scene, self.plan).map(|code| format!(", last with exit code {code}"));
            format!("{start}{}", why.unwrap_or_default())
        })
    }
}

/// Timestamps of a status have whole seconds, as the API server keeps them.
pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Names of published ports, where the object that sees to them is there.
fn urls<'a>(scene: &'a Scene, plan: &'a ServicePlan) -> impl Iterator<Item = String> + 'a {
    let there = |key: &Key| scene.get(key).is_some_and(|seen| scene.is_ours(&seen));
    plan.urls.iter().filter(move |(key, _)| there(key)).map(|(_, url)| url.clone())
}

/// Where a published port answers, in docker's spelling.
fn endpoint(scene: &Scene, endpoint: &Endpoint) -> Vec<String> {
    let Some(seen) = scene.get(&Key::new(Kind::Service, &*endpoint.service)).filter(|s| scene.is_ours(s)) else { return Vec::new() };
    let WorkloadView::Service { ports, addresses } = &seen.object.state else { return Vec::new() };
    let target = format!("->{}/{}", endpoint.target, endpoint.protocol);
    if !addresses.is_empty() {
        return addresses.iter().map(|a| format!("{a}:{}{target}", endpoint.port)).collect();
    }
    let live = ports.iter().find(|p| p.port == endpoint.port && p.protocol.eq_ignore_ascii_case(&endpoint.protocol));
    match live.map(|p| p.node_port) {
        Some(Some(node)) => vec![format!("*:{node}{target}")],
        Some(None) => vec![format!("{}:{}{target}", endpoint.service, endpoint.port)],
        None => Vec::new(),
    }
}

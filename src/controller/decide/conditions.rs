use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::objects::{Standing, Trouble};
use super::observed::{FailureKind, Input, Refusal};
use super::services::{Assessed, Outlook, whole_seconds};
use crate::api::ServiceState;
use crate::api::keys::{condition, reason};
use crate::translate::Key;

/// Longest message of a condition, in bytes.
const MESSAGE: usize = 4096;

/// One row of the table of situations: what the three conditions say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Situation {
    /// `None` keeps what was recorded.
    pub ready: Option<bool>,
    pub reconciling: bool,
    pub stalled: bool,
    pub reason: &'static str,
    pub message: String,
}

impl Situation {
    fn stalled(reason: &'static str, message: String) -> Self {
        Self { ready: Some(false), reconciling: false, stalled: true, reason, message }
    }

    fn reconciling(reason: &'static str, message: String) -> Self {
        Self { ready: Some(false), reconciling: true, stalled: false, reason, message }
    }

    pub fn refused(refusal: &Refusal) -> Self {
        Self::stalled(refusal.reason, refusal.message.clone())
    }

    /// An update failed and was undone.
    pub fn rolled_back(message: String) -> Self {
        Self::stalled(reason::ROLLED_BACK, message)
    }

    pub fn suspended() -> Self {
        let message = "spec.suspend is set: nothing is reconciled".to_owned();
        Self { ready: None, reconciling: false, stalled: false, reason: reason::SUSPENDED, message }
    }
}

/// Finds the row of a stack that is reconciled. What needs somebody's hand goes before what will pass.
pub(super) fn judge(input: &Input, standings: &BTreeMap<&Key, Standing>, services: &[Assessed], left: &[&Key]) -> Situation {
    let stalls = stalls(standings, services);
    if let Some((_, reason, _)) = stalls.iter().min() {
        return Situation::stalled(reason, sentences(stalls.iter().map(|(.., text)| text.clone())));
    }
    let on_the_way = on_the_way(standings, services, left);
    if let Some((_, reason, _)) = on_the_way.iter().min() {
        return Situation::reconciling(reason, sentences(on_the_way.iter().map(|(.., text)| text.clone())));
    }
    if input.stack.stopped {
        let message = "spec.stopped is set: no pod runs, objects and data are kept".to_owned();
        return Situation { ready: Some(false), reconciling: false, stalled: false, reason: reason::STOPPED, message };
    }
    let message = format!("{} services are as they are to be", summary(input, services));
    Situation { ready: Some(true), reconciling: false, stalled: false, reason: reason::READY, message }
}

type Line = (u8, &'static str, String);

fn stalls(standings: &BTreeMap<&Key, Standing>, services: &[Assessed]) -> Vec<Line> {
    let rank = |reason: &'static str| match reason {
        reason::NAME_CONFLICT => 0,
        reason::FORBIDDEN => 1,
        reason::EXTERNAL_RESOURCE_MISSING => 2,
        reason::SERVICE_FAILED => 3,
        reason::DEPENDENCY_FAILED => 4,
        _ => 5,
    };
    let objects = standings.iter().filter_map(|(key, standing)| match standing.trouble.as_ref()? {
        Trouble::Conflict(text) => Some((reason::NAME_CONFLICT, text.clone())),
        Trouble::Failed(FailureKind::Forbidden, text) => Some((reason::FORBIDDEN, format!("{key}: {text}"))),
        Trouble::Failed(FailureKind::Refused | FailureKind::Immutable, text) => {
            Some((reason::FORBIDDEN, format!("{key} is refused: {text}")))
        }
        Trouble::Failed(FailureKind::Transient, _) | Trouble::Pending | Trouble::Deletion(_) => None,
    });
    let services = services.iter().filter_map(|s| match s.outlook {
        Outlook::Stalled(reason) => Some((reason, line(s))),
        _ => None,
    });
    objects.chain(services).map(|(reason, text)| (rank(reason), reason, text)).collect()
}

fn on_the_way(standings: &BTreeMap<&Key, Standing>, services: &[Assessed], left: &[&Key]) -> Vec<Line> {
    let objects = standings.iter().filter_map(|(key, standing)| match standing.trouble.as_ref()? {
        Trouble::Deletion(text) => Some((0, reason::WAITING_FOR_DELETION, text.clone())),
        Trouble::Failed(_, text) => Some((1, reason::PROGRESSING, format!("{key}: {text}"))),
        Trouble::Pending => Some((1, reason::PROGRESSING, format!("{key} is being written"))),
        Trouble::Conflict(_) => None,
    });
    let services = services.iter().filter_map(|s| match s.outlook {
        Outlook::WaitingForDeletion => Some((0, reason::WAITING_FOR_DELETION, line(s))),
        Outlook::Progressing => Some((1, reason::PROGRESSING, line(s))),
        Outlook::WaitingFor => Some((2, reason::WAITING_FOR, line(s))),
        Outlook::Good | Outlook::Stalled(_) => None,
    });
    let left = left.iter().map(|key| (1, reason::PROGRESSING, format!("{key} left the file and is being removed")));
    services.chain(objects).chain(left).collect()
}

fn line(service: &Assessed) -> String {
    let status = &service.status;
    status.message.as_ref().map_or_else(|| format!("{} is on its way", status.name), |m| format!("{}: {m}", status.name))
}

fn sentences(texts: impl Iterator<Item = String>) -> String {
    cut(&texts.collect::<Vec<_>>().join("; "), MESSAGE)
}

/// Services that are where they are to be, of all. A service that is wanted at 0 counts unless the whole stack is stopped.
pub(super) fn summary(input: &Input, services: &[Assessed]) -> String {
    let good = services.iter().filter(|s| match s.status.state {
        ServiceState::Running | ServiceState::Completed => true,
        ServiceState::Stopped => !input.stack.stopped,
        _ => false,
    });
    format!("{}/{}", good.count(), services.len())
}

/// The conditions of a situation; a transition time changes with its status alone.
pub(super) fn conditions(input: &Input, situation: &Situation) -> Vec<Condition> {
    let recorded = |kind: &str| input.recorded.conditions.iter().find(|c| c.type_ == kind);
    let text = |value: bool| if value { "True" } else { "False" };
    let ready = situation.ready.map_or_else(|| recorded(condition::READY).map_or("False", |c| c.status.as_str()), text);
    let rows = [
        (condition::READY, ready, true),
        (condition::RECONCILING, text(situation.reconciling), situation.reconciling),
        (condition::STALLED, text(situation.stalled), situation.stalled),
    ];
    rows.iter()
        .map(|(kind, status, speaks)| Condition {
            type_: (*kind).to_owned(),
            status: (*status).to_owned(),
            reason: situation.reason.to_owned(),
            message: if *speaks { cut(&situation.message, MESSAGE) } else { String::new() },
            observed_generation: Some(input.stack.generation),
            last_transition_time: recorded(kind)
                .filter(|c| c.status == *status)
                .map_or_else(|| Time(whole_seconds(input.now)), |c| c.last_transition_time.clone()),
        })
        .collect()
}

/// Cuts a text to a number of bytes and says so.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

//! `kubectl compose events`: what the cluster tells of the stack's objects, from now on.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::api::ObjectMeta;
use serde_json::json;

use crate::api::{ComposeStack, keys};
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cluster::session::Session;

use super::{INTERRUPTED, is_asked_for};

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to listen to; default is the whole stack.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Print a JSON object a line.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Prints events until Ctrl-C.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let members = Members { session: &target.session, stack: &stack, known: BTreeMap::new() };
    tokio::select! {
        told = tell(flags, members) => told.map(|()| ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

async fn tell(flags: &Flags, mut members: Members<'_>) -> Result<(), Error> {
    let begin = Timestamp::now();
    let mut events = pin!(members.session.new_events());
    while let Some(event) = events.try_next().await? {
        // The API server keeps whole seconds.
        if last_seen(&event).is_none_or(|at| at.as_second() < begin.as_second()) {
            continue;
        }
        let service = match members.owner(&event.involved_object).await? {
            Member::Service(service) if is_asked_for(&flags.service, &service) => Some(service),
            Member::Stack if flags.service.is_empty() => None,
            _ => continue,
        };
        output::write(&line(&event, service.as_deref(), flags.json), None)?;
    }
    Ok(())
}

/// When an event was last seen: it is told once, and then counted.
pub fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| Some(series.last_observed_time.as_ref()?.0));
    let last = event.last_timestamp.as_ref().map(|at| at.0);
    series.or(last).or_else(|| Some(event.event_time.as_ref()?.0))
}

/// Which objects are the stack's.
struct Members<'a> {
    session: &'a Session,
    stack: &'a ComposeStack,
    /// By UID.
    known: BTreeMap<String, Member>,
}

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Member {
    Others,
    Stack,
    Service(String),
}

impl Members<'_> {
    async fn owner(&mut self, object: &ObjectReference) -> Result<Member, Error> {
        let uid = object.uid.clone().unwrap_or_default();
        if self.stack.metadata.uid.as_ref() == Some(&uid) {
            return Ok(Member::Stack);
        }
        if let Some(known) = self.known.get(&uid) {
            return Ok(known.clone());
        }
        let metadata = self.session.metadata(object).await?;
        let owner =
            metadata.filter(|metadata| metadata.uid.as_ref() == Some(&uid)).map_or(Member::Others, |metadata| self.member(metadata));
        self.known.insert(uid, owner.clone());
        Ok(owner)
    }

    fn member(&self, metadata: ObjectMeta) -> Member {
        let labels = metadata.labels.unwrap_or_default();
        if labels.get(keys::STACK) != self.stack.metadata.name.as_ref() {
            return Member::Others;
        }
        let key = metadata.annotations.and_then(|mut annotations| annotations.remove(keys::SERVICE));
        key.or_else(|| labels.get(keys::SERVICE).cloned()).map_or(Member::Stack, Member::Service)
    }
}

fn line(event: &Event, service: Option<&str>, as_json: bool) -> String {
    let object = &event.involved_object;
    let (kind, name) = (object.kind.as_deref().unwrap_or_default().to_lowercase(), object.name.as_deref().unwrap_or_default());
    let (reason, message) = (event.reason.as_deref().unwrap_or_default(), event.message.as_deref().unwrap_or_default().trim());
    let at = last_seen(event).map(|at| at.to_string()).unwrap_or_default();
    if as_json {
        let type_ = event.type_.as_deref().unwrap_or_default();
        let event =
            json!({"time": at, "type": kind, "action": reason, "service": service, "name": name, "level": type_, "message": message});
        return event.to_string() + "\n";
    }
    format!("{at} {kind} {reason} {name} ({message})\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let about = json!({"kind": "Pod", "name": "web-1"});
        let event: Event = serde_json::from_value(json!({
            "metadata": {}, "involvedObject": about, "type": "Warning", "reason": "BackOff", "message": "it ended\n", "lastTimestamp": "2026-01-01T00:00:30Z",
        }))
        .unwrap();
        assert_eq!(line(&event, Some("web"), false), "2026-01-01T00:00:30Z pod BackOff web-1 (it ended)\n");
        let parsed: serde_json::Value = serde_json::from_str(&line(&event, Some("web"), true)).unwrap();
        assert_eq!((&parsed["service"], &parsed["action"], &parsed["level"]), (&json!("web"), &json!("BackOff"), &json!("Warning")));
    }
}

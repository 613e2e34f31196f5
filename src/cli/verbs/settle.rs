//! Waiting until a stack is where it is wanted.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep_until};

use crate::api::ComposeStack;
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::target::Target;
use crate::cluster::session::{Inventory, Session};

use super::progress::{Awaited, Progress, Verdict};

/// After this time without a word of the operator that is told.
const SILENCE: Duration = Duration::from_secs(15);
/// As good as never.
const EVER: Duration = Duration::from_hours(24 * 365);

/// How long is waited, and how pods are treated meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// Seconds until it is given up; 0 is never, as with docker compose.
    pub timeout: Option<u64>,
    /// Seconds that pods have that are to end.
    pub grace: Option<u32>,
}

/// How the wait ended.
pub struct Settled {
    /// The stack as it was seen last.
    pub stack: ComposeStack,
    pub end: End,
}

/// Why there is no more to wait for.
#[derive(Debug)]
pub enum End {
    Reached,
    /// With what is to be said of it.
    Failed(Error),
    /// By Ctrl-C; the stack stays as it is.
    Interrupted,
}

impl End {
    /// What the verb ends with.
    ///
    /// # Errors
    /// Where it failed.
    pub fn code(self) -> Result<ExitCode, Error> {
        match self {
            End::Reached => Ok(ExitCode::SUCCESS),
            End::Failed(error) => Err(error),
            End::Interrupted => Ok(ExitCode::from(super::INTERRUPTED)),
        }
    }
}

/// Waits, and tells what changes meanwhile.
///
/// # Errors
/// Where the stack goes, or the API server refuses to show it.
pub async fn settle(target: &Target, written: ComposeStack, awaited: &Awaited, patience: Patience) -> Result<Settled, Error> {
    let uid = written.metadata.uid.clone();
    let mut stack = written;
    let mut progress = Progress::default();
    let mut changes = pin!(target.session.follow_stack(&target.name));
    let mut hurry = Hurry::new(&target.session, &target.name, patience.grace);
    let begin = Instant::now();
    let timeout = patience.timeout.filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let deadline = begin + timeout.unwrap_or(EVER).min(EVER);
    let mut silence = begin + SILENCE;
    let end = loop {
        tokio::select! {
            seen = changes.next() => {
                let Some(seen) = seen.transpose()? else { continue };
                stack = seen.filter(|seen| seen.metadata.uid == uid).ok_or_else(|| Error::Gone(target.name.clone()))?;
                if awaited.is_observed(&stack) {
                    silence = begin + EVER;
                    let services = stack.status.as_ref().map_or(&[][..], |status| &status.services);
                    progress.news(services, &awaited.services).iter().for_each(output::say);
                }
                match awaited.verdict(&stack) {
                    Verdict::OnTheWay => {}
                    Verdict::Reached => break End::Reached,
                    Verdict::Failed { reason, message } => break End::Failed(Error::Stalled { reason, message }),
                }
            }
            hurried = hurry.on() => match hurried? {},
            () = sleep_until(silence) => {
                silence = begin + EVER;
                output::say("the operator hasn't looked at the stack yet: is it running?");
            }
            () = sleep_until(deadline) => break End::Failed(Error::TooLong { seconds: patience.timeout.unwrap_or_default(), state: state(&stack, awaited) }),
            _ = tokio::signal::ctrl_c() => break End::Interrupted,
        }
    };
    Ok(Settled { stack, end })
}

/// Why a stack isn't where it is wanted.
fn state(stack: &ComposeStack, awaited: &Awaited) -> String {
    let ready = stack.status.as_ref().filter(|_| awaited.is_observed(stack)).and_then(|status| status.condition("Ready"));
    ready.map_or_else(|| "the operator hasn't looked at it".to_owned(), |ready| format!("{}: {}", ready.reason, ready.message))
}

/// Gives pods that are to end less time than they would have.
pub struct Hurry<'a> {
    session: &'a Session,
    pods: Option<(Inventory, u32)>,
    hurried: BTreeSet<String>,
}

impl<'a> Hurry<'a> {
    pub fn new(session: &'a Session, stack: &str, grace: Option<u32>) -> Self {
        // 0 would take the pod from the API at once, though its containers may still run.
        let pods = grace.map(|grace| (session.pods_of(stack), grace.max(1)));
        Self { session, pods, hurried: BTreeSet::new() }
    }

    /// Sees to the pods that end, those of before and those that come, and ends with an error alone. It may be dropped and begun anew at any time.
    ///
    /// # Errors
    /// Where the API server refuses.
    pub async fn on(&mut self) -> Result<Infallible, Error> {
        let Some((pods, grace)) = &mut self.pods else { return std::future::pending().await };
        loop {
            for (_, meta) in pods.all() {
                let uid = meta.uid.clone().unwrap_or_default();
                let longer =
                    meta.deletion_timestamp.is_some() && meta.deletion_grace_period_seconds.unwrap_or_default() > i64::from(*grace);
                if longer && !self.hurried.contains(&uid) {
                    self.session.end_pod(meta, *grace).await?;
                    self.hurried.insert(uid);
                }
            }
            pods.changed().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use http::{Method, Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower_test::mock;

    use super::*;

    fn answer(value: &Value) -> Response<Body> {
        Response::new(Body::from(value.to_string().into_bytes()))
    }

    #[tokio::test]
    async fn pods_that_end_get_the_grace_that_is_given_and_no_longer_one() {
        let (service, mut server) = mock::pair::<Request<Body>, Response<Body>>();
        let session = Session::new(Client::new(service, "default"), "default");
        let mut hurry = Hurry::new(&session, "shop", Some(2));
        let ending = |name: &str, grace: i64| {
            let time = "2026-01-01T00:00:00Z";
            json!({"metadata": {"name": name, "uid": name, "deletionTimestamp": time, "deletionGracePeriodSeconds": grace}})
        };
        let living = json!({"metadata": {"name": "living", "uid": "living"}});
        let items = json!([ending("quick", 1), ending("slow", 600), living, ending("slower", 700)]);
        let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "1"}, "items": items});
        let serve = async {
            let mut deleted = Vec::new();
            // A watch that is never answered stays open.
            let mut open = Vec::new();
            while deleted.len() < 2 {
                let (request, send) = server.next_request().await.unwrap();
                let path = request.uri().to_string();
                if request.method() == Method::DELETE {
                    send.send_response(answer(&json!({"kind": "Status", "status": "Success"})));
                    let body = request.into_body().collect_bytes().await.unwrap();
                    deleted.push((path, serde_json::from_slice::<Value>(&body).unwrap()));
                } else if path.contains("watch=true") {
                    open.push(send);
                } else {
                    send.send_response(answer(&list));
                }
            }
            deleted
        };
        let deleted = tokio::select! {
            ended = hurry.on() => panic!("{ended:?}"),
            deleted = serve => deleted,
        };
        let names: Vec<&str> = deleted.iter().filter_map(|(path, _)| path.trim_end_matches('?').rsplit('/').next()).collect();
        assert_eq!(names, ["slow", "slower"]);
        assert_eq!((&deleted[0].1["gracePeriodSeconds"], &deleted[0].1["preconditions"]["uid"]), (&json!(2), &json!("slow")));
    }
}

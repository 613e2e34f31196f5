//! The logs of a stack's containers as they come, also of those that come later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::cli::error::Error;
use crate::cli::verbs::containers::{Container, of_pods};
use crate::cli::verbs::is_asked_for;
use crate::cluster::session::Session;

use super::lines::Lines;
use super::reader::{Reader, Runs, Shared};

/// How often one looks whether a stack without pods is still there.
const PERIOD: Duration = Duration::from_secs(1);

/// Whose lines, and which.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Services; none is all.
    pub services: Vec<String>,
    /// Only pods of these names, where there are any.
    pub pods: Option<BTreeSet<String>>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Lines of each container that is there at the beginning; none is all.
    pub tail: Option<u32>,
    /// Pods that `tail` is about; none is all.
    pub tailed: Option<BTreeSet<String>>,
}

impl Wanted {
    pub fn includes(&self, container: &Container<'_>) -> bool {
        is_asked_for(&self.services, container.service) && self.pods.as_ref().is_none_or(|pods| pods.contains(container.pod_name()))
    }

    /// One who reads a container's log.
    pub async fn reader<W: AsyncWrite + Unpin>(
        &self,
        session: &Session,
        container: &Container<'_>,
        printer: &Shared<W>,
    ) -> (Reader<W>, watch::Sender<Runs>) {
        let (sender, runs) = watch::channel(Runs::of(container));
        let source = printer.lock().await.source(&name(container));
        let reader = Reader {
            session: session.clone(),
            pod: container.pod_name().to_owned(),
            container: container.spec.name.clone(),
            lines: Lines::new(self.since, self.until),
            tail: self.tail.filter(|_| self.tailed.as_ref().is_none_or(|tailed| tailed.contains(container.pod_name()))),
            printer: Arc::clone(printer),
            source,
            runs,
        };
        (reader, sender)
    }
}

/// The pod's name; of pods that run several services, with the service.
fn name(container: &Container<'_>) -> String {
    let beside = of_pods(std::slice::from_ref(container.pod)).len();
    if beside > 1 { format!("{}/{}", container.pod_name(), container.service) } else { container.pod_name().to_owned() }
}

/// Prints what the containers say, until the stack and its pods are gone, or the future is dropped.
///
/// # Errors
/// Where the logs may not be read, or nothing can be written any more.
pub async fn follow<W>(session: &Session, stack: &str, wanted: &Wanted, printer: &Shared<W>) -> Result<(), Error>
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    let mut followed = Followed { known: BTreeMap::new(), listed: None, readers: JoinSet::new() };
    let mut changes = session.pod_changes(stack);
    // Containers that come later have said nothing that is too old.
    let mut wanted = wanted.clone();
    loop {
        let is_idle = followed.readers.is_empty() && followed.known.is_empty();
        tokio::select! {
            change = changes.try_next() => {
                let Some(change) = change? else { return Ok(()) };
                if matches!(change, Event::InitDone) {
                    wanted.tail = None;
                }
                if let Some(pod) = followed.changed(change) {
                    followed.attend(&pod, session, &wanted, printer).await;
                }
            }
            Some(ended) = followed.readers.join_next() => ended.unwrap_or_else(|error| Err(panicked(error)))?,
            () = sleep(PERIOD), if is_idle => {
                if session.stack(stack).await?.is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// The containers that are followed, by their pod's UID and their name.
struct Followed {
    known: BTreeMap<(String, String), watch::Sender<Runs>>,
    /// The pods that a list has had so far.
    listed: Option<BTreeSet<String>>,
    readers: JoinSet<Result<(), Error>>,
}

impl Followed {
    /// Takes note of a change, and gives the pods to look at.
    fn changed(&mut self, change: Event<Pod>) -> Option<Pod> {
        match change {
            Event::Init => self.listed = Some(BTreeSet::new()),
            Event::InitApply(pod) => {
                if let Some(listed) = &mut self.listed {
                    listed.insert(uid(&pod));
                }
                return Some(pod);
            }
            Event::Apply(pod) => return Some(pod),
            Event::Delete(pod) => self.forget(|known| *known == uid(&pod)),
            Event::InitDone => {
                let listed = self.listed.take().unwrap_or_default();
                self.forget(|known| !listed.contains(known));
            }
        }
        None
    }

    fn forget(&mut self, is_gone: impl Fn(&String) -> bool) {
        self.known.retain(|(pod, _), runs| {
            let keeps = !is_gone(pod);
            if !keeps {
                runs.send_modify(Runs::gone);
            }
            keeps
        });
    }

    async fn attend<W>(&mut self, pod: &Pod, session: &Session, wanted: &Wanted, printer: &Shared<W>)
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        for container in of_pods(std::slice::from_ref(pod)).iter().filter(|container| wanted.includes(container)) {
            let key = (uid(pod), container.spec.name.clone());
            if let Some(known) = self.known.get(&key) {
                let runs = Runs::of(container);
                known.send_if_modified(|known| {
                    let is_new = *known != runs;
                    *known = runs;
                    is_new
                });
            } else {
                let (reader, runs) = wanted.reader(session, container, printer).await;
                self.known.insert(key, runs);
                self.readers.spawn(reader.follow());
            }
        }
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}

fn panicked(error: JoinError) -> Error {
    Error::Runtime(std::io::Error::other(error))
}

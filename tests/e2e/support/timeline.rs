//! What became of a service's pods, and when: what explains a failure that was over when it was seen.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::task::JoinHandle;

use super::space::Space;

type Notes = Arc<Mutex<Vec<(Timestamp, String)>>>;

/// Notes from the beginning on. A test that fails prints them.
pub struct Timeline {
    notes: Notes,
    told: Cell<bool>,
    watching: JoinHandle<()>,
}

impl Timeline {
    /// Begins to look at a service's pods.
    pub fn of(space: &Space, service: &str) -> Self {
        let notes = Notes::default();
        let (written, pods) = (Arc::clone(&notes), space.api::<Pod>());
        let selected = watcher::Config::default().labels(&format!("compose-operator.dev/service={service}"));
        let watching = tokio::spawn(async move {
            let mut states = BTreeMap::new();
            let mut changes = pin!(watcher(pods, selected).default_backoff());
            loop {
                let (pod, state) = match changes.try_next().await {
                    Ok(Some(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))) => (pod.name_any(), state(&pod)),
                    Ok(Some(watcher::Event::Delete(pod))) => (pod.name_any(), "is gone".to_owned()),
                    _ => continue,
                };
                if states.insert(pod.clone(), state.clone()).as_ref() != Some(&state) {
                    note(&written, Timestamp::now(), format!("{pod} {state}"));
                }
            }
        });
        Self { notes, told: Cell::default(), watching }
    }

    /// The test does something.
    pub fn mark(&self, what: &str) {
        note(&self.notes, Timestamp::now(), format!("-- {what}"));
    }

    /// Something else that was seen.
    pub fn add(&self, at: Timestamp, what: String) {
        note(&self.notes, at, what);
    }

    /// All of it, with the seconds since the first note.
    pub fn tell(&self) -> String {
        self.told.set(true);
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        notes.sort();
        let begin = notes.first().map(|(at, _)| *at).unwrap_or_default();
        notes.iter().fold(String::new(), |mut text, (at, what)| {
            let seconds = at.duration_since(begin).as_secs_f64();
            writeln!(text, "{seconds:7.1} s  {what}").unwrap();
            text
        })
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        self.watching.abort();
        if std::thread::panicking() && !self.told.get() {
            eprintln!("what was to be seen meanwhile:\n{}", self.tell());
        }
    }
}

fn note(notes: &Notes, at: Timestamp, what: String) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).push((at, what));
}

fn state(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let is_ready = status
        .and_then(|status| status.conditions.as_ref())
        .is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
    let address = status.and_then(|status| status.pod_ip.as_deref()).unwrap_or("without address");
    let ending = if pod.metadata.deletion_timestamp.is_some() { ", is to end" } else { "" };
    format!("({address}) {}{ending}", if is_ready { "ready" } else { "not ready" })
}

//! Somebody who doesn't take the eyes off a service's pods.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::task::JoinHandle;

use super::node::until;
use super::space::Space;

/// Sees every change of a service's pods from the beginning on.
pub struct Witness {
    /// The revisions whose pods were there at the same time, one set after the other.
    seen: Arc<Mutex<Vec<BTreeSet<String>>>>,
    watching: JoinHandle<()>,
}

impl Witness {
    /// Begins to look.
    pub fn of(space: &Space, service: &str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (notes, pods) = (Arc::clone(&seen), space.api::<Pod>());
        let selected = watcher::Config::default().labels(&format!("compose-operator.dev/service={service}"));
        let watching = tokio::spawn(async move {
            let mut there = BTreeMap::new();
            let mut changes = pin!(watcher(pods, selected).default_backoff());
            loop {
                // After a stumble the watch lists what is there, and begins anew.
                let Ok(Some(change)) = changes.try_next().await else { continue };
                match change {
                    watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => note(&mut there, &pod),
                    watcher::Event::Delete(pod) => drop(there.remove(&pod.uid())),
                    watcher::Event::Init => there.clear(),
                    watcher::Event::InitDone => {}
                }
                let revisions: BTreeSet<String> = there.values().cloned().collect();
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                if notes.last() != Some(&revisions) {
                    notes.push(revisions);
                }
            }
        });
        Self { seen, watching }
    }

    /// What it has seen, once it has seen so many revisions.
    pub async fn tells(self, revisions: usize) -> Vec<BTreeSet<String>> {
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        until(&format!("{revisions} revisions are seen"), async || {
            let seen = seen();
            let all: BTreeSet<&String> = seen.iter().flatten().collect();
            if all.len() >= revisions { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
        self.watching.abort();
        seen()
    }
}

/// Pods whose containers have all ended do nothing any more.
fn note(there: &mut BTreeMap<Option<String>, String>, pod: &Pod) {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) {
        there.remove(&pod.uid());
    } else {
        there.insert(pod.uid(), pod.labels().get("pod-template-hash").cloned().unwrap_or_default());
    }
}

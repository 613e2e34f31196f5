//! What becomes of a stack's pods.

use std::future::ready;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher as watch};

use crate::api::keys;
use crate::cluster::client::Error;

use super::Session;

/// Changes of a stack's pods, beginning with those that are there.
pub type PodChanges = BoxStream<'static, Result<Event<Pod>, Error>>;

/// What becomes of one pod: nothing once it is gone.
pub type PodStates = BoxStream<'static, Result<Option<Pod>, Error>>;

impl Session {
    /// Watches the pods of a stack. A watch that breaks goes on after a while; only a refusal is an error.
    pub fn pod_changes(&self, stack: &str) -> PodChanges {
        let selected = watcher::Config::default().labels(&format!("{}={stack}", keys::STACK));
        let what = format!("Pods of {stack}");
        let changes = watch(self.api::<Pod>(), selected).default_backoff();
        changes
            .filter_map(move |change| ready(change.map_or_else(|error| refusal(error, &what).map(Err), |change| Some(Ok(change)))))
            .boxed()
    }

    /// Watches one pod. Of what breaks, the same holds.
    pub fn pod_states(&self, name: &str) -> PodStates {
        let what = format!("Pod {name}");
        let states = watcher::watch_object(self.api::<Pod>(), name).default_backoff();
        states.filter_map(move |state| ready(state.map_or_else(|error| refusal(error, &what).map(Err), |state| Some(Ok(state))))).boxed()
    }
}

fn refusal(error: watcher::Error, what: &str) -> Option<Error> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            if status.is_forbidden() =>
        {
            Some(Error::Answer { verb: "watch", what: what.to_owned(), status })
        }
        _ => None,
    }
}

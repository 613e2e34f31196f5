//! Stacks as a user changes them: as JSON, so that fields which this version doesn't know stay as they are.

use std::future::ready;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, PostParams, Preconditions};
use kube::discovery::ApiResource;
use kube::runtime::watcher::{self, Event, watch_object};
use kube::runtime::{WatchStreamExt, watcher as watch};

use crate::api::{ComposeStack, keys};
use crate::cluster::client::{Call, Class, Error};
use crate::cluster::retry::WatchRetry;
use crate::cluster::stack::{RawStack, StackEntry};

use super::{Session, unknown_kind, within};

const KIND: &str = "ComposeStack";

/// A stack as it stands in the API.
pub type Document = DynamicObject;

impl Session {
    fn documents(&self) -> Api<Document> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::erase::<ComposeStack>(&()))
    }

    /// A stack of the namespace.
    ///
    /// # Errors
    /// Where the API server doesn't answer, refuses, or knows no stacks.
    pub async fn document(&self, name: &str) -> Result<Option<Document>, Error> {
        let api = self.documents();
        match within(Call { verb: "get", kind: KIND, name }, async { api.get(name).await }).await {
            Ok(stack) => Ok(Some(stack)),
            Err(Error::Answer { status, .. }) if status.reason == "NotFound" => Ok(None),
            Err(error) => Err(unknown_kind(error)),
        }
    }

    /// A stack that isn't there yet.
    pub fn new_document(name: &str) -> Document {
        DynamicObject::new(name, &ApiResource::erase::<ComposeStack>(&()))
    }

    /// Makes a stack.
    ///
    /// # Errors
    /// Where the API server doesn't answer or refuses; [`Class::Conflict`] where there is one of that name.
    pub async fn create_stack(&self, stack: &Document) -> Result<Document, Error> {
        let (api, name) = (self.documents(), stack.metadata.name.as_deref().unwrap_or_default());
        within(Call { verb: "create", kind: KIND, name }, async { api.create(&params(), stack).await }).await.map_err(unknown_kind)
    }

    /// Writes a stack that was read before.
    ///
    /// # Errors
    /// Where the API server doesn't answer or refuses; [`Class::Conflict`] where it has changed since.
    pub async fn replace_stack(&self, stack: &Document) -> Result<Document, Error> {
        let (api, name) = (self.documents(), stack.metadata.name.as_deref().unwrap_or_default());
        within(Call { verb: "update", kind: KIND, name }, async { api.replace(name, &params(), stack).await }).await
    }

    /// Deletes this very stack, and with it in the background what it owns. One that has gone already is fine.
    ///
    /// # Errors
    /// Where the API server doesn't answer or refuses; [`Class::Conflict`] where it has a successor.
    pub async fn delete_stack(&self, name: &str, uid: &str) -> Result<(), Error> {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let (api, params) = (self.documents(), DeleteParams::background().preconditions(preconditions));
        match within(Call { verb: "delete", kind: KIND, name }, async { api.delete(name, &params).await }).await {
            Err(error) if error.class() != Class::Missing => Err(error),
            _ => Ok(()),
        }
    }

    /// The pods of a stack as they are now and whenever one changes. What passes by itself is tried again.
    pub fn follow_pods(&self, stack: &str) -> impl Stream<Item = Result<Pod, Error>> + Send + use<> {
        let what = stack.to_owned();
        let config = watcher::Config::default().labels(&format!("{}={stack}", keys::STACK));
        watch(self.api::<Pod>(), config).backoff(WatchRetry::default()).filter_map(move |event| {
            ready(match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod)) => Some(Ok(pod)),
                Ok(Event::Init | Event::InitDone) => None,
                Err(error) => refusal("Pod", &what, &error).map(Err),
            })
        })
    }

    /// A stack as it is now and whenever it changes; `None` while there is none. What passes by itself is tried again.
    pub fn follow_stack(&self, name: &str) -> impl Stream<Item = Result<Option<ComposeStack>, Error>> + Send + use<> {
        let what = name.to_owned();
        watch_object(self.api::<RawStack>(), name).backoff(WatchRetry::default()).filter_map(move |seen| {
            ready(match seen {
                Ok(found) => Some(Ok(found.map(|raw| StackEntry::from(raw).stack))),
                Err(error) => refusal(KIND, &what, &error).map(|error| Err(unknown_kind(error))),
            })
        })
    }
}

/// A document as the type that this version knows.
pub fn typed(document: &Document) -> ComposeStack {
    let raw = serde_json::to_value(document).and_then(serde_json::from_value::<RawStack>);
    raw.map(|raw| StackEntry::from(raw).stack).unwrap_or_default()
}

pub(super) fn params() -> PostParams {
    PostParams { field_manager: Some(keys::PLUGIN.to_owned()), ..PostParams::default() }
}

/// What ends a watch for good: a refusal that the same request would meet again. All else is tried again.
pub(super) fn refusal(kind: &'static str, name: &str, error: &watcher::Error) -> Option<Error> {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))
    | watcher::Error::WatchFailed(kube::Error::Api(status))
    | watcher::Error::WatchError(status)) = error
    else {
        return None;
    };
    let error = Error::Answer { verb: "watch", what: format!("{kind} {name}"), status: status.clone() };
    // A history that is too old is begun anew.
    let passes = status.code == 410 || matches!(error.class(), Class::Transient | Class::Conflict);
    (!passes).then_some(error)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_watch_ends_by_a_refusal_alone() {
        let ends = |code: u16| {
            let status = Status { code, ..Status::default() };
            refusal("Pod", "shop", &watcher::Error::WatchError(Box::new(status))).is_some()
        };
        assert!(ends(403) && ends(404) && ends(400));
        assert!(!ends(410) && !ends(500) && !ends(429) && !ends(504));
        assert!(refusal("Pod", "shop", &watcher::Error::NoResourceVersion).is_none());
    }
}

//! Events on stacks; repetitions are counted by one Event.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::client::describe;

/// Name of the controller that reports.
const CONTROLLER: &str = "compose-operator.dev/compose-operator";
/// Bytes of an Event's note (`events.k8s.io/v1`).
const MAX_NOTE: usize = 1024;

/// Publishes Events; cheap to clone.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// `instance` is the name of this replica.
    pub fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: Some(instance.to_owned()) };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Publishes one Event. An Event that is lost is logged and no more: what must be known stands in status.
    pub async fn publish(&self, about: &ObjectReference, warning: bool, reason: &str, message: &str) {
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(cut(message).to_owned()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match tokio::time::timeout(Duration::from_secs(10), self.recorder.publish(&event, about)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(reason, error = describe(&error), "an Event is lost"),
            Err(_) => tracing::debug!(reason, "an Event is lost: no answer in time"),
        }
    }
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_NOTE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let text = format!("{}é", "x".repeat(MAX_NOTE - 1));
        assert_eq!(cut(&text).len(), MAX_NOTE - 1);
        assert_eq!(cut("short"), "short");
    }
}

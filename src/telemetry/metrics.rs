//! What the operator counts, for Prometheus.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// `settled`, `acted`, `failed` or `gone`.
    pub result: &'static str,
}

/// Labels of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Call {
    pub verb: &'static str,
    pub kind: &'static str,
}

/// Labels of a failed call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Failure {
    pub verb: &'static str,
    pub kind: &'static str,
    /// `forbidden`, `refused`, `conflict`, `missing`, `timeout` or `transport`.
    pub reason: &'static str,
}

/// Labels of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Watch {
    pub kind: &'static str,
}

/// Labels of the number of stacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct State {
    /// The reason of the condition Ready.
    pub reason: String,
}

/// All metrics; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub reconciles: Family<Outcome, Counter>,
    pub calls: Family<Call, Counter>,
    pub failures: Family<Failure, Counter>,
    pub watch_errors: Family<Watch, Counter>,
    pub queue: Gauge,
    pub stacks: Family<State, Gauge>,
}

impl Metrics {
    /// The text that `/metrics` answers with (OpenMetrics).
    pub fn render(&self) -> String {
        let mut registry = Registry::with_prefix("compose_operator");
        registry.register("reconciles", "Reconciles, by result", self.reconciles.clone());
        registry.register("api_calls", "Calls to the API server, watches aside", self.calls.clone());
        registry.register("api_failures", "Calls to the API server that failed", self.failures.clone());
        registry.register("watch_errors", "Watches that broke and were resumed", self.watch_errors.clone());
        registry.register("queue_length", "Stacks that wait for a reconcile", self.queue.clone());
        registry.register("stacks", "Stacks, by the reason of their condition Ready", self.stacks.clone());
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_with_their_labels() {
        let metrics = Metrics::default();
        metrics.calls.get_or_create(&Call { verb: "create", kind: "Deployment" }).inc();
        let text = metrics.render();
        assert!(text.contains(r#"compose_operator_api_calls_total{verb="create",kind="Deployment"} 1"#), "{text}");
    }
}

//! Who may connect to whom, worked out from the policies and the pods' labels in the cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::space::Space;

/// Policies and the labels of pods, by Deployment.
pub struct Reach {
    policies: Vec<NetworkPolicy>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
}

impl Reach {
    pub async fn of(space: &Space) -> Self {
        let labels = |d: &Deployment| {
            let template = &d.spec.as_ref().unwrap().template;
            template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default()
        };
        let deployments = space.list::<Deployment>().await;
        let labels = deployments.iter().map(|d| (d.metadata.name.clone().unwrap(), labels(d))).collect();
        Self { policies: space.list().await, labels }
    }

    /// Whether a pod of `from` may connect to a pod of `to` on a port that isn't published.
    pub fn reaches(&self, from: &str, to: &str) -> bool {
        let selects = |policy: &&NetworkPolicy| {
            let spec = policy.spec.as_ref().unwrap();
            spec.pod_selector.as_ref().is_none_or(|selector| matches(selector, &self.labels[to]))
        };
        let selecting: Vec<_> = self.policies.iter().filter(selects).collect();
        let admits = |policy: &&NetworkPolicy| {
            let rules = policy.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
            let mut peers = rules.filter(|rule| rule.ports.is_none()).flat_map(|rule| rule.from.iter().flatten());
            peers.any(|peer: &NetworkPolicyPeer| peer.pod_selector.as_ref().is_some_and(|selector| matches(selector, &self.labels[from])))
        };
        selecting.is_empty() || selecting.iter().any(admits)
    }

    /// All ordered pairs of which the first may connect to the second.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let names = || self.labels.keys().map(String::as_str);
        names().flat_map(|from| names().map(move |to| (from, to))).filter(|(from, to)| from != to && self.reaches(from, to)).collect()
    }
}

/// Whether labels are what a selector wants. Only what the operator writes is understood: anything else is no match for sure.
#[track_caller]
fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    assert!(selector.match_expressions.is_none(), "expressions in selectors are not worked out here");
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

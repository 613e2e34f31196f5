//! Who may connect to whom, worked out from the policies and the pods' labels in the cluster, as networking.k8s.io/v1 defines it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::space::Space;

type Labels = BTreeMap<String, String>;

/// Policies and the labels of pods, by Deployment.
pub struct Reach {
    policies: Vec<NetworkPolicy>,
    labels: BTreeMap<String, Labels>,
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
        self.passes("Egress", from, to) && self.passes("Ingress", to, from)
    }

    /// All ordered pairs of which the first may connect to the second.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let names = || self.labels.keys().map(String::as_str);
        names().flat_map(|from| names().map(move |to| (from, to))).filter(|(from, to)| from != to && self.reaches(from, to)).collect()
    }

    /// A pod that no policy selects for a direction is open in it; else some rule has to admit the other end, on all ports.
    fn passes(&self, direction: &str, pod: &str, other: &str) -> bool {
        let specs = self.policies.iter().filter_map(|policy| policy.spec.as_ref());
        let mut selecting = specs.filter(|spec| {
            let directed = spec.policy_types.iter().flatten().any(|kind| kind == direction);
            directed && spec.pod_selector.as_ref().is_none_or(|selector| matches(selector, &self.labels[pod]))
        });
        let mut selected = false;
        let admitted = selecting.any(|spec| {
            selected = true;
            let ingress = spec.ingress.iter().flatten().map(|rule| (rule.from.as_deref(), rule.ports.as_deref()));
            let egress = spec.egress.iter().flatten().map(|rule| (rule.to.as_deref(), rule.ports.as_deref()));
            match direction {
                "Ingress" => ingress.into_iter().any(|rule| admits(rule, &self.labels[other])),
                _ => egress.into_iter().any(|rule| admits(rule, &self.labels[other])),
            }
        });
        admitted || !selected
    }
}

fn admits((peers, ports): (Option<&[NetworkPolicyPeer]>, Option<&[NetworkPolicyPort]>), other: &Labels) -> bool {
    let peers = peers.unwrap_or_default();
    ports.is_none_or(<[_]>::is_empty) && (peers.is_empty() || peers.iter().any(|peer| is(peer, other)))
}

/// Whether a peer is a pod of the same namespace with these labels.
fn is(peer: &NetworkPolicyPeer, labels: &Labels) -> bool {
    let here = peer.namespace_selector.is_none() && peer.ip_block.is_none();
    here && peer.pod_selector.as_ref().is_some_and(|selector| matches(selector, labels))
}

/// Whether labels are what a selector wants. Only what the operator writes is understood.
#[track_caller]
fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    assert!(selector.match_expressions.is_none(), "expressions in selectors are not worked out here");
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

//! A user's labels and annotations.
//!
//! Compose labels are free text; on pods they become annotations, labels too where the value is a legal label value, and JSON as a whole.
//! Keys that the operator, Compose or Kubernetes give a meaning to are refused.

use indexmap::IndexMap;

use crate::api::keys;
use crate::compose::model::Service;
use crate::compose::path::Path;

use super::names::{self, LabelValue};
use super::object::StringMap;
use super::policy::Policy;
use super::report::Report;

/// Beginnings of keys without a domain that container runtimes obey.
const OF_RUNTIMES: [&str; 6] = ["dev.gvisor.", "io.containerd.", "io.katacontainers.", "io.kubernetes.", "io.podman.", "run.oci."];

/// Labels and annotations of an object.
#[derive(Default)]
pub struct Metadata {
    pub labels: StringMap,
    pub annotations: StringMap,
}

/// What a service's `labels` and `annotations` become on its pods.
pub fn of_pods(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Metadata {
    let mut made = Metadata::default();
    for (key, value) in &service.labels {
        if !is_free(key, &path.key("labels"), KEPT, report) {
            continue;
        }
        if LabelValue::new(value).is_ok() {
            made.labels.insert(key.clone(), value.clone());
            if may_annotate(key, policy) {
                made.annotations.insert(key.clone(), value.clone());
            }
        } else if annotates(key, policy, &path.key("labels"), report) {
            made.annotations.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in &service.annotations {
        if is_free(key, &path.key("annotations"), LOST, report) && annotates(key, policy, &path.key("annotations"), report) {
            made.annotations.insert(key.clone(), value.clone());
        }
    }
    if !service.labels.is_empty() {
        let sorted: StringMap = service.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        made.annotations.insert(keys::LABELS.to_owned(), serde_json::json!(sorted).to_string());
    }
    made
}

/// What `deploy.labels` becomes on a service's workload and Service.
pub fn of_deploy(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Metadata {
    let empty = IndexMap::new();
    let labels = service.deploy.as_ref().map_or(&empty, |deploy| &deploy.labels);
    of_object(labels, policy, &path.key("deploy").key("labels"), report)
}

/// Labels where they are legal, annotations else.
pub fn of_object(labels: &IndexMap<String, String>, policy: &Policy, path: &Path, report: &mut Report) -> Metadata {
    let mut made = Metadata::default();
    for (key, value) in labels {
        if is_free(key, path, LOST, report) {
            if LabelValue::new(value).is_ok() {
                made.labels.insert(key.clone(), value.clone());
            } else if annotates(key, policy, path, report) {
                made.annotations.insert(key.clone(), value.clone());
            }
        }
    }
    made
}

/// Annotations alone.
pub fn as_annotations(labels: &IndexMap<String, String>, policy: &Policy, path: &Path, report: &mut Report) -> StringMap {
    let mut kept = StringMap::new();
    for (key, value) in labels {
        if is_free(key, path, LOST, report) && annotates(key, policy, path, report) {
            kept.insert(key.clone(), value.clone());
        }
    }
    kept
}

/// Whether nobody obeys an annotation of this key, or the administrator lets stacks have it.
pub fn may_annotate(key: &str, policy: &Policy) -> bool {
    let obeyed = key.contains('/') || OF_RUNTIMES.iter().any(|prefix| key.starts_with(prefix));
    !obeyed || policy.allows_annotation(key)
}

/// The same, with a warning where it may not be.
fn annotates(key: &str, policy: &Policy, path: &Path, report: &mut Report) -> bool {
    let may = may_annotate(key, policy);
    if !may {
        let message = "annotations that the cluster may obey are left out, but for those of the administrator's policy.annotations";
        report.warn("annotation", &path.key(key.to_owned()), message);
    }
    may
}

/// What becomes of a label whose key is none on Kubernetes: those of pods are kept as JSON.
const KEPT: &str = "it is kept in compose-operator.dev/labels alone";
const LOST: &str = "it has no effect";

fn is_free(key: &str, path: &Path, otherwise: &str, report: &mut Report) -> bool {
    let path = path.key(key.to_owned());
    if is_reserved(key) {
        report.refuse("reserved-label", &path, RESERVED);
        return false;
    }
    if !names::is_label_key(key) {
        report.warn("illegal-label", &path, format!("{key:?} is no legal key of a label or annotation on Kubernetes; {otherwise}"));
        return false;
    }
    true
}

/// What is said of a key that is reserved.
pub const RESERVED: &str = "labels and annotations of com.docker.compose, compose-operator.dev, kubernetes.io and k8s.io can't be set";

/// Whether the operator, Compose or Kubernetes give a key its meaning.
pub fn is_reserved(key: &str) -> bool {
    let prefix = key.split_once('/').map(|(prefix, _)| prefix.to_ascii_lowercase());
    let owned = |domain: &str| prefix.as_deref().is_some_and(|prefix| prefix == domain || prefix.ends_with(&format!(".{domain}")));
    key.to_ascii_lowercase().starts_with("com.docker.compose.") || [keys::GROUP, "kubernetes.io", "k8s.io"].into_iter().any(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_a_meaning_of_their_own_are_reserved() {
        for key in
            ["com.docker.compose.project", "compose-operator.dev/stack", "app.kubernetes.io/name", "kubernetes.io/x", "node.k8s.io/y"]
        {
            assert!(is_reserved(key), "{key}");
        }
        for key in ["traefik.enable", "com.example.team", "notkubernetes.io/x", "kubernetes.io", "example.com/k8s.io"] {
            assert!(!is_reserved(key), "{key}");
        }
    }
}

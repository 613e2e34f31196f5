//! What belongs to a node, by its name.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The names and places of one node. Two nodes have nothing in common but what is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    name: String,
    nodes: PathBuf,
}

impl Layout {
    /// The layout of the node of this name, whether it is up or not.
    pub fn new(name: &str) -> Result<Self, Error> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 20 || !name.chars().all(legal) {
            return Err(Error::Name(name.into()));
        }
        Ok(Self { name: name.into(), nodes: devcluster::cache_directory()?.join("nodes") })
    }

    /// The same among the nodes of another directory.
    #[cfg(test)]
    pub(crate) fn within(nodes: &Path, name: &str) -> Self {
        Self { name: name.into(), nodes: nodes.into() }
    }

    /// What it is called, by Kubernetes too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the nodes are.
    pub(crate) fn nodes(&self) -> &Path {
        &self.nodes
    }

    /// What it has on its disk, removed when it is taken down.
    pub fn directory(&self) -> PathBuf {
        self.nodes.join(&self.name)
    }

    /// Held by whoever starts or ends it.
    pub(crate) fn lock(&self) -> PathBuf {
        self.nodes.join(format!("{}.lock", self.name))
    }

    /// Network namespace, and cgroup in every hierarchy.
    pub(crate) fn namespace(&self) -> String {
        format!("compose-node-{}", self.name)
    }

    /// Network namespace of the machine beside it.
    pub(crate) fn outside(&self) -> String {
        format!("compose-beside-{}", self.name)
    }

    /// State and logs of the control plane, and the logs of everything else.
    pub(crate) fn plane(&self) -> PathBuf {
        self.directory().join("plane")
    }

    /// The admin's kubeconfig. Its server answers in the node's network, and to the machine beside it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plane().join("admin.kubeconfig")
    }

    /// What the API server was asked.
    pub fn audit_log(&self) -> PathBuf {
        self.plane().join("audit.log")
    }

    /// kubectl, helm and ctr.
    pub fn tools(&self) -> PathBuf {
        self.directory().join("bin")
    }

    pub(crate) fn containerd(&self) -> PathBuf {
        self.directory().join("containerd")
    }

    /// Files of containerd, kubelet and the others, by their names.
    pub(crate) fn settings(&self, file: &str) -> PathBuf {
        self.directory().join("settings").join(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_nodes_share_no_name_and_no_place() {
        let (one, other) = (Layout::new("one").unwrap(), Layout::new("other").unwrap());
        assert_ne!(one.directory(), other.directory());
        assert_ne!(one.lock(), other.lock());
        let names = [one.namespace(), one.outside(), other.namespace(), other.outside()];
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn a_name_that_is_no_name_is_refused() {
        for name in ["", "Upper", "a/b", "../x", "a b", "a-name-that-is-much-too-long"] {
            assert!(Layout::new(name).is_err(), "{name}");
        }
    }
}

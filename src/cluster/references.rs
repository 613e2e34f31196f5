//! Objects that a stack names but does not own: sources of files and variables, and external claims, configs and secrets.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use kube::Resource;
use kube::api::GetParams;
use kube::core::Request;

use super::StackKey;
use super::client::{Call, Caller, Class, Error};
use super::view::AnyView;

/// A kind that stacks may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
}

/// One named object of the stack's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    pub kind: ReferenceKind,
    pub name: String,
}

/// What the watches say of a named object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Nothing since it was first named.
    #[default]
    Unknown,
    /// It stands at this resourceVersion.
    At(u64),
    /// It went at this resourceVersion; 0 where a list no longer had it.
    Gone(u64),
}

/// A named object as one GET showed it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetched {
    pub version: u64,
    /// Annotation `compose-operator.dev/layout` of a claim.
    pub layout: Option<String>,
    /// Keys and contents of a ConfigMap or Secret.
    pub data: BTreeMap<String, Vec<u8>>,
}

/// Who names what, and how it stands.
#[derive(Debug, Default)]
pub(super) struct References {
    named: BTreeMap<(String, Reference), Named>,
    by_stack: BTreeMap<StackKey, BTreeSet<Reference>>,
}

#[derive(Debug, Default)]
struct Named {
    version: Version,
    stacks: BTreeSet<StackKey>,
}

impl Reference {
    pub fn new(kind: ReferenceKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl ReferenceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ReferenceKind::ConfigMap => "ConfigMap",
            ReferenceKind::Secret => "Secret",
            ReferenceKind::PersistentVolumeClaim => "PersistentVolumeClaim",
        }
    }
}

impl Version {
    /// Whether a copy read at `copy` (`None`: there was nothing) no longer shows what there is.
    pub fn outdates(self, copy: Option<u64>) -> bool {
        match (self, copy) {
            (Version::Unknown, _) | (Version::Gone(_), None) => false,
            (Version::At(_), None) => true,
            (Version::At(now), Some(copy)) => now > copy,
            (Version::Gone(at), Some(copy)) => at == 0 || at > copy,
        }
    }
}

impl References {
    /// Replaces what a stack names.
    pub fn set(&mut self, stack: &StackKey, wanted: BTreeSet<Reference>) {
        let old = self.by_stack.remove(stack).unwrap_or_default();
        for gone in old.difference(&wanted) {
            let key = (stack.namespace.clone(), gone.clone());
            if let Some(named) = self.named.get_mut(&key) {
                named.stacks.remove(stack);
                if named.stacks.is_empty() {
                    self.named.remove(&key);
                }
            }
        }
        for new in &wanted {
            self.named.entry((stack.namespace.clone(), new.clone())).or_default().stacks.insert(stack.clone());
        }
        if !wanted.is_empty() {
            self.by_stack.insert(stack.clone(), wanted);
        }
    }

    pub fn version(&self, namespace: &str, reference: &Reference) -> Version {
        self.named.get(&(namespace.to_owned(), reference.clone())).map_or(Version::Unknown, |n| n.version)
    }

    /// Notes what a watch showed; the stacks that name the object, where it is news.
    pub fn note(&mut self, namespace: &str, reference: Reference, version: Version) -> BTreeSet<StackKey> {
        match self.named.get_mut(&(namespace.to_owned(), reference)) {
            Some(named) if named.version != version => {
                named.version = version;
                named.stacks.clone()
            }
            _ => BTreeSet::new(),
        }
    }

    /// All that are named of one kind.
    pub fn of_kind(&self, kind: ReferenceKind) -> Vec<(String, Reference)> {
        self.named.keys().filter(|(_, r)| r.kind == kind).cloned().collect()
    }
}

/// Reads a named object; `None` where there is none.
///
/// # Errors
/// Where the API server refuses or does not answer.
pub async fn fetch(caller: &Caller, namespace: &str, reference: &Reference) -> Result<Option<Fetched>, Error> {
    let call = Call { verb: "get", kind: reference.kind.as_str(), name: &reference.name };
    let request = |path: String| Request::new(path).get(&reference.name, &GetParams::default());
    let namespace = Some(namespace);
    let fetched = match reference.kind {
        ReferenceKind::ConfigMap => caller.call::<ConfigMap>(call, request(ConfigMap::url_path(&(), namespace))).await.map(|c| {
            let text = c.data.into_iter().flatten().map(|(k, v)| (k, v.into_bytes()));
            let binary = c.binary_data.into_iter().flatten().map(|(k, v)| (k, v.0));
            Fetched { version: version(c.metadata.resource_version.as_deref()), layout: None, data: text.chain(binary).collect() }
        }),
        ReferenceKind::Secret => caller.call::<Secret>(call, request(Secret::url_path(&(), namespace))).await.map(|s| Fetched {
            version: version(s.metadata.resource_version.as_deref()),
            layout: None,
            data: s.data.into_iter().flatten().map(|(k, v)| (k, v.0)).collect(),
        }),
        ReferenceKind::PersistentVolumeClaim => {
            caller.call::<AnyView>(call, request(PersistentVolumeClaim::url_path(&(), namespace))).await.map(|c| {
                let seen = c.seen();
                Fetched { version: version(Some(&seen.resource_version)), layout: seen.layout, data: BTreeMap::new() }
            })
        }
    };
    match fetched {
        Ok(fetched) => Ok(Some(fetched)),
        Err(error) if error.class() == Class::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// A resourceVersion as the number that it is (Kubernetes 1.35 guarantees order).
pub(super) fn version(text: Option<&str>) -> u64 {
    text.and_then(|t| t.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_outdated_by_what_came_after_it() {
        let cases = [
            (Version::Unknown, Some(5), false),
            (Version::At(5), Some(5), false),
            (Version::At(4), Some(5), false),
            (Version::At(6), Some(5), true),
            (Version::At(6), None, true),
            (Version::Gone(6), Some(5), true),
            (Version::Gone(4), Some(5), false),
            (Version::Gone(0), Some(5), true),
            (Version::Gone(6), None, false),
        ];
        for (now, copy, expected) in cases {
            assert_eq!(now.outdates(copy), expected, "{now:?} {copy:?}");
        }
    }

    #[test]
    fn only_stacks_that_name_an_object_hear_of_it() {
        let (a, b) = (StackKey::new("n", "a"), StackKey::new("n", "b"));
        let settings = Reference::new(ReferenceKind::ConfigMap, "settings");
        let mut references = References::default();
        references.set(&a, BTreeSet::from([settings.clone()]));
        references.set(&b, BTreeSet::from([Reference::new(ReferenceKind::Secret, "settings")]));
        assert_eq!(references.note("n", settings.clone(), Version::At(1)), BTreeSet::from([a.clone()]));
        assert_eq!(references.note("n", settings.clone(), Version::At(1)), BTreeSet::new(), "nothing new");
        assert_eq!(references.note("m", settings.clone(), Version::At(2)), BTreeSet::new(), "another namespace");
        references.set(&a, BTreeSet::new());
        assert_eq!(references.note("n", settings, Version::At(3)), BTreeSet::new(), "no longer named");
    }
}

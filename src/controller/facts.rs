//! The few facts of the cluster that a translation depends on.

use std::collections::BTreeSet;

use crate::cluster::cache::Cache;
use crate::cluster::{Reference, ReferenceKind, StackKey};
use crate::translate::{Facts, Kind};

use super::source::Copies;

/// Layout of the claims that this operator makes.
const OUR_LAYOUT: &str = "data";

/// What the caches and the copies of the external claims, configs and secrets that a project names tell.
pub fn facts(cache: &Cache, key: &StackKey, copies: &Copies, named: &BTreeSet<Reference>) -> Facts {
    let mut facts = Facts { namespace: Some(key.namespace.clone()), unserved: cache.unserved(), ..Facts::default() };
    // A claim of ours that is laid out as we would lay it out tells nothing new.
    for (claim, seen) in cache.objects(key, std::iter::empty()) {
        if claim.kind == Kind::PersistentVolumeClaim && !seen.deleting && seen.layout.as_deref() != Some(OUR_LAYOUT) {
            facts.claim_layouts.insert(claim.name, seen.layout.clone());
        }
    }
    for reference in named {
        let Some(copy) = copies.get(reference).and_then(Option::as_ref) else { continue };
        let keys = || copy.data.keys().cloned().collect();
        match reference.kind {
            ReferenceKind::ConfigMap => drop(facts.external_keys.insert((false, reference.name.clone()), keys())),
            ReferenceKind::Secret => drop(facts.external_keys.insert((true, reference.name.clone()), keys())),
            ReferenceKind::PersistentVolumeClaim => drop(facts.claim_layouts.insert(reference.name.clone(), copy.layout.clone())),
        }
    }
    facts
}

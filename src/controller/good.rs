//! The last good revision of a stack, read because an update of it has failed, and what it is to become as the cluster is now.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::RolledBack;
use crate::cluster::cache::Cache;
use crate::cluster::revision::Sources;
use crate::cluster::{Reference, StackKey};
use crate::translate::{Facts, Settings};

use super::decide::Refusal;
use super::facts::facts;
use super::source::Copies;
use super::translation::{self, Translated, load, translate};

/// The last good revision, as it was read.
#[derive(Debug)]
pub struct Good {
    /// The failed update that it is read for.
    pub failure: RolledBack,
    /// What it is to become, or why it is of no use.
    pub revived: Result<Revived, Arc<Refusal>>,
}

impl Good {
    /// External claims, configs and secrets that it names.
    pub fn named(&self) -> impl Iterator<Item = &Reference> {
        self.revived.iter().flat_map(|revived| &revived.named)
    }

    /// What it is to become.
    pub fn desired(&self) -> Translated {
        self.revived.as_ref().map_err(Clone::clone).and_then(|revived| revived.desired.clone())
    }
}

/// The sources of the last good revision, and what they become.
#[derive(Debug)]
pub struct Revived {
    sources: Sources,
    facts: Facts,
    desired: Translated,
    /// External claims, configs and secrets.
    named: BTreeSet<Reference>,
}

impl Revived {
    /// `admins` are the settings of stacks that don't say otherwise.
    pub fn new(cache: &Cache, admins: &Settings, key: &StackKey, sources: Sources, copies: &Copies) -> Self {
        let named = load(key, &sources.spec, &sources.copies()).map(|load| load.named()).unwrap_or_default();
        let facts = facts(cache, key, copies, &named);
        let desired = Self::translated(admins, key, &sources, &facts);
        Self { sources, facts, desired, named }
    }

    fn translated(admins: &Settings, key: &StackKey, sources: &Sources, facts: &Facts) -> Translated {
        let spec = &sources.spec;
        let undoing = || translation::settings(spec, admins).map(|settings| Settings { undoing: true, ..settings });
        translate(load(key, spec, &sources.copies()), undoing, spec, facts).desired
    }

    /// Translates it anew where the facts have changed.
    pub fn refresh(&mut self, cache: &Cache, admins: &Settings, key: &StackKey, copies: &Copies) {
        let facts = facts(cache, key, copies, &self.named);
        if self.facts != facts {
            self.desired = Self::translated(admins, key, &self.sources, &facts);
            self.facts = facts;
        }
    }
}

//! Collecting objects, and the metadata that all of them carry.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::keys;
use crate::compose::path::Path;

use super::names::{LabelValue, ObjectName};
use super::object::{Key, Object, StringMap};
use super::report::Report;
use super::stack::Stack;

/// The objects made so far, each with what it was made for.
#[derive(Default)]
pub struct Objects {
    made: BTreeMap<Key, (Object, Path)>,
}

impl Objects {
    /// Adds an object. The same object twice is one; two of one name are refused by both origins.
    pub fn add(&mut self, object: Object, origin: &Path, report: &mut Report) {
        let key = object.key();
        match self.made.get(&key) {
            Some((other, _)) if *other == object => {}
            Some((_, other)) => report.refuse("name-collision", origin, format!("becomes {} {:?} like {other}", key.kind, key.name)),
            None => {
                self.made.insert(key, (object, origin.clone()));
            }
        }
    }

    pub fn into_map(self) -> BTreeMap<Key, Object> {
        self.made.into_iter().map(|(key, (object, _))| (key, object)).collect()
    }
}

/// Labels of every object but claims.
pub fn stack_labels(stack: &Stack) -> StringMap {
    let mut labels = claim_labels(stack);
    labels.insert(keys::INSTANCE.to_owned(), LabelValue::of(&stack.project.name).into_string());
    labels
}

/// Labels of claims: those of every object but the instance, by which tools delete what an application owns.
pub fn claim_labels(stack: &Stack) -> StringMap {
    let project = LabelValue::of(&stack.project.name).into_string();
    StringMap::from([
        (keys::MANAGED_BY.to_owned(), keys::MANAGED_BY_VALUE.to_owned()),
        (keys::STACK.to_owned(), project.clone()),
        (keys::COMPOSE_PROJECT.to_owned(), project),
    ])
}

/// Labels of what belongs to one service.
pub fn service_labels(stack: &Stack, service: &str, name: &ObjectName) -> StringMap {
    let mut labels = stack_labels(stack);
    labels.insert(keys::NAME.to_owned(), name.to_string());
    labels.insert(keys::SERVICE.to_owned(), name.to_string());
    labels.insert(keys::COMPOSE_SERVICE.to_owned(), LabelValue::of(service).into_string());
    labels
}

/// The labels that select a service's pods. They never change.
pub fn selector(stack: &Stack, name: &ObjectName) -> StringMap {
    let mut labels = stack_selector(stack);
    labels.insert(keys::SERVICE.to_owned(), name.to_string());
    labels
}

/// The label that selects the stack's pods.
pub fn stack_selector(stack: &Stack) -> StringMap {
    StringMap::from([(keys::STACK.to_owned(), LabelValue::of(&stack.project.name).into_string())])
}

/// Metadata with the inputs that decide whether a live object stands.
pub fn metadata(name: &ObjectName, labels: StringMap, mut annotations: StringMap, inputs: String) -> ObjectMeta {
    annotations.insert(keys::INPUTS.to_owned(), inputs);
    ObjectMeta { name: Some(name.to_string()), labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }
}

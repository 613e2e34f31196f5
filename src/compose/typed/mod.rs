//! The conformed tree → the typed [`Project`].

mod deploy;
mod fields;
mod resource;
mod service;

use std::collections::BTreeSet;

use crate::yaml::Node;

use super::model::Project;
use fields::Fields;

/// Reads a project out of a conformed tree. `named` are the resources whose name a file wrote, by section and key.
pub fn project(name: &str, root: Node, named: &BTreeSet<(String, String)>) -> Project {
    let explicit = |section: &str, key: &str| named.contains(&(section.to_owned(), key.to_owned()));
    Project {
        name: name.to_owned(),
        services: resource::each(&root, "services", service::service),
        networks: resource::each(&root, "networks", |key, node| resource::network(node, explicit("networks", key))),
        volumes: resource::each(&root, "volumes", |key, node| resource::volume(node, explicit("volumes", key))),
        configs: resource::each(&root, "configs", |key, node| resource::file_object(node, explicit("configs", key))),
        secrets: resource::each(&root, "secrets", |key, node| resource::file_object(node, explicit("secrets", key))),
        models: resource::each(&root, "models", |_, node| resource::model(node)),
        jobs: resource::each(&root, "jobs", |_, node| node.clone()),
        extensions: Fields(&root).extensions(),
        root,
        ..Project::default()
    }
}

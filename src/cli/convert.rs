//! `kubectl compose convert`: the Kubernetes objects that the project becomes, without an operator and without a cluster.

use serde_json::Value;

use crate::api::VolumeDefaults;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::model::Project;
use crate::translate::{Desired, Facts, Lifetime, Settings, translate};

use super::args::{SettingFlags, StackFlags};
use super::output::Error;

/// Code of the warnings about what the operator alone does.
pub const NO_ORDER: &str = "no-order";
/// Characters of a stack's name.
const MAX_NAME: usize = 40;

/// What the project becomes, and what there is to say about it.
pub fn objects(project: &Project, settings: &Settings) -> (Option<Desired>, Vec<Diagnostic>) {
    let (desired, mut diagnostics) = translate(project, settings, &Facts::default());
    for service in desired.iter().flat_map(|desired| &desired.services).filter(|service| !service.gates.is_empty()) {
        let message = "is held by the operator and has no counterpart in the objects: they start in any order";
        diagnostics.push(Diagnostic::warning(NO_ORDER, format!("services.{}.depends_on", service.name), message));
    }
    for service in desired.iter().flat_map(|desired| &desired.services) {
        if let Lifetime::UntilSuccess { attempts: Some(_) } = service.lifetime {
            let message = "failures are counted by the operator and have no counterpart in the objects: it is started again without end";
            diagnostics.push(Diagnostic::warning(NO_ORDER, format!("services.{}.restart", service.name), message));
        }
    }
    (desired, diagnostics)
}

/// The objects in the order in which they can be created.
///
/// # Errors
/// Where an object can't be written.
pub fn manifests(desired: &Desired) -> Result<Vec<Value>, Error> {
    Ok(desired.objects.values().map(serde_json::to_value).collect::<Result<_, _>>()?)
}

/// Puts manifests into a namespace.
pub fn place(manifests: &mut [Value], namespace: Option<&str>) {
    let Some(namespace) = namespace else { return };
    for metadata in manifests.iter_mut().filter_map(|manifest| manifest.get_mut("metadata")?.as_object_mut()) {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
}

/// The settings that the operator is shipped with, with these on top.
pub fn settings(flags: &SettingFlags) -> Settings {
    let shipped = Settings::default();
    Settings {
        helper_image: flags.helper_image.clone(),
        publish: flags.stack.publish.unwrap_or(shipped.publish),
        network_policy: flags.stack.network_policy.unwrap_or(shipped.network_policy),
        volumes: volumes(&flags.stack),
        least_privilege: flags.least_privilege,
        policy: flags.policy.clone().unwrap_or_default(),
        ..shipped
    }
}

/// What is said of volumes.
pub fn volumes(flags: &StackFlags) -> VolumeDefaults {
    VolumeDefaults {
        storage_class_name: flags.storage_class.clone(),
        size: flags.volume_size.clone(),
        access_mode: flags.volume_access_mode.clone(),
    }
}

/// A project's name as that of a stack: a DNS label.
pub fn stack_name(project: &str) -> String {
    let legal: String = project.chars().map(|c| if c == '_' { '-' } else { c }).take(MAX_NAME).collect();
    legal.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_name_becomes_a_dns_label() {
        #[track_caller]
        fn check(project: &str, expected: &str) {
            assert_eq!(stack_name(project), expected);
        }
        check("swarm_test", "swarm-test");
        check("shop", "shop");
        check("a_", "a");
        check(&"x".repeat(50), &"x".repeat(40));
    }
}

//! `kubectl compose convert`: the Kubernetes objects that the project becomes, without an operator and without a cluster.

use crate::compose::diagnostic::Diagnostic;
use crate::compose::model::Project;
use crate::translate::{Desired, Facts, Object, Settings, translate};
use crate::yaml;

use super::args::Format;
use super::output::Error;

/// Characters of a stack's name.
const MAX_NAME: usize = 40;

/// What the project becomes with the settings that the operator is shipped with, and what there is to say about it.
pub fn objects(mut project: Project) -> (Option<Desired>, Vec<Diagnostic>) {
    project.name = stack_name(&project.name);
    let (desired, mut diagnostics) = translate(&project, &Settings::default(), &Facts::default());
    for service in desired.iter().flat_map(|desired| &desired.services).filter(|service| !service.gates.is_empty()) {
        let message = "is held by the operator and has no counterpart in the objects: they start in any order";
        diagnostics.push(Diagnostic::warning("no-order", format!("services.{}.depends_on", service.name), message));
    }
    (desired, diagnostics)
}

/// The objects in the order in which they can be created, as a YAML stream or a JSON list.
///
/// # Errors
/// Where an object can't be written.
pub fn text(desired: &Desired, format: Format) -> Result<String, Error> {
    let objects = desired.objects.values();
    match format {
        Format::Yaml => objects.map(|object| Ok(format!("---\n{}", yaml::write(&json(object)?)))).collect(),
        Format::Json => {
            let items = objects.map(json).collect::<Result<Vec<_>, _>>()?;
            let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
            Ok(serde_json::to_string_pretty(&list)? + "\n")
        }
    }
}

fn json(object: &Object) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(object)
}

/// A project's name as that of a stack: a DNS label.
fn stack_name(project: &str) -> String {
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

//! `models`: a service learns from variables where models are served, and by which name it asks for its own.

use k8s_openapi::api::core::v1::EnvVar;

use crate::compose::model::Service;
use crate::compose::path::Path;

use super::dollars::doubled;
use super::report::Report;
use super::stack::Stack;

/// The variables of a service's models, where the administrator tells an endpoint.
pub fn variables(stack: &Stack, service: &Service, path: &Path, report: &mut Report) -> Vec<EnvVar> {
    let mut made = Vec::new();
    for (key, usage) in &service.models {
        let path = path.key("models").key(key.to_owned());
        let Some(endpoint) = &stack.settings.policy.model_endpoint else {
            report.forbidden("model", &path, "no endpoint that serves models is configured", "modelEndpoint");
            continue;
        };
        let Some(declared) = stack.project.models.get(key) else {
            report.refuse("undeclared", &path, format!("model {key:?} is not declared"));
            continue;
        };
        let prefix = key.to_uppercase().replace(['-', '.'], "_");
        let written =
            |name: &Option<String>, suffix: &str| name.clone().filter(|name| !name.is_empty()).unwrap_or(format!("{prefix}_{suffix}"));
        for (name, value) in [(written(&usage.endpoint_var, "URL"), endpoint), (written(&usage.model_var, "MODEL"), &declared.model)] {
            made.push(EnvVar { name, value: Some(doubled(value)), value_from: None });
        }
    }
    made
}

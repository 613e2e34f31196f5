//! The CustomResourceDefinition of `ComposeStack` as text.

use kube::CustomResourceExt;

use crate::api::ComposeStack;

/// The definition as a YAML document, made from the Rust types.
///
/// # Errors
/// Where the definition can't be written as YAML.
pub fn manifest() -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(&ComposeStack::crd())
}

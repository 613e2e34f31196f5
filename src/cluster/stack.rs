//! Stacks: how they are read, and how their status is written.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ComposeStack, ComposeStackStatus, keys};

use super::client::{Call, Caller, Error};

/// A stack as the API server sends it. Spec and status are decoded one stack at a time: one that is malformed must not end the watch of
/// all others.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "ComposeStack")]
pub struct RawStack {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

/// A stack, and why its spec can't be read where it can't.
#[derive(Clone, Debug)]
pub struct StackEntry {
    pub stack: ComposeStack,
    pub problem: Option<String>,
}

impl From<RawStack> for StackEntry {
    fn from(mut raw: RawStack) -> Self {
        raw.metadata.managed_fields = None;
        let spec = without_nulls(raw.spec);
        let (spec, problem) = match serde_json::from_value(spec) {
            Ok(spec) => (spec, None),
            Err(error) => (crate::api::ComposeStackSpec::default(), Some(format!("spec: {error}"))),
        };
        let status = serde_json::from_value(without_nulls(raw.status)).ok();
        Self { stack: ComposeStack { metadata: raw.metadata, spec, status }, problem }
    }
}

impl StackEntry {
    pub fn uid(&self) -> &str {
        self.stack.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The controller reference of all that the stack becomes, but for claims.
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: ComposeStack::api_version(&()).into_owned(),
            kind: ComposeStack::kind(&()).into_owned(),
            name: self.stack.metadata.name.clone().unwrap_or_default(),
            uid: self.uid().to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(false),
        }
    }

    /// What Events are about.
    pub fn object_reference(&self) -> ObjectReference {
        self.stack.object_ref(&())
    }
}

/// Optional fields come out of the CRD as nullable, so an explicit null reaches us and means that the field is absent. In a Compose file
/// as a mapping a null has a meaning of its own and stays.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| if k == "composeObject" { (k, v) } else { (k, without_nulls(v)) }).collect())
        }
        Value::Null => json!({}),
        other => other,
    }
}

/// Writes the status by server-side apply: what this manager wrote before and leaves out now goes. The uid in the body keeps a successor of
/// the same name from getting it, and `version`, the resourceVersion that the decision rested on, keeps a decision on an older record from
/// undoing facts that another has put on record since.
///
/// # Errors
/// Where the API server refuses or does not answer; a conflict where the stack has changed since `version`.
pub async fn write_status(
    caller: &Caller,
    entry: &StackEntry,
    version: u64,
    status: &ComposeStackStatus,
) -> Result<(u64, ComposeStackStatus), Error> {
    let meta = &entry.stack.metadata;
    let name = meta.name.as_deref().unwrap_or_default();
    let body = json!({
        "apiVersion": ComposeStack::api_version(&()),
        "kind": ComposeStack::kind(&()),
        "metadata": { "name": name, "uid": entry.uid(), "resourceVersion": version.to_string() },
        "status": status,
    });
    let path = ComposeStack::url_path(&(), meta.namespace.as_deref());
    let params = PatchParams::apply(keys::STATUS_MANAGER).force();
    let request = Request::new(path).patch_subresource("status", name, &params, &Patch::Apply(&body));
    let answer: RawStack = caller.call(Call { verb: "status", kind: "ComposeStack", name }, request).await?;
    let version = super::references::version(answer.metadata.resource_version.as_deref());
    Ok((version, StackEntry::from(answer).stack.status.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn read(spec: &Value) -> StackEntry {
        let raw: RawStack = serde_json::from_value(json!({ "metadata": { "name": "shop", "uid": "u" }, "spec": spec })).unwrap();
        StackEntry::from(raw)
    }

    #[test]
    fn a_null_is_an_absent_field() {
        let entry = read(&json!({ "compose": "services: {}", "files": null, "profiles": null }));
        assert_eq!(entry.problem, None);
        assert_eq!(entry.stack.spec.compose.as_deref(), Some("services: {}"));
    }

    #[test]
    fn a_null_in_a_compose_mapping_stays() {
        let entry = read(&json!({ "composeObject": { "networks": { "front": null } } }));
        let object = entry.stack.spec.compose_object.unwrap();
        assert_eq!(object["networks"], json!({ "front": null }));
    }

    #[test]
    fn a_spec_that_does_not_decode_is_a_problem_of_that_stack_alone() {
        let entry = read(&json!({ "compose": 3 }));
        assert!(entry.problem.unwrap().contains("expected a string"));
    }
}

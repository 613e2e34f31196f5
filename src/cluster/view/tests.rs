#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn entries(value: &Value) -> Vec<ManagedFieldsEntry> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn the_hash_speaks_of_our_fields_alone() {
    let ours =
        json!({ "manager": "compose-operator", "operation": "Update", "fieldsV1": { "f:spec": { "f:replicas": {}, "f:paused": {} } } });
    let theirs = json!({ "manager": "kubectl", "operation": "Update", "fieldsV1": { "f:metadata": {} } });
    let status = json!({ "manager": "compose-operator", "operation": "Update", "subresource": "status", "fieldsV1": { "f:status": {} } });
    let alone = fields_hash(&entries(&json!([ours])));
    assert!(alone.is_some());
    assert_eq!(fields_hash(&entries(&json!([theirs, ours, status]))), alone, "what others own doesn't count");
    let applied =
        json!({ "manager": "compose-operator", "operation": "Apply", "fieldsV1": { "f:spec": { "f:paused": {}, "f:replicas": {} } } });
    assert_eq!(fields_hash(&entries(&json!([applied]))), alone, "neither the operation nor the order of keys counts");
    let lost = json!({ "manager": "compose-operator", "operation": "Update", "fieldsV1": { "f:spec": { "f:replicas": {} } } });
    assert_ne!(fields_hash(&entries(&json!([lost]))), alone, "a field that was taken from us counts");
    assert_eq!(fields_hash(&entries(&json!([theirs]))), None);
}

#[test]
fn the_last_manager_that_is_neither_we_nor_the_cluster_is_named() {
    let managed = entries(&json!([
        { "manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T00:00:00Z" },
        { "manager": "kubectl", "operation": "Update", "subresource": "scale", "time": "2026-01-02T00:00:00Z" },
        { "manager": "kube-controller-manager", "operation": "Update", "time": "2026-01-03T00:00:00Z" },
        { "manager": "compose-operator", "operation": "Apply", "time": "2026-01-04T00:00:00Z" },
        { "manager": "kubelet", "operation": "Update", "subresource": "status", "time": "2026-01-05T00:00:00Z" },
    ]));
    assert_eq!(changed_by(&managed).as_deref(), Some("kubectl"));
}

#[track_caller]
fn check_owner(reference: &Value, expected: &Owner) {
    let meta: ObjectMeta = serde_json::from_value(json!({ "ownerReferences": [reference] })).unwrap();
    assert_eq!(of_metadata(&meta).owner, *expected);
}

#[test]
fn only_a_controller_of_our_group_makes_an_object_a_stack_s() {
    let stack = json!({ "apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "name": "shop", "uid": "u", "controller": true });
    check_owner(&stack, &Owner::Stack { name: "shop".to_owned(), uid: "u".to_owned() });
    let namesake = json!({ "apiVersion": "example.org/v1", "kind": "ComposeStack", "name": "shop", "uid": "u", "controller": true });
    check_owner(&namesake, &Owner::Other { kind: "ComposeStack".to_owned(), name: "shop".to_owned() });
    let no_controller = json!({ "apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "name": "shop", "uid": "u" });
    check_owner(&no_controller, &Owner::Nobody);
}

#[test]
fn annotations_make_claims_a_stack_s_and_nothing_else() {
    let annotated =
        json!({ "metadata": { "annotations": { "compose-operator.dev/stack": "shop", "compose-operator.dev/volume": "data" } } });
    let claim: ClaimView = serde_json::from_value(annotated.clone()).unwrap();
    assert_eq!(claim.seen().owner, Owner::Claim { stack: "shop".to_owned() });
    let service: ServiceObjectView = serde_json::from_value(annotated).unwrap();
    assert_eq!(service.seen().owner, Owner::Nobody);
}

#[test]
fn a_deployment_that_fails_to_make_pods_says_why() {
    let view: DeploymentView = serde_json::from_value(json!({
        "metadata": { "generation": 2 },
        "spec": { "replicas": 3, "template": { "metadata": { "annotations": { "compose-operator.dev/restarted-for": "db=1" } } } },
        "status": {
            "observedGeneration": 2, "conditions": [
                { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out progressing" },
                { "type": "ReplicaFailure", "status": "True", "message": "exceeded quota" },
            ],
        },
    }))
    .unwrap();
    let seen = view.seen();
    assert_eq!(seen.restarted_for.as_deref(), Some("db=1"));
    let WorkloadView::Replicated { replicas, problem, .. } = seen.state else { unreachable!("a Deployment has replicas") };
    assert_eq!((replicas, problem.as_deref()), (3, Some("exceeded quota")));
}

#[test]
fn a_headless_service_is_known() {
    let of = |ip: &str| {
        serde_json::from_value::<ServiceObjectView>(json!({ "metadata": {}, "spec": { "clusterIP": ip } })).unwrap().seen().headless
    };
    assert_eq!((of("None"), of("10.0.0.1")), (Some(true), Some(false)));
}

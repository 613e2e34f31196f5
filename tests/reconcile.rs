//! The acting half, call by call: what is sent to the API server, and what follows from its answers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use compose_operator::api::{ComposeStack, ComposeStackStatus};
use compose_operator::cluster::apply::{self, Place};
use compose_operator::cluster::client::{Caller, Class, Error};
use compose_operator::cluster::stack::{RawStack, StackEntry, write_status};
use compose_operator::telemetry::metrics::Metrics;
use compose_operator::translate::{Key, Kind, Object};
use http::{Request, Response};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use kube::api::ObjectMeta;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::{self, Handle};

type Server = Handle<Request<Body>, Response<Body>>;

/// One call as the API server sees it.
#[derive(Debug)]
struct Seen {
    method: String,
    path: String,
    query: String,
    content_type: String,
    body: Value,
}

fn connection() -> (Caller, Server) {
    let (service, server) = mock::pair::<Request<Body>, Response<Body>>();
    (Caller::new(Client::new(service, "default"), Metrics::default()), server)
}

async fn next(server: &mut Server, code: u16, answer: &Value) -> Seen {
    let (request, send) = server.next_request().await.expect("a call");
    let (parts, body) = request.into_parts();
    let bytes = body.collect_bytes().await.unwrap();
    let header = parts.headers.get("content-type").map(|v| v.to_str().unwrap().to_owned());
    send.send_response(Response::builder().status(code).body(Body::from(answer.to_string().into_bytes())).unwrap());
    Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: header.unwrap_or_default(),
        body: if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() },
    }
}

fn place() -> Place {
    let owner = OwnerReference {
        api_version: "compose-operator.dev/v1".to_owned(),
        kind: "ComposeStack".to_owned(),
        name: "shop".to_owned(),
        uid: "stack-uid".to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    };
    Place { namespace: "team".to_owned(), owner }
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn settings() -> Object {
    let data = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    Object::ConfigMap(Box::new(ConfigMap { metadata: meta("settings"), data: Some(data), ..ConfigMap::default() }))
}

/// The live ConfigMap, with the entries of managedFields as (manager, operation).
fn live(data: &Value, managers: &[(&str, &str)]) -> Value {
    let entries = managers.iter().map(|(manager, operation)| {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": { "f:data": {} } })
    });
    let owner = serde_json::to_value(place().owner).unwrap();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {
            "name": "settings", "namespace": "team", "uid": "object-uid", "resourceVersion": "7", "ownerReferences": [owner],
            "managedFields": entries.collect::<Vec<_>>(),
        },
    })
}

fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message, "metadata": {} })
}

const PATH: &str = "/api/v1/namespaces/team/configmaps/settings";

#[tokio::test]
async fn a_create_is_a_post_in_the_name_of_the_stack() {
    let (caller, mut server) = connection();
    let answer = live(&json!({ "a": "1" }), &[("compose-operator", "Update")]);
    let place = place();
    let (seen, call) = tokio::join!(apply::create(&caller, &place, settings()), next(&mut server, 201, &answer));
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/api/v1/namespaces/team/configmaps"));
    assert_eq!(call.query, "&fieldManager=compose-operator");
    let owner = &call.body["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["uid"], &owner["controller"], &owner["blockOwnerDeletion"]), (&json!("stack-uid"), &json!(true), &json!(false)));
    let seen = seen.unwrap();
    assert_eq!((seen.uid.as_str(), seen.resource_version.as_str(), seen.posted), ("object-uid", "7", true));
    assert!(seen.fields.is_some(), "what is ours is known from the answer");
}

/// A Service that is made again with the address that it had.
fn addressed() -> Object {
    let spec = ServiceSpec { cluster_ip: Some("10.96.0.9".to_owned()), ..ServiceSpec::default() };
    Object::Service(Box::new(Service { metadata: meta("db"), spec: Some(spec), ..Service::default() }))
}

const STILL_TAKEN: &str = "spec.clusterIPs: Invalid value: failed to allocate IP 10.96.0.9: provided IP is already allocated";

#[tokio::test]
async fn a_service_waits_a_moment_for_the_address_that_it_had() {
    let (caller, mut server) = connection();
    let answer = json!({ "metadata": { "name": "db", "uid": "u", "resourceVersion": "1" }, "spec": { "clusterIP": "10.96.0.9" } });
    let place = place();
    let (seen, calls) = tokio::join!(apply::create(&caller, &place, addressed()), async {
        [next(&mut server, 422, &refusal(422, "Invalid", STILL_TAKEN)).await, next(&mut server, 201, &answer).await]
    });
    seen.unwrap();
    assert_eq!(calls.map(|call| call.body["spec"]["clusterIP"].clone()), [json!("10.96.0.9"), json!("10.96.0.9")]);
}

#[tokio::test]
async fn a_service_whose_address_is_taken_for_good_or_of_no_use_gets_another() {
    for (refused, times) in [(STILL_TAKEN, 5), ("the provided IP is not in the valid range", 1)] {
        let (caller, mut server) = connection();
        let answer = json!({ "metadata": { "name": "db", "uid": "u", "resourceVersion": "1" }, "spec": { "clusterIP": "10.96.0.7" } });
        let place = place();
        let (seen, last) = tokio::join!(apply::create(&caller, &place, addressed()), async {
            for _ in 0..times {
                assert_eq!(next(&mut server, 422, &refusal(422, "Invalid", refused)).await.body["spec"]["clusterIP"], "10.96.0.9");
            }
            next(&mut server, 201, &answer).await
        });
        seen.unwrap();
        assert_eq!(last.body["spec"]["clusterIP"], Value::Null);
    }
}

#[tokio::test]
async fn a_claim_never_has_an_owner() {
    let (caller, mut server) = connection();
    let claim =
        Object::PersistentVolumeClaim(Box::new(PersistentVolumeClaim { metadata: meta("shop-data"), ..PersistentVolumeClaim::default() }));
    let answer = json!({ "metadata": { "name": "shop-data", "uid": "u", "resourceVersion": "1" } });
    let place = place();
    let (seen, call) = tokio::join!(apply::create(&caller, &place, claim), next(&mut server, 201, &answer));
    seen.unwrap();
    assert_eq!(call.body["metadata"].get("ownerReferences"), None);
}

#[tokio::test]
async fn what_exists_already_is_not_overwritten() {
    let (caller, mut server) = connection();
    let answer = refusal(409, "AlreadyExists", "configmaps \"settings\" already exists");
    let place = place();
    let (created, _) = tokio::join!(apply::create(&caller, &place, settings()), next(&mut server, 409, &answer));
    let error = created.unwrap_err();
    assert!(error.is_already_exists());
    assert_eq!(error.to_string(), "create ConfigMap settings: configmaps \"settings\" already exists");
}

#[tokio::test]
async fn a_change_is_an_apply_with_the_uid() {
    let (caller, mut server) = connection();
    let answer = live(&json!({ "a": "1" }), &[("compose-operator", "Apply")]);
    let place = place();
    let (seen, call) = tokio::join!(apply::apply(&caller, &place, settings(), "object-uid", false), next(&mut server, 200, &answer));
    assert!(!seen.unwrap().posted);
    assert_eq!((call.method.as_str(), call.path.as_str()), ("PATCH", PATH));
    assert_eq!(call.content_type, "application/apply-patch+yaml");
    assert!(call.query.contains("force=true") && call.query.contains("fieldManager=compose-operator"), "{}", call.query);
    assert_eq!(call.body["metadata"]["uid"], "object-uid");
    assert_eq!(call.body["metadata"]["ownerReferences"][0]["uid"], "stack-uid");
}

#[tokio::test]
async fn the_first_change_takes_over_what_the_post_made() {
    let (caller, mut server) = connection();
    let created = live(&json!({ "a": "0" }), &[("kubectl", "Update"), ("compose-operator", "Update")]);
    let applied = live(&json!({ "a": "1" }), &[("compose-operator", "Apply")]);
    let place = place();
    let script = async {
        let read = next(&mut server, 200, &created).await;
        let patch = next(&mut server, 200, &created).await;
        (read, patch, next(&mut server, 200, &applied).await)
    };
    let (seen, (read, patch, change)) = tokio::join!(apply::apply(&caller, &place, settings(), "object-uid", true), script);
    seen.unwrap();
    assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", PATH));
    assert_eq!((patch.method.as_str(), patch.content_type.as_str()), ("PATCH", "application/json-patch+json"));
    let expected = json!([
        { "op": "test", "path": "/metadata/resourceVersion", "value": "7" },
        { "op": "test", "path": "/metadata/managedFields/1/manager", "value": "compose-operator" },
        { "op": "test", "path": "/metadata/managedFields/1/operation", "value": "Update" },
        { "op": "replace", "path": "/metadata/managedFields/1/operation", "value": "Apply" },
    ]);
    assert_eq!(patch.body, expected);
    assert_eq!(change.content_type, "application/apply-patch+yaml");
}

#[tokio::test]
async fn a_take_over_that_meets_another_write_reads_again() {
    let (caller, mut server) = connection();
    let created = live(&json!({ "a": "0" }), &[("compose-operator", "Update")]);
    let conflict = refusal(422, "Invalid", "the server rejected our request due to an error in our request");
    let place = place();
    let script = async {
        let mut methods = Vec::new();
        for (code, answer) in [(200, &created), (422, &conflict), (200, &created), (200, &created), (200, &created)] {
            methods.push(next(&mut server, code, answer).await.method);
        }
        methods
    };
    let (seen, methods) = tokio::join!(apply::apply(&caller, &place, settings(), "object-uid", true), script);
    seen.unwrap();
    assert_eq!(methods, ["GET", "PATCH", "GET", "PATCH", "PATCH"]);
}

#[tokio::test]
async fn a_delete_means_one_uid_at_one_version() {
    let (caller, mut server) = connection();
    let key = Key::new(Kind::ConfigMap, "settings");
    let answer = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {} });
    let (deleted, call) = tokio::join!(apply::delete(&caller, "team", &key, "object-uid", "7", false), next(&mut server, 200, &answer));
    deleted.unwrap();
    assert_eq!((call.method.as_str(), call.path.as_str()), ("DELETE", PATH));
    assert_eq!(call.body["preconditions"], json!({ "uid": "object-uid", "resourceVersion": "7" }));
    assert_eq!(call.body["propagationPolicy"], "Background");
}

#[tokio::test]
async fn a_delete_of_what_is_gone_is_done() {
    let (caller, mut server) = connection();
    let key = Key::new(Kind::ConfigMap, "settings");
    let answer = refusal(404, "NotFound", "configmaps \"settings\" not found");
    let (deleted, _) = tokio::join!(apply::delete(&caller, "team", &key, "object-uid", "7", false), next(&mut server, 404, &answer));
    deleted.unwrap();
}

#[tokio::test]
async fn a_comparison_that_finds_all_in_place_writes_nothing() {
    let (caller, mut server) = connection();
    // What others add is none of our business.
    let answer = live(&json!({ "a": "1", "b": "theirs" }), &[("compose-operator", "Apply")]);
    let place = place();
    let (compared, call) = tokio::join!(apply::compare(&caller, &place, settings(), "object-uid"), next(&mut server, 200, &answer));
    assert_eq!(call.method, "GET");
    assert!(!compared.unwrap().unwrap().repaired);
}

#[tokio::test]
async fn a_comparison_that_finds_a_difference_applies() {
    let (caller, mut server) = connection();
    let found = live(&json!({ "a": "edited" }), &[("compose-operator", "Apply")]);
    let applied = live(&json!({ "a": "1" }), &[("compose-operator", "Apply")]);
    let place = place();
    let script = async { (next(&mut server, 200, &found).await, next(&mut server, 200, &applied).await) };
    let (compared, (_, change)) = tokio::join!(apply::compare(&caller, &place, settings(), "object-uid"), script);
    assert!(compared.unwrap().unwrap().repaired);
    assert_eq!((change.method.as_str(), &change.body["metadata"]["uid"]), ("PATCH", &json!("object-uid")));
}

#[tokio::test]
async fn a_successor_is_not_compared() {
    let (caller, mut server) = connection();
    let answer = live(&json!({ "a": "edited" }), &[]);
    let place = place();
    let (compared, _) = tokio::join!(apply::compare(&caller, &place, settings(), "another-uid"), next(&mut server, 200, &answer));
    assert_eq!(compared.unwrap(), None);
}

#[tokio::test]
async fn replicas_that_have_become_ours_since_are_not_lost_by_a_comparison() {
    let (caller, mut server) = connection();
    let entry = json!({ "manager": "compose-operator", "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } });
    let answer = json!({
        "metadata": { "name": "web", "uid": "object-uid", "resourceVersion": "7", "managedFields": [entry] },
        "spec": { "replicas": 0 },
    });
    let wanted = Object::Deployment(Box::new(Deployment {
        metadata: ObjectMeta { name: Some("web".to_owned()), ..ObjectMeta::default() },
        spec: Some(DeploymentSpec { min_ready_seconds: Some(5), ..DeploymentSpec::default() }),
        ..Deployment::default()
    }));
    let place = place();
    let (compared, _) = tokio::join!(apply::compare(&caller, &place, wanted, "object-uid"), next(&mut server, 200, &answer));
    assert_eq!(compared.unwrap(), None);
}

#[tokio::test]
async fn a_refused_secret_is_not_quoted() {
    let (caller, mut server) = connection();
    let secret = Object::Secret(Box::new(Secret { metadata: meta("keys"), ..Secret::default() }));
    let answer = refusal(422, "Invalid", "Secret \"keys\" is invalid: data[x]: Invalid value: \"hunter2\"");
    let place = place();
    let (created, _) = tokio::join!(apply::create(&caller, &place, secret), next(&mut server, 422, &answer));
    let error = created.unwrap_err();
    assert_eq!(error.class(), Class::Refused);
    assert!(!format!("{error} {}", error.message()).contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_given_up() {
    let (caller, mut server) = connection();
    let start = tokio::time::Instant::now();
    let place = place();
    let hold = async {
        let held = server.next_request().await;
        tokio::time::sleep(Duration::from_mins(5)).await;
        held.is_some()
    };
    let created = tokio::select! {
        created = apply::create(&caller, &place, settings()) => created,
        _ = hold => panic!("the call goes on"),
    };
    let error = created.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert_eq!((error.class(), start.elapsed().as_secs()), (Class::Transient, 30));
}

#[tokio::test]
async fn a_status_is_applied_to_one_uid_and_lists_are_replaced() {
    let (caller, mut server) = connection();
    let stack = json!({ "metadata": { "name": "shop", "namespace": "team", "uid": "stack-uid", "resourceVersion": "3" }, "spec": { "compose": "" } });
    let entry = StackEntry::from(serde_json::from_value::<RawStack>(stack.clone()).unwrap());
    let status = ComposeStackStatus { observed_generation: Some(2), summary: Some("1/1".to_owned()), ..ComposeStackStatus::default() };
    let mut answer = stack;
    answer["status"] = json!({ "observedGeneration": 2, "summary": "1/1" });
    answer["metadata"]["resourceVersion"] = json!("9");
    let (written, call) = tokio::join!(write_status(&caller, &entry, 3, &status), next(&mut server, 200, &answer));
    assert_eq!(written.unwrap(), (9, status));
    assert_eq!(call.path, "/apis/compose-operator.dev/v1/namespaces/team/composestacks/shop/status");
    assert!(call.query.contains("fieldManager=compose-operator-status"), "{}", call.query);
    assert_eq!(call.content_type, "application/apply-patch+yaml");
    assert_eq!(call.body["metadata"]["uid"], "stack-uid");
    assert_eq!(call.body["metadata"]["resourceVersion"], "3", "an older decision never undoes a newer record");
    assert_eq!(call.body.get("spec"), None, "the spec is never written");
    assert_eq!(call.body["kind"], <ComposeStack as kube::Resource>::kind(&()).as_ref());
}

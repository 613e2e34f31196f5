//! Updates that fail: undone as a whole, or paused. Updates of the operator itself.

use compose_operator::api::{ComposeStack, ServiceState};
use compose_operator::cluster::view::fields_hash;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::{OPERATOR_NAMESPACE, Space, condition, operator_stopped, service};

const UNDOES: &str = "deploy: {update_config: {failure_action: rollback}}";

fn file(db: &str, web: &str, note: &str) -> String {
    format!("services: {{db: {{image: '{db}'}}, web: {{image: '{web}', depends_on: [db], labels: ['{note}'], {UNDOES}}}}}")
}

fn image(deployment: Option<&Deployment>) -> Option<String> {
    deployment?.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.clone()
}

async fn revision(space: &Space, stack: &ComposeStack) -> Option<Secret> {
    let secrets: Api<Secret> = Api::namespaced(space.client.clone(), OPERATOR_NAMESPACE);
    secrets.get_opt(&format!("revision-{}", stack.uid().unwrap())).await.unwrap()
}

/// Waits until the stack is undone, and all of the last good revision is there.
async fn undone(space: &Space) -> ComposeStack {
    let back = |stack: &ComposeStack| {
        let reason = condition(stack, "Stalled").is_some_and(|c| c.status == "True" && c.reason == "RolledBack");
        let status = stack.status.as_ref();
        reason && status.is_some_and(|s| s.observed_generation == stack.metadata.generation && s.summary.as_deref() == Some("2/2"))
    };
    space.until_stack("shop", "rolled back to what runs", back).await
}

#[tokio::test]
async fn an_update_that_fails_is_undone_with_all_its_services_until_there_is_another() {
    let space = Space::open("undone").await;
    space.create("shop", &file("db:1", "web:1", "a=b")).await;
    let first = space.ready("shop").await;
    assert!(revision(&space, &first).await.is_some());

    space.compose("shop", &file("db:2", "web:2", "devcluster/exit-code=1")).await;
    let stack = undone(&space).await;
    for (name, expected) in [("db", "db:1"), ("web", "web:1")] {
        assert_eq!(image(Some(&space.api::<Deployment>().get(name).await.unwrap())).as_deref(), Some(expected));
        assert_eq!(service(&stack, name).state, ServiceState::Running);
    }
    let message = &condition(&stack, "Stalled").unwrap().message;
    let account = "web: 1 of 1 ready: its container ends with exit code 1 and is started again and again; the last good revision of generation 1 runs again";
    assert_eq!(message, account);

    // It stays, whoever comes anew.
    let writes = space.writes().len();
    drop(operator_stopped().await);
    let other = Space::open("meanwhile").await;
    other.create("shop", "services: {web: {image: nginx}}").await;
    other.ready("shop").await;
    other.close().await;
    assert_eq!(space.writes().len(), writes);

    space.compose("shop", &file("db:2", "web:3", "a=b")).await;
    let stack = space.ready("shop").await;
    assert_eq!(image(Some(&space.api::<Deployment>().get("web").await.unwrap())).as_deref(), Some("web:3"));
    assert_eq!(stack.status.as_ref().unwrap().rolled_back, None);

    space.delete::<ComposeStack>("shop").await;
    let secrets: Api<Secret> = Api::namespaced(space.client.clone(), OPERATOR_NAMESPACE);
    let name = format!("revision-{}", stack.uid().unwrap());
    let gone = kube::runtime::wait::await_condition(secrets, &name, |secret: Option<&Secret>| secret.is_none());
    tokio::time::timeout(crate::support::PATIENCE, gone).await.expect("the revision goes with its stack").unwrap();
    space.close().await;
}

#[tokio::test]
async fn an_update_that_came_from_a_source_is_undone_to_what_the_source_said_before() {
    let space = Space::open("undone-source").await;
    let data = |tag: &str, note: &str| json!({"metadata": {"name": "variables"}, "data": {"TAG": tag, "NOTE": note}});
    space.make::<ConfigMap>(data("1", "a=b")).await;
    let spec = json!({"compose": file("db:1", "web:${TAG}", "${NOTE}"), "variablesFrom": [{"configMap": {"name": "variables"}}]});
    space.create_spec("shop", spec).await;
    space.ready("shop").await;
    space.merge::<ConfigMap>("variables", data("2", "devcluster/exit-code=1")).await;
    undone(&space).await;
    assert_eq!(image(Some(&space.api::<Deployment>().get("web").await.unwrap())).as_deref(), Some("web:1"));
    space.merge::<ConfigMap>("variables", data("3", "a=b")).await;
    space.until::<Deployment>("web", "at the next update", |web| image(web).as_deref() == Some("web:3")).await;
    space.until_stack("shop", "ready again", |stack| condition(stack, "Ready").is_some_and(|c| c.status == "True")).await;
    space.close().await;
}

#[tokio::test]
async fn an_operator_that_is_killed_on_the_way_back_goes_on() {
    let space = Space::open("undone-killed").await;
    space.create("shop", &file("db:1", "web:1", "a=b")).await;
    space.ready("shop").await;
    space.compose("shop", &file("db:2", "web:2", "devcluster/exit-code=1")).await;
    space.until_stack("shop", "failed", |stack| stack.status.as_ref().is_some_and(|s| s.rolled_back.is_some())).await;
    drop(operator_stopped().await);
    undone(&space).await;
    assert_eq!(image(Some(&space.api::<Deployment>().get("web").await.unwrap())).as_deref(), Some("web:1"));
    space.close().await;
}

#[tokio::test]
async fn an_update_that_fails_is_paused_where_it_is_until_there_is_another() {
    let space = Space::open("paused").await;
    let file = |image: &str, note: &str| {
        format!(
            "services: {{web: {{image: '{image}', labels: ['{note}'], deploy: {{replicas: 2, update_config: {{failure_action: pause}}}}}}}}"
        )
    };
    space.create("shop", &file("web:1", "a=b")).await;
    space.ready("shop").await;
    space.compose("shop", &file("web:2", "devcluster/exit-code=1")).await;
    let paused = |web: Option<&Deployment>| web.and_then(|web| web.spec.as_ref()?.paused) == Some(true);
    space.until::<Deployment>("web", "paused", paused).await;
    let stack = space.stalled("shop", "ServiceFailed").await;
    let web = service(&stack, "web");
    assert_eq!((web.state, web.ready), (ServiceState::Failed, 2), "the older pods still serve");
    space.compose("shop", &file("web:3", "a=b")).await;
    space.ready("shop").await;
    let web = space.api::<Deployment>().get("web").await.unwrap();
    assert!(!paused(Some(&web)));
    assert_eq!(image(Some(&web)).as_deref(), Some("web:3"));
    space.close().await;
}

/// An operator that made the same of the same file, but for its words: pods of its own get another grace period and an annotation.
async fn rendered_by_an_older_version(space: &Space) {
    let api = space.api::<Deployment>();
    let change = json!({"spec": {"template": {
        "metadata": {"annotations": {"example.com/older": "true"}},
        "spec": {"terminationGracePeriodSeconds": 77},
    }}});
    let params = PatchParams { field_manager: Some("compose-operator".to_owned()), ..PatchParams::default() };
    let web = api.patch("web", &params, &Patch::Merge(change)).await.unwrap();
    let fields = fields_hash(web.metadata.managed_fields.as_deref().unwrap());
    let stacks = space.api::<ComposeStack>();
    let mut status = serde_json::to_value(stacks.get("shop").await.unwrap().status).unwrap();
    let objects = status["objects"].as_array_mut().unwrap();
    let recorded = objects.iter_mut().find(|object| object["kind"] == "Deployment").unwrap();
    assert_ne!(recorded["fields"], json!(fields), "it has a field more");
    recorded["fields"] = json!(fields);
    stacks.patch_status("shop", &PatchParams::default(), &Patch::Merge(json!({"status": {"objects": status["objects"]}}))).await.unwrap();
    let rolled = |web: Option<&Deployment>| {
        web.is_some_and(|web| {
            let status = web.status.as_ref().unwrap();
            status.observed_generation == web.metadata.generation && status.updated_replicas == Some(2) && status.replicas == Some(2)
        })
    };
    space.until::<Deployment>("web", "rolled out", rolled).await;
}

#[tokio::test]
async fn an_upgrade_that_renders_otherwise_restarts_nothing_until_the_file_changes() {
    let space = Space::open("upgrade").await;
    space.create("shop", "services: {web: {image: 'web:1', deploy: {replicas: 2}}}").await;
    space.ready("shop").await;
    let stopped = operator_stopped().await;
    rendered_by_an_older_version(&space).await;
    let before = space.api::<Deployment>().get("web").await.unwrap();
    let writes = space.writes().len();
    drop(stopped);
    let other = Space::open("upgraded").await;
    other.create("shop", "services: {web: {image: nginx}}").await;
    other.ready("shop").await;
    other.close().await;
    space.delete::<k8s_openapi::api::core::v1::Service>("web").await;
    space.until::<k8s_openapi::api::core::v1::Service>("web", "back", |service| service.is_some()).await;
    let after = space.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(after.metadata.generation, before.metadata.generation);
    let of_web: Vec<String> = space
        .writes()
        .split_off(writes)
        .iter()
        .filter(|event| event.resource() == "deployments")
        .map(devcluster::AuditEvent::summary)
        .collect();
    assert_eq!(of_web, [""; 0]);

    space.compose("shop", "services: {web: {image: 'web:2', deploy: {replicas: 2}}}").await;
    let today = |web: Option<&Deployment>| {
        let template: Option<Value> = web.and_then(|web| serde_json::to_value(&web.spec.as_ref()?.template).ok());
        template.is_some_and(|template| {
            let older = template.pointer("/metadata/annotations/example.com~1older").is_some();
            !older
                && template["spec"]["terminationGracePeriodSeconds"] != json!(77)
                && template["spec"]["containers"][0]["image"] == "web:2"
        })
    };
    space.until::<Deployment>("web", "as it is rendered today", today).await;
    space.ready("shop").await;
    space.close().await;
}

//! What `x-kubernetes` makes: workloads of other kinds, and what stands beside them.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{Space, audited, condition, service};

fn cron(schedule: &str) -> String {
    format!("services: {{task: {{image: task, x-kubernetes: {{schedule: '{schedule}'}}}}, web: {{image: nginx, depends_on: [task]}}}}")
}

#[tokio::test]
async fn a_cron_job_is_there_for_others_while_it_is_stopped_it_is_gone_and_another_kind_takes_its_place() {
    let space = Space::open("cron").await;
    space.create("shop", &cron("0 0 1 1 *")).await;
    let stack = space.ready("shop").await;
    let task = service(&stack, "task");
    assert_eq!((task.kind.as_str(), task.state), ("CronJob", compose_operator::api::ServiceState::Running));
    let made = space.api::<CronJob>().get("task").await.unwrap();
    space.compose("shop", &cron("0 0 2 1 *")).await;
    let after = space
        .until::<CronJob>("task", "at its new schedule", |c| c.is_some_and(|c| c.spec.as_ref().unwrap().schedule == "0 0 2 1 *"))
        .await
        .unwrap();
    assert_eq!(after.uid(), made.uid());
    space.ready("shop").await;

    space.patch("shop", json!({"stopped": true})).await;
    space.until::<CronJob>("task", "gone", |c| c.is_none()).await;
    space.patch("shop", json!({"stopped": null})).await;
    space.until::<CronJob>("task", "back", |c| c.is_some()).await;
    space.ready("shop").await;

    space.compose("shop", "services: {task: {image: task, restart: always}, web: {image: nginx, depends_on: [task]}}").await;
    space.until::<CronJob>("task", "gone", |c| c.is_none()).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "task").kind, "Deployment");
    space.close().await;
}

#[tokio::test]
async fn a_stateful_set_is_ready_with_all_its_replicas_and_its_claims_outlive_it() {
    let space = Space::open("stateful").await;
    let file = |image: &str, kind: &str| {
        format!(
            "
services:
  db: {{image: '{image}', volumes: ['shards:/data'], deploy: {{replicas: 3}}, x-kubernetes: {{kind: {kind}}}}}
  web: {{image: nginx, depends_on: {{db: {{condition: service_healthy}}}}}}
volumes: {{shards: {{x-kubernetes: {{shared: false}}}}}}
"
        )
    };
    space.create("shop", &file("db:1", "StatefulSet")).await;
    let stack = space.ready("shop").await;
    let db = service(&stack, "db");
    assert_eq!((db.kind.as_str(), db.desired, db.ready), ("StatefulSet", 3, 3));
    let mut claims = space.names::<PersistentVolumeClaim>().await;
    claims.sort();
    assert_eq!(claims, ["volume-shards-db-0", "volume-shards-db-1", "volume-shards-db-2"]);

    space.compose("shop", &file("db:2", "StatefulSet")).await;
    let rolled = |set: Option<&StatefulSet>| {
        set.and_then(|s| s.spec.clone()?.template.spec?.containers.first()?.image.clone()).as_deref() == Some("db:2")
    };
    space.until::<StatefulSet>("db", "at its new image", rolled).await;
    space.ready("shop").await;

    space.compose("shop", "services: {db: {image: 'db:2', restart: always}, web: {image: nginx}}").await;
    space.until::<StatefulSet>("db", "gone", |set| set.is_none()).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "db").kind, "Deployment");
    let mut kept = space.names::<PersistentVolumeClaim>().await;
    kept.sort();
    assert_eq!(kept, claims);
    space.close().await;
}

fn replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap()
}

#[tokio::test]
async fn an_autoscaler_takes_the_replicas_over_and_hands_them_back_and_they_are_never_one() {
    let space = Space::open("autoscaler").await;
    let file =
        |image: &str, hpa: &str| format!("services: {{web: {{image: '{image}', deploy: {{replicas: 5}}, x-kubernetes: {{{hpa}}}}}}}");
    space.create("shop", &file("web:1", "")).await;
    space.ready("shop").await;

    // Taken over as they are: without metrics the autoscaler leaves what lies within its bounds.
    space.compose("shop", &file("web:1", "hpa: {min: 2, max: 10}")).await;
    space.until::<HorizontalPodAutoscaler>("web", "made", |hpa| hpa.is_some()).await;
    let ours = |web: &Deployment| {
        let entries = web.metadata.managed_fields.iter().flatten().filter(|e| e.manager.as_deref() == Some("compose-operator"));
        entries.filter_map(|e| e.fields_v1.as_ref()).any(|f| f.0.pointer("/f:spec/f:replicas").is_some())
    };
    let web = space.until::<Deployment>("web", "without our replicas", |web| web.is_some_and(|web| !ours(web))).await.unwrap();
    assert_eq!(replicas(&web), 5);
    let stack = space.ready("shop").await;
    assert_eq!((service(&stack, "web").desired, service(&stack, "web").ready), (5, 5));

    // What the autoscaler does stays, also when the template changes.
    space.compose("shop", &file("web:1", "hpa: {min: 6, max: 10}")).await;
    space.until::<Deployment>("web", "at 6 by its autoscaler", |web| web.is_some_and(|web| replicas(web) == 6)).await;
    space.compose("shop", &file("web:2", "hpa: {min: 6, max: 10}")).await;
    let image = |web: &Deployment| web.spec.as_ref().and_then(|s| s.template.spec.as_ref()?.containers.first()?.image.clone());
    let web =
        space.until::<Deployment>("web", "at its new image", |web| web.is_some_and(|web| image(web).as_deref() == Some("web:2"))).await;
    assert_eq!(replicas(&web.unwrap()), 6);
    let stack = space.ready("shop").await;
    assert_eq!((service(&stack, "web").desired, service(&stack, "web").ready), (6, 6));

    // Stopped is stopped, and what comes up again begins with what the file says.
    space.patch("shop", json!({"stopped": true})).await;
    space.until::<Deployment>("web", "at 0", |web| web.is_some_and(|web| replicas(web) == 0)).await;
    space.patch("shop", json!({"stopped": null})).await;
    space.until::<Deployment>("web", "at 6 again", |web| web.is_some_and(|web| replicas(web) == 6)).await;
    space.ready("shop").await;

    // Handed back.
    space.compose("shop", &file("web:2", "")).await;
    space.until::<HorizontalPodAutoscaler>("web", "gone", |hpa| hpa.is_none()).await;
    space.until::<Deployment>("web", "at the file's 5", |web| web.is_some_and(|web| replicas(web) == 5)).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "web").desired, 5);
    if audited() {
        let writes = space.writes();
        let scales: Vec<i64> = writes
            .iter()
            .filter(|event| event.resource() == "deployments")
            .filter_map(|event| event.response_object.as_ref()?.pointer("/spec/replicas")?.as_i64())
            .collect();
        assert!(scales.len() >= 5 && !scales.contains(&1), "{scales:?}");
    }
    space.close().await;
}

#[tokio::test]
async fn budgets_and_ingresses_are_made_repaired_and_pruned() {
    let space = Space::open("ingress").await;
    let file = "
services:
  web:
    image: nginx
    ports: [{target: 80, x-kubernetes: {expose: {ingress: {host: shop.example.com, class: nginx}}}}]
    x-kubernetes: {pdb: {minAvailable: 1}}
";
    space.create("shop", file).await;
    let stack = space.ready("shop").await;
    assert_eq!(service(&stack, "web").endpoints, ["http://shop.example.com/"]);
    let budget = space.api::<PodDisruptionBudget>().get("web").await.unwrap();
    assert_eq!(budget.owner_references()[0].name, "shop");
    assert_eq!(
        space.names::<Service>().await.into_iter().filter(|name| name.starts_with("web")).collect::<Vec<_>>(),
        ["web", "web--cluster"]
    );

    let backend = json!({"service": {"name": "web--cluster", "port": {"number": 80}}});
    let rule = json!({"host": "evil.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}});
    space.merge::<Ingress>("web", json!({"spec": {"rules": [rule]}})).await;
    let host = |ingress: &Ingress| ingress.spec.as_ref().and_then(|s| s.rules.as_ref()?.first()?.host.clone());
    space.until::<Ingress>("web", "put back", |i| i.is_some_and(|i| host(i).as_deref() == Some("shop.example.com"))).await;
    space.delete::<PodDisruptionBudget>("web").await;
    space.until::<PodDisruptionBudget>("web", "made again", |b| b.is_some_and(|b| b.uid() != budget.uid())).await;

    space.compose("shop", "services: {web: {image: nginx, ports: ['80']}}").await;
    space.until::<Ingress>("web", "gone", |i| i.is_none()).await;
    space.until::<PodDisruptionBudget>("web", "gone", |b| b.is_none()).await;
    space.until::<Service>("web--cluster", "gone", |s| s.is_none()).await;
    space.ready("shop").await;
    space.close().await;
}

#[tokio::test]
async fn a_service_somewhere_else_is_a_name_that_dependents_do_not_wait_for() {
    let space = Space::open("outside").await;
    let file = |host: &str| {
        format!(
            "services: {{mail: {{provider: {{type: example}}, x-kubernetes: {{external: {host}}}}}, web: {{image: nginx, depends_on: [mail]}}}}"
        )
    };
    space.create("shop", &file("smtp.example.com")).await;
    let stack = space.ready("shop").await;
    assert_eq!(stack.status.as_ref().unwrap().summary.as_deref(), Some("1/1"));
    let mail = space.api::<Service>().get("mail").await.unwrap();
    assert_eq!(mail.spec.unwrap().external_name.as_deref(), Some("smtp.example.com"));
    // The service comes home, and leaves again.
    space.compose("shop", "services: {mail: {image: mail, expose: ['25']}, web: {image: nginx, depends_on: [mail]}}").await;
    let at_home = |s: Option<&Service>| s.is_some_and(|s| s.spec.as_ref().unwrap().type_.as_deref() == Some("ClusterIP"));
    space.until::<Service>("mail", "a virtual address", at_home).await;
    space.ready("shop").await;
    space.compose("shop", &file("mx.example.com")).await;
    let outside = |s: Option<&Service>| s.is_some_and(|s| s.spec.as_ref().unwrap().external_name.as_deref() == Some("mx.example.com"));
    space.until::<Service>("mail", "somewhere else", outside).await;
    space.until::<Deployment>("mail", "gone", |d| d.is_none()).await;
    space.ready("shop").await;
    space.close().await;
}

mod route {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::Api;
    use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};

    use super::*;

    const NAME: &str = "httproutes.gateway.networking.k8s.io";

    /// As much of the Gateway API's definition as makes the API server serve the kind.
    fn definition() -> CustomResourceDefinition {
        let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        serde_json::from_value(json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": NAME, "annotations": {"api-approved.kubernetes.io": "https://example.com"}},
            "spec": {
                "group": "gateway.networking.k8s.io",
                "names": {"kind": "HTTPRoute", "plural": "httproutes", "singular": "httproute", "listKind": "HTTPRouteList"},
                "scope": "Namespaced",
                "versions": [{
                    "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": any.clone(), "status": any}}},
                }],
            },
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_cluster_without_http_routes_is_told_and_one_that_gets_them_makes_them() {
        let space = Space::open("route").await;
        let definitions = Api::<CustomResourceDefinition>::all(space.client.clone());
        let file = "
services:
  web:
    image: nginx
    ports: [{target: 80, x-kubernetes: {expose: {gateway: {name: public, host: shop.example.com}}}}]
";
        space.create("shop", file).await;
        let stack = space.ready("shop").await;
        let warnings = stack.status.unwrap().warnings;
        let told = warnings.iter().find(|w| w.code == "kind-missing").unwrap();
        assert_eq!(told.path, "services.web.ports[0].x-kubernetes.expose");
        assert!(told.message.contains("HTTPRoute is not known to this cluster"), "{}", told.message);

        definitions.create(&PostParams::default(), &definition()).await.unwrap();
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute"));
        let routes = Api::<DynamicObject>::namespaced_with(space.client.clone(), &space.name, &kind);
        let has_route = |stack: &compose_operator::api::ComposeStack| {
            stack.status.as_ref().is_some_and(|s| s.objects.iter().any(|o| o.kind == "HTTPRoute") && s.warnings.is_empty())
        };
        space.until_stack("shop", "told of its route", has_route).await;
        let stack = space.ready("shop").await;
        assert_eq!(service(&stack, "web").endpoints, ["http://shop.example.com/"]);
        let route = routes.get("web").await.unwrap();
        assert_eq!(route.data["spec"]["rules"][0]["backendRefs"][0]["name"], "web--cluster");

        // A Gateway that refuses the route is told of in the service's own words.
        let refused = json!({"status": {"parents": [{
            "parentRef": {"name": "public"}, "controllerName": "example.com/gateway",
            "conditions": [{"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": "no such listener", "lastTransitionTime": "2024-01-01T00:00:00Z"}],
        }]}});
        routes.patch_status("web", &PatchParams::default(), &Patch::Merge(&refused)).await.unwrap();
        space
            .until_stack("shop", "told that its route doesn't work", |stack| {
                service(stack, "web").message.as_deref() == Some("its HTTPRoute web doesn't work: no such listener")
            })
            .await;

        definitions.delete(NAME, &DeleteParams::default()).await.unwrap();
        let told_again = |stack: &compose_operator::api::ComposeStack| {
            let again = stack.status.as_ref().is_some_and(|s| s.warnings.iter().any(|w| w.code == "kind-missing"));
            again && condition(stack, "Ready").is_some_and(|c| c.status == "True")
        };
        space.until_stack("shop", "told that there are no routes any more", told_again).await;
        space.close().await;
    }
}

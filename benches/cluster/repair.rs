//! How long it takes until what others change is as it was.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::stage::{Stage, namespace};

/// Somebody gives a workload another image.
pub async fn of_changes(stage: &Stage, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for index in 0..count {
        let api: Api<Deployment> = Api::namespaced(stage.admin().clone(), &namespace(index));
        let strategic = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "changed"}]}}}});
        let changed = api.patch("app", &PatchParams::default(), &Patch::Strategic(strategic)).await.unwrap();
        let begin = Instant::now();
        until(&api, "app", |app: Option<&Deployment>| {
            app.is_some_and(|app| app.resource_version() != changed.resource_version() && image(app) != "changed")
        })
        .await;
        times.push(begin.elapsed());
    }
    times
}

/// Somebody deletes a policy.
pub async fn of_deletions(stage: &Stage, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for index in 0..count {
        let api: Api<NetworkPolicy> = Api::namespaced(stage.admin().clone(), &namespace(index));
        let old = api.get("shop--net-front").await.unwrap().uid();
        api.delete("shop--net-front", &DeleteParams::default()).await.unwrap();
        let begin = Instant::now();
        until(&api, "shop--net-front", |policy: Option<&NetworkPolicy>| policy.is_some_and(|policy| policy.uid() != old)).await;
        times.push(begin.elapsed());
    }
    times
}

async fn until<K>(api: &Api<K>, name: &str, is_so: impl Condition<K>)
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    let waiting = await_condition(api.clone(), name, is_so);
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("repaired within 30 s").unwrap();
}

fn image(deployment: &Deployment) -> &str {
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    template.and_then(|pod| pod.containers.first()?.image.as_deref()).unwrap_or_default()
}

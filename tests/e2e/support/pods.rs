//! What goes on in the containers.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;

use super::installed::installed;
use super::node::{finish, until};
use super::space::Space;

impl Space {
    /// The pods of a service that are to stay.
    pub async fn pods(&self, service: &str) -> Vec<Pod> {
        let selector = ListParams::default().labels(&format!("compose-operator.dev/service={service}"));
        let pods = self.api::<Pod>().list(&selector).await.unwrap().items;
        pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
    }

    /// The only pod of a service.
    pub async fn pod(&self, service: &str) -> Pod {
        let mut pods = self.pods(service).await;
        assert_eq!(pods.len(), 1, "pods of {service}");
        pods.remove(0)
    }

    /// What a shell prints in a service's container, or why it can't.
    pub async fn try_sh(&self, service: &str, script: &str) -> Result<String, String> {
        let pod = self.pods(service).await.first().map(ResourceExt::name_any).ok_or("there is no pod")?;
        self.try_sh_in(&pod, script).await
    }

    /// The same in a pod of this name.
    pub async fn try_sh_in(&self, pod: &str, script: &str) -> Result<String, String> {
        let mut kubectl = installed().cluster.kubectl();
        kubectl.args(["exec", "--quiet", "--namespace", &self.name, pod, "--", "sh", "-c", script]);
        let output = finish(kubectl).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("{}{}", text(&output.stdout), text(&output.stderr))) }
    }

    /// What a shell prints in a service's container.
    #[track_caller]
    pub fn sh(&self, service: &str, script: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move { self.try_sh(service, script).await.unwrap_or_else(|error| panic!("{place}: {script}: {error}")) }
    }

    /// The same as soon as the script succeeds there.
    pub async fn sh_until(&self, service: &str, script: &str) -> String {
        until(&format!("{script} succeeds in {service}"), async || self.try_sh(service, script).await).await
    }

    /// All that a service's pods have said so far, also where they have ended.
    pub async fn logs(&self, service: &str) -> String {
        let mut kubectl = installed().cluster.kubectl();
        let selector = format!("compose-operator.dev/service={service}");
        kubectl.args(["logs", "--namespace", &self.name, "--tail=-1", "--selector", &selector]);
        String::from_utf8_lossy(&finish(kubectl).await.stdout).into_owned()
    }

    /// The same as soon as it is as described.
    pub async fn logs_until(&self, service: &str, description: &str, is_so: impl Fn(&str) -> bool) -> String {
        until(&format!("{service} says {description}"), async || {
            let said = self.logs(service).await;
            if is_so(&said) { Ok(said) } else { Err(said) }
        })
        .await
    }

    /// Restarts of a service's containers so far.
    pub async fn restarts(&self, service: &str) -> i32 {
        let pods = self.pods(service).await;
        let statuses = pods.iter().filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref()).flatten();
        statuses.map(|status| status.restart_count).sum()
    }
}

//! Pods of a user's own beside those of a stack: what they are made from, made, deleted, and connected to.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use kube::api::{AttachParams, DeleteParams, PostParams};

use crate::cluster::client::{Call, Error};

use super::exec::{Process, Streams, parameters};
use super::{Session, within};

/// What the pods of a workload are made from.
#[derive(Clone, Debug)]
pub struct Template {
    /// Name of the workload.
    pub workload: String,
    pub pod: PodTemplateSpec,
    /// The volumes that each replica has a claim of its own for.
    pub claims: Vec<String>,
}

impl Session {
    /// The templates of a stack's workloads.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn templates(&self, stack: &str) -> Result<Vec<Template>, Error> {
        let (deployments, stateful_sets, daemon_sets, cron_jobs, jobs) = tokio::try_join!(
            self.of_stack::<Deployment>("Deployment", stack),
            self.of_stack::<StatefulSet>("StatefulSet", stack),
            self.of_stack::<DaemonSet>("DaemonSet", stack),
            self.of_stack::<CronJob>("CronJob", stack),
            self.of_stack::<Job>("Job", stack),
        )?;
        let plain = |name: Option<String>, pod: PodTemplateSpec| Template { workload: name.unwrap_or_default(), pod, claims: Vec::new() };
        let mut found = Vec::new();
        found.extend(deployments.into_iter().filter_map(|made| Some(plain(made.metadata.name, made.spec?.template))));
        found.extend(stateful_sets.into_iter().filter_map(|made| {
            let spec = made.spec?;
            let claims = spec.volume_claim_templates.into_iter().flatten().filter_map(|claim| claim.metadata.name).collect();
            Some(Template { claims, ..plain(made.metadata.name, spec.template) })
        }));
        found.extend(daemon_sets.into_iter().filter_map(|made| Some(plain(made.metadata.name, made.spec?.template))));
        found.extend(cron_jobs.into_iter().filter_map(|made| Some(plain(made.metadata.name, made.spec?.job_template.spec?.template))));
        found.extend(jobs.into_iter().filter_map(|made| Some(plain(made.metadata.name, made.spec?.template))));
        Ok(found)
    }

    /// Makes a pod.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn create_pod(&self, pod: &Pod) -> Result<Pod, Error> {
        let name = pod.metadata.name.as_ref().or(pod.metadata.generate_name.as_ref()).map_or("", String::as_str);
        let api = self.api::<Pod>();
        within(Call { verb: "create", kind: "Pod", name }, async { api.create(&PostParams::default(), pod).await }).await
    }

    /// Deletes a pod; one that is gone is deleted.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn delete_pod(&self, name: &str) -> Result<(), Error> {
        let api = self.api::<Pod>();
        match within(Call { verb: "delete", kind: "Pod", name }, async { api.delete(name, &DeleteParams::default()).await }).await {
            Err(Error::Answer { status, .. }) if status.code == 404 => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Connects to the program that a container was started with.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses, as it does once the program has ended.
    pub async fn attach(&self, pod: &str, container: &str, streams: Streams, output: bool) -> Result<Process, Error> {
        let call = Call { verb: "attach to", kind: "Pod", name: pod };
        let all = parameters(container, streams);
        let parameters = if output { all } else { AttachParams { stdout: false, stderr: false, ..all } };
        let api = self.api::<Pod>();
        Ok(Process::of(within(call, async { api.attach(pod, &parameters).await }).await?))
    }
}

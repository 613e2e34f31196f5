//! `x-kubernetes.schedule`: a service that runs to its end, again and again.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::job::{attempts, job};
use super::pod::Pod;
use super::stack::Stack;
use super::workload_plan::Plan;

/// Finished runs that are kept, so that their logs can be read.
const SUCCESSFUL: i32 = 3;
const FAILED: i32 = 1;

/// The workload of a service that is run by a schedule.
pub fn cron_job(stack: &Stack, plan: &Plan, pod: &Pod, metadata: ObjectMeta, mut template: PodTemplateSpec) -> CronJob {
    let schedule = stack.extension(plan.key).schedule.as_ref();
    let attempts = attempts(plan.restart, &mut template);
    let mut job = job(plan.replicas, attempts, template);
    if let Some(limit) = schedule.and_then(|schedule| schedule.backoff_limit) {
        job.backoff_limit = Some(limit);
    }
    // Two runs at once would write to one volume.
    let usual = if pod.writes_claims() { "Forbid" } else { "Allow" };
    let spec = CronJobSpec {
        schedule: schedule.map(|schedule| schedule.cron.clone()).unwrap_or_default(),
        concurrency_policy: Some(schedule.and_then(|schedule| schedule.concurrency).unwrap_or(usual).to_owned()),
        successful_jobs_history_limit: Some(SUCCESSFUL),
        failed_jobs_history_limit: Some(FAILED),
        job_template: JobTemplateSpec { metadata: None, spec: Some(job) },
        ..CronJobSpec::default()
    };
    CronJob { metadata, spec: Some(spec), ..CronJob::default() }
}

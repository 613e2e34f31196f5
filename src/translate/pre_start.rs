//! `pre_start` steps that run once: a Job of their own, before any replica of the service is made, and again when a step changes. Those of each
//! replica are init containers of its pod.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::keys;

use super::context::{Context, Member};
use super::desired::PreStart;
use super::inputs;
use super::job::ignore_disruptions;
use super::labels;
use super::names::ObjectName;
use super::object::StringMap;
use super::object::{Kind, Object};
use super::objects::{Objects, metadata, service_labels};
use super::placement;
use super::pod::{self, Making, Part, Pod};
use super::report::Report;
use super::stack::Stack;
use super::steps::runs_once;

/// How often steps that fail are tried again before they count as failed.
const RETRIES: i32 = 3;

/// The Job of the steps that run once before the pods of a host and its guests. `None`: there are no such steps.
pub fn job(context: &Context, pod: &Pod, objects: &mut Objects, report: &mut Report) -> Option<PreStart> {
    let stack = context.stack;
    let host = pod.parts.first()?.member;
    if !runs_once(stack, host.key) {
        return None;
    }
    let members: Vec<Member> = pod.parts.iter().map(|part| part.member).collect();
    let mut making = Making::new(context, &members, report);
    let parts: Vec<Part> = members.iter().map(|member| making.main(*member, Kind::Job, false, objects, report).1).collect();
    // What runs last is the pod's own container: its end is the end of the pod.
    let last = making.before.pop()?;
    making.containers.push(last);
    let inputs = inputs::of_steps(context, &parts);
    let name = host.name.before();
    let mut spec = pod::spec(making, &members, report);
    spec.restart_policy = Some("Never".to_owned());
    // Replicas of an older revision may hold the claims, on their node.
    let sharers = pod::sharers(context, &parts);
    let own = (!sharers.is_empty()).then_some(&name);
    let neighbours: Vec<&ObjectName> = sharers.into_iter().filter_map(|other| stack.name_of(other)).chain(own).collect();
    placement::place(stack, host.service, &name, &neighbours, &mut spec, &host.path(), report);
    let own = service_labels(stack, host.key, &name);
    let (mut labels, mut annotations) = of_steps(stack, &members, report);
    labels.extend(own.clone());
    labels.extend(pod::membership(stack, host.key));
    annotations.insert(keys::SERVICE.to_owned(), host.key.to_owned());
    let of_job = StringMap::from([(keys::SERVICE.to_owned(), host.key.to_owned())]);
    let object = metadata(&host.name.pre_start(&inputs), own, of_job, inputs.clone());
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }),
        spec: Some(spec),
    };
    let spec = JobSpec { backoff_limit: Some(RETRIES), pod_failure_policy: Some(ignore_disruptions()), template, ..JobSpec::default() };
    let job = Object::Job(Box::new(Job { metadata: object, spec: Some(spec), ..Job::default() }));
    let workload = job.key();
    objects.add(job, &host.path().key("pre_start"), report);
    Some(PreStart { workload, inputs, pod: name.into_string() })
}

/// What the steps say in `labels` and `annotations`; of several that say something else, the last one counts.
fn of_steps(stack: &Stack, members: &[Member], report: &mut Report) -> (StringMap, StringMap) {
    let (mut labels, mut annotations) = (StringMap::new(), StringMap::new());
    for member in members {
        for (index, step) in member.service.pre_start.iter().enumerate().filter(|(_, step)| !step.per_replica) {
            let path = member.path().key("pre_start").index(index);
            let user = labels::of_pods(&step.container, &stack.settings.policy, &path, report);
            labels.extend(user.labels);
            annotations.extend(user.annotations);
        }
    }
    (labels, annotations)
}

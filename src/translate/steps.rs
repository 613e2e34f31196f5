//! `pre_start`: the containers of the steps before a service's own starts.

use crate::compose::path::Path;

use super::container::{self, Made, Source};
use super::context::Context;
use super::objects::Objects;
use super::report::Report;
use super::stack::Stack;

/// The containers of a service's steps in their order, with where the file says so: those of each replica, or those that run once.
pub fn steps(context: &Context, source: &Source, per_replica: bool, objects: &mut Objects, report: &mut Report) -> Vec<(Made, Path)> {
    let mut made = Vec::new();
    for (index, step) in source.service.pre_start.iter().enumerate().filter(|(_, step)| step.per_replica == per_replica) {
        let path = source.path.key("pre_start").index(index);
        let step = Source { service: &step.container, path: path.clone(), key: source.key, name: source.name, keeps_image_volumes: false };
        made.push((container::base(context, &step, source.name.step(index), objects, report), path));
    }
    made
}

/// Whether something runs once before the pods of a service.
pub fn runs_once(stack: &Stack, host: &str) -> bool {
    let members = std::iter::once(host).chain(stack.guests(host)).filter_map(|key| stack.service(key));
    members.into_iter().any(|(_, service, _)| service.pre_start.iter().any(|step| !step.per_replica))
}

//! `cap_add` and `cap_drop`.

use k8s_openapi::api::core::v1::Capabilities;

use crate::compose::model::Service;
use crate::compose::path::Path;
use crate::translate::linux_capability::{BASELINE, capability, is_capability, no_capability};
use crate::translate::policy::Policy;
use crate::translate::report::Report;

/// What a container's capabilities are besides those of every container.
pub fn capabilities(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> Option<Capabilities> {
    let mut add = Vec::new();
    for (index, written) in service.cap_add.iter().enumerate() {
        let path = path.key("cap_add").index(index);
        let name = capability(written);
        if BASELINE.contains(&name.as_str()) || (is_capability(&name) && policy.allows_capability(&name)) {
            add.push(name);
        } else if is_capability(&name) {
            let why = if name == "NET_RAW" { ", though `ping` may need it" } else { "" };
            report.forbidden("capability", &path, &format!("{written} is more than pods get by default{why}"), "capabilities");
        } else {
            refuse(written, &name, &path, report);
        }
    }
    let mut drop = Vec::new();
    for (index, written) in service.cap_drop.iter().enumerate() {
        let name = capability(written);
        if is_capability(&name) {
            drop.push(name);
        } else {
            refuse(written, &name, &path.key("cap_drop").index(index), report);
        }
    }
    for list in [&mut add, &mut drop] {
        list.sort();
        list.dedup();
    }
    let made = Capabilities { add: Some(add).filter(|list| !list.is_empty()), drop: Some(drop).filter(|list| !list.is_empty()) };
    (made != Capabilities::default()).then_some(made)
}

fn refuse(written: &str, name: &str, path: &Path, report: &mut Report) {
    // What is meant instead takes long to find, and isn't told any more once there are so many.
    let message = if report.is_full() { String::new() } else { no_capability(written, name) };
    report.refuse("capability", path, message);
}

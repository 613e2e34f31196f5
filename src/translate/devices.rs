//! Devices of the nodes: extended resources that a container asks for by number.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{DeviceRequest, Service};
use crate::compose::path::Path;

use super::policy::Policy;
use super::report::Report;

/// Parts of NVIDIA's driver that a container may ask for.
const DRIVER_PARTS: [&str; 7] = ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"];

/// How many of each extended resource a service asks for.
pub fn resources(service: &Service, policy: &Policy, path: &Path, report: &mut Report) -> BTreeMap<String, i64> {
    let mut asked: BTreeMap<String, i64> = BTreeMap::new();
    let mut ask = |resource: &String, count: i64| {
        let so_far = asked.entry(resource.clone()).or_default();
        *so_far = so_far.saturating_add(count);
    };
    let reserved = path.key("deploy").key("resources").key("reservations");
    let reservations = service.deploy.as_ref().map(|deploy| &deploy.reservations);
    let devices = reservations.map(|reservations| &reservations.devices);
    for (requests, path) in [(Some(&service.gpus), path.key("gpus")), (devices, reserved.key("devices"))] {
        for (index, request) in requests.into_iter().flatten().enumerate() {
            if let Some((resource, count)) = gpu(request, policy, &path.index(index), report) {
                ask(resource, count);
            }
        }
    }
    for (index, resource) in reservations.iter().flat_map(|reservations| &reservations.generic_resources).enumerate() {
        if let Some(known) = policy.generic_resources.get(&resource.kind) {
            ask(known, resource.value);
        } else {
            let path = reserved.key("generic_resources").index(index);
            let what = format!("no resource of the cluster is known for {:?}{}", resource.kind, known(&policy.generic_resources));
            report.forbidden("generic-resource", &path, &what, "genericResources");
        }
    }
    for (index, device) in service.devices.iter().enumerate() {
        let path = path.key("devices").index(index);
        match policy.devices.get(device.source.trim_end_matches('/')) {
            Some(resource) => {
                if device.target.as_ref().is_some_and(|target| !target.is_empty() && *target != device.source) {
                    report.warn("device-target", &path, "where the device appears is up to the node's plugin");
                }
                ask(resource, 1);
            }
            None => report.forbidden("device", &path, &format!("{:?} is a device of the node", device.source), "devices"),
        }
    }
    asked
}

/// What of the driver's parts a container gets, where the file says: NVIDIA's runtime is told by a variable.
pub fn driver_capabilities(service: &Service) -> Option<String> {
    let reserved = service.deploy.iter().flat_map(|deploy| &deploy.reservations.devices);
    let nvidia = |request: &&DeviceRequest| matches!(request.driver.as_deref().unwrap_or_default(), "" | "nvidia");
    let requests = service.gpus.iter().chain(reserved).filter(nvidia);
    let named: BTreeSet<&str> =
        requests.flat_map(|request| &request.capabilities).map(|name| part(name)).filter(|name| DRIVER_PARTS.contains(name)).collect();
    (!named.is_empty()).then(|| named.into_iter().collect::<Vec<_>>().join(","))
}

/// A part of the driver, as NVIDIA calls it.
fn part(capability: &str) -> &str {
    capability.strip_prefix("nvidia-").unwrap_or(capability)
}

/// The keys of a map of the policy, for a message.
pub fn known(map: &BTreeMap<String, String>) -> String {
    let keys: Vec<&str> = map.keys().map(String::as_str).collect();
    if keys.is_empty() { String::new() } else { format!("; known are {}", keys.join(", ")) }
}

/// The extended resource that a device request becomes, and how many of it.
fn gpu<'a>(request: &DeviceRequest, policy: &'a Policy, path: &Path, report: &mut Report) -> Option<(&'a String, i64)> {
    let has = |capability: &str| request.capabilities.iter().any(|other| other == capability);
    let driver = match request.driver.as_deref().unwrap_or_default() {
        _ if has("tpu") => "tpu",
        "" => "nvidia",
        driver => driver,
    };
    if driver != "tpu" && !has("gpu") && !request.capabilities.is_empty() {
        let message = format!("{:?}: devices are chosen by the capabilities gpu and tpu", request.capabilities);
        report.refuse("device", &path.key("capabilities"), message);
        return None;
    }
    let known_part = |name: &&String| matches!(name.as_str(), "gpu" | "tpu" | "nvidia") || DRIVER_PARTS.contains(&part(name));
    for name in request.capabilities.iter().filter(|name| !known_part(name)) {
        let message = format!("{name:?} is not known; beside gpu and tpu there are {}", DRIVER_PARTS.join(", "));
        report.refuse("device", &path.key("capabilities"), message);
    }
    let Some(resource) = policy.gpu_drivers.get(driver) else {
        let what = format!("no resource is known for the driver {driver:?}{}", known(&policy.gpu_drivers));
        report.forbidden("device", path, &what, "gpuDrivers");
        return None;
    };
    if !request.options.is_empty() {
        report.warn("device-option", &path.key("options"), "has no effect");
    }
    if !request.device_ids.is_empty() {
        report.warn("device-ids", &path.key("device_ids"), "the cluster chooses which devices; their number is kept");
        return Some((resource, i64::try_from(request.device_ids.len()).unwrap_or(1)));
    }
    match request.count {
        None | Some(-1) => {
            report.warn("device-count", path, "`all` asks for 1: a cluster gives a number of devices");
            Some((resource, 1))
        }
        Some(count) => Some((resource, count)),
    }
}

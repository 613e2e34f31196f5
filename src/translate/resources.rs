//! CPU, memory and storage of a container. Requests are always written: Kubernetes would set them to the limits.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::compose::decode::units;
use crate::compose::model::{Limits, Reservations, Service};
use crate::compose::path::Path;

use super::devices;
use super::report::Report;
use super::stack::Stack;

/// Compose refuses less memory than this, as Docker does.
const LEAST_MEMORY: i64 = 6 << 20;
/// What a container asks for that says nothing itself: milli-CPUs and bytes.
const DEFAULT_CPU: i64 = 10;
const DEFAULT_MEMORY: i64 = 32 << 20;

/// A container's resources.
pub fn resources(stack: &Stack, service: &Service, path: &Path, report: &mut Report) -> ResourceRequirements {
    let (no_limits, no_reservations) = (Limits::default(), Reservations::default());
    let limits = service.deploy.as_ref().map_or(&no_limits, |deploy| &deploy.limits);
    let reservations = service.deploy.as_ref().map_or(&no_reservations, |deploy| &deploy.reservations);
    let at = path.key("deploy").key("resources");

    let cpu = limits.cpus.or(service.cpus).map(milli).or_else(|| quota(service)).filter(|milli| *milli > 0);
    let memory = limits.memory.or(service.mem_limit).filter(|bytes| *bytes > 0);
    if let Some(bytes) = memory.filter(|bytes| *bytes < LEAST_MEMORY) {
        let path = if limits.memory.is_some() { at.key("limits").key("memory") } else { path.key("mem_limit") };
        report.refuse("memory", &path, format!("{bytes} bytes are less than the 6 MiB that a container needs"));
    }
    let shares = service.cpu_shares.filter(|shares| *shares > 0).map(|shares| shares.saturating_mul(1000).saturating_add(1023) / 1024);
    let reserved_cpu = reservations.cpus.map(milli).or(shares).filter(|milli| *milli > 0);
    let reserved_memory = reservations.memory.or(service.mem_reservation).filter(|bytes| *bytes > 0);
    for (what, reserved, limit) in [("cpus", reserved_cpu, cpu), ("memory", reserved_memory, memory)] {
        if limit.zip(reserved).is_some_and(|(limit, reserved)| reserved > limit) {
            let at = match what {
                "memory" if reservations.memory.is_none() => path.key("mem_reservation"),
                "cpus" if reservations.cpus.is_none() => path.key("cpu_shares"),
                _ => at.key("reservations").key(what.to_owned()),
            };
            report.refuse("reservation", &at, "reserves more than the limit allows");
        }
    }
    let defaults = &stack.settings.default_requests;
    let cpu_request = reserved_cpu.unwrap_or_else(|| least(cpu, defaults.cpu_milli.unwrap_or(DEFAULT_CPU)));
    let memory_request = reserved_memory.unwrap_or_else(|| least(memory, defaults.memory_bytes.unwrap_or(DEFAULT_MEMORY)));

    let mut asked = BTreeMap::from([("cpu".to_owned(), cpus(cpu_request)), ("memory".to_owned(), Quantity(memory_request.to_string()))]);
    let mut limited = BTreeMap::new();
    limited.extend(cpu.map(|milli| ("cpu".to_owned(), cpus(milli))));
    limited.extend(memory.map(|bytes| ("memory".to_owned(), Quantity(bytes.to_string()))));
    for (name, value) in &service.storage_opt {
        let path = path.key("storage_opt").key(name.to_owned());
        match (name.as_str(), units::bytes(value)) {
            ("size", Some(bytes)) => {
                limited.insert("ephemeral-storage".to_owned(), Quantity(bytes.to_string()));
                asked.insert("ephemeral-storage".to_owned(), Quantity("0".to_owned()));
            }
            ("size", None) => report.refuse("size", &path, format!("{value:?} is not a size, such as 10g")),
            _ => report.warn("storage-option", &path, "has no effect"),
        }
    }
    for (name, count) in devices::resources(service, &stack.settings.policy, path, report) {
        let count = Quantity(count.to_string());
        limited.insert(name.clone(), count.clone());
        asked.insert(name, count);
    }
    ResourceRequirements { limits: (!limited.is_empty()).then_some(limited), requests: Some(asked), claims: None }
}

fn quota(service: &Service) -> Option<i64> {
    let quota = service.cpu_quota.filter(|quota| *quota > 0)?;
    let period = service.cpu_period.filter(|period| *period > 0).unwrap_or(100_000);
    Some(quota.saturating_mul(1000).saturating_add(period - 1) / period)
}

#[expect(clippy::cast_possible_truncation, reason = "no machine has so many CPUs; the cast saturates")]
fn milli(cpus: f64) -> i64 {
    // 0.1 * 1000 is a little more than 100: what is less than a millionth above a whole number is that number.
    (cpus * 1000.0 - 1e-6).ceil() as i64
}

fn cpus(milli: i64) -> Quantity {
    if milli % 1000 == 0 { Quantity((milli / 1000).to_string()) } else { Quantity(format!("{milli}m")) }
}

fn least(limit: Option<i64>, default: i64) -> i64 {
    limit.map_or(default, |limit| limit.min(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_rounded_up_to_a_thousandth() {
        for (written, expected) in [(0.1, "100m"), (0.5, "500m"), (1.0, "1"), (2.5, "2500m"), (0.0001, "1m"), (0.29, "290m"), (3.0, "3")] {
            assert_eq!(cpus(milli(written)).0, expected, "{written}");
        }
    }

    #[test]
    fn a_quota_is_a_share_of_its_period() {
        let service = |quota, period| Service { cpu_quota: Some(quota), cpu_period: period, ..Service::default() };
        assert_eq!(quota(&service(50_000, None)), Some(500));
        assert_eq!(quota(&service(50_000, Some(200_000))), Some(250));
        assert_eq!(quota(&service(-1, None)), None);
    }
}

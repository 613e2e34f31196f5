//! What the operator asked of the API server for each stack, as the audit log has it, and the memory that it takes itself.

use std::collections::BTreeMap;

use devcluster::{AuditLog, Stage};

use crate::Error;

/// Writes for one stack; Events aside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writes {
    pub objects: usize,
    pub status: usize,
}

/// Writes so far, by namespace. A request that was refused counts too: it was sent.
pub fn writes(mut log: AuditLog, user: &str) -> Result<BTreeMap<String, Writes>, Error> {
    let mut counts = BTreeMap::<String, Writes>::new();
    for event in log.read()? {
        if event.stage != Stage::ResponseComplete || event.user() != user || !event.is_write() || event.resource() == "events" {
            continue;
        }
        let writes = counts.entry(event.namespace().to_owned()).or_default();
        if event.subresource() == "status" { writes.status += 1 } else { writes.objects += 1 }
    }
    Ok(counts)
}

/// Resident memory of a process in MiB; nothing where the system doesn't tell.
pub fn resident(process: i32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

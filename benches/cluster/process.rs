//! What a process has used, as /proc tells.

use std::time::Duration;

use devcluster::Companion;

/// Ticks of a second in /proc.
const TICKS: u64 = 100;

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time since it began.
    pub cpu: Duration,
    /// Bytes that are resident now.
    pub resident: u64,
}

impl Usage {
    pub fn of(process: &Companion) -> Self {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", process.id())).unwrap();
        // The name may hold blanks; what follows it doesn't.
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        let status = read("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { cpu: Duration::from_millis(ticks * 1000 / TICKS), resident: kibibytes << 10 }
    }

    /// What was used since then; the memory is that of now.
    pub fn since(&self, before: &Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), resident: self.resident }
    }
}

//! What the operator's pods take over a run, those too that are replaced meanwhile: `target/tmp/e2e-operator.txt`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::installed::{OPERATOR_NAMESPACE, installed};

/// The kubelet looks at its pods every 10 s or so.
const PERIOD: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Usage {
    /// Working set, in bytes: the most that was seen, and the last.
    peak: u64,
    last: u64,
    /// CPU time in nanoseconds: what the counter shows, and what it had shown when it began anew (a power cut).
    counted: u64,
    before: u64,
}

impl Usage {
    fn see(&mut self, memory: u64, cpu: u64) {
        self.peak = self.peak.max(memory);
        self.last = memory;
        if cpu < self.counted {
            self.before += self.counted;
        }
        self.counted = cpu;
    }

    fn cpu(&self) -> u64 {
        self.before + self.counted
    }
}

/// Asks the kubelet from now on until the tests end, and keeps the file up to date.
pub fn watch() {
    std::thread::spawn(|| {
        let mut pods = BTreeMap::new();
        let nodes = kubectl(&["get", "nodes", "--output=jsonpath={.items[*].metadata.name}"]);
        let nodes: Vec<_> = nodes.split_whitespace().map(str::to_owned).collect();
        loop {
            for pod in nodes.iter().flat_map(|node| statistics(node)).filter(|pod| pod["podRef"]["namespace"] == OPERATOR_NAMESPACE) {
                let usage: &mut Usage = pods.entry(pod["podRef"]["name"].as_str().unwrap_or_default().to_owned()).or_default();
                let number = |value: &Value| value.as_u64().unwrap_or_default();
                usage.see(number(&pod["memory"]["workingSetBytes"]), number(&pod["cpu"]["usageCoreNanoSeconds"]));
            }
            // A figure that is missing fails no test.
            let _ = std::fs::write(file(), report(&pods));
            std::thread::sleep(PERIOD);
        }
    });
}

/// What the kubelet knows of all pods on a node; nothing while it is away.
fn statistics(node: &str) -> Vec<Value> {
    let summary = kubectl(&["get", "--raw", &format!("/api/v1/nodes/{node}/proxy/stats/summary?only_cpu_and_memory=true")]);
    let mut summary: Value = serde_json::from_str(&summary).unwrap_or_default();
    summary["pods"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

fn kubectl(arguments: &[&str]) -> String {
    let output = installed().cluster.kubectl().args(arguments).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn report(pods: &BTreeMap<String, Usage>) -> String {
    let (mebibytes, seconds) = (|bytes: u64| bytes as f64 / f64::from(1 << 20), |nanoseconds: u64| nanoseconds as f64 / 1e9);
    let mut text = String::new();
    for (pod, usage) in pods {
        let (peak, last, cpu) = (mebibytes(usage.peak), mebibytes(usage.last), seconds(usage.cpu()));
        writeln!(text, "{pod}\t{peak:.1} MiB at most\t{last:.1} MiB at last\t{cpu:.2} s of CPU").unwrap();
    }
    let peak = pods.values().map(|usage| usage.peak).max().unwrap_or_default();
    let cpu = pods.values().map(Usage::cpu).sum();
    writeln!(text, "all {}\t{:.1} MiB at most\t\t{:.2} s of CPU", pods.len(), mebibytes(peak), seconds(cpu)).unwrap();
    text
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-operator.txt")
}

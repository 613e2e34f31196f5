//! Figures of a run: `target/tmp/e2e.tsv` has a line for each stack, `target/tmp/e2e-operator.txt` what the operator's pod took.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::installed::{OPERATOR_NAMESPACE, installed};
use super::node::finish;
use super::oracle;
use super::space::Space;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Notes how long a stack took to answer, what the operator wrote for it, and what its pod has taken so far.
pub async fn note(space: &Space, stack: &str, answered: Option<Duration>) {
    static FIRST: Mutex<bool> = Mutex::new(true);
    let mut line = answered.map_or_else(|| format!("{stack}\t-"), |time| format!("{stack}\t{:.1} s", time.as_secs_f64()));
    if oracle::audited() {
        let writes = space.writes();
        let count = |what: &dyn Fn(&devcluster::AuditEvent) -> bool| writes.iter().filter(|event| what(event)).count();
        let status = count(&|event| event.subresource() == "status");
        let created = count(&|event| event.verb == "create");
        let rest = writes.len() - status - created;
        write!(line, "\t{created} created, {rest} changed or deleted, {status} of status").unwrap();
    }
    let taken = operator().await;
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let path = file("e2e.tsv");
    let mut table =
        if std::mem::take(&mut *first) { File::create(&path).unwrap() } else { OpenOptions::new().append(true).open(&path).unwrap() };
    writeln!(table, "{line}").unwrap();
    std::fs::write(file("e2e-operator.txt"), taken).unwrap();
}

/// What the kubelet says of the operator's pod.
async fn operator() -> String {
    let mut kubectl = installed().cluster.kubectl();
    kubectl.args(["get", "pods", "--namespace", OPERATOR_NAMESPACE, "--output=jsonpath={.items[0].spec.nodeName}"]);
    let node = String::from_utf8_lossy(&finish(kubectl).await.stdout).into_owned();
    let mut kubectl = installed().cluster.kubectl();
    kubectl.args(["get", "--raw", &format!("/api/v1/nodes/{node}/proxy/stats/summary")]);
    let summary: Value = serde_json::from_slice(&finish(kubectl).await.stdout).unwrap_or_default();
    let pods = summary["pods"].as_array().into_iter().flatten();
    let of = |pod: &Value| {
        let memory = pod["memory"]["workingSetBytes"].as_f64().unwrap_or_default() / f64::from(1 << 20);
        let cpu = pod["cpu"]["usageCoreNanoSeconds"].as_f64().unwrap_or_default() / 1e9;
        format!("{}: {memory:.1} MiB, {cpu:.2} s of CPU\n", pod["podRef"]["name"].as_str().unwrap_or_default())
    };
    pods.filter(|pod| pod["podRef"]["namespace"] == OPERATOR_NAMESPACE).map(of).collect()
}

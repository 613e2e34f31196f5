//! Figures of a run: `target/tmp/e2e.tsv` has a line for each stack.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::oracle;
use super::space::Space;

/// Notes how long a stack took to answer, and what the operator wrote for it.
pub fn note(space: &Space, stack: &str, answered: Option<Duration>) {
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
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e.tsv");
    let mut table =
        if std::mem::take(&mut *first) { File::create(&path).unwrap() } else { OpenOptions::new().append(true).open(&path).unwrap() };
    writeln!(table, "{line}").unwrap();
}

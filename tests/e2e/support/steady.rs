//! Somebody who asks again and again while something changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::node::{outside, until};

/// Requests from outside of the cluster, one after the other, each on a connection of its own.
pub struct Steady {
    process: Child,
    /// A line for each request: `ok` or what went wrong.
    log: PathBuf,
    /// The requests end when this file does.
    flag: PathBuf,
}

impl Steady {
    /// Begins to ask.
    pub fn ask(name: &str, url: &str) -> Self {
        let file = |end: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("steady-{name}.{end}"));
        let (log, flag) = (file("log"), file("flag"));
        fs::write(&flag, "").unwrap();
        let script = r#"while [ -e "$0" ]; do curl -sSf --max-time 3 -o /dev/null "$1" 2>&1 && echo ok; sleep 0.02; done"#;
        let mut command = outside("sh");
        command.args(["-c", script]).arg(&flag).arg(url);
        let process = command.stdin(Stdio::null()).stdout(fs::File::create(&log).unwrap()).spawn().unwrap();
        Self { process, log, flag }
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect()
    }

    /// Waits until so many more requests are through.
    pub async fn more(&self, count: usize) {
        let wanted = self.lines().len() + count;
        until(&format!("{count} more requests are through"), async || {
            let lines = self.lines().len();
            if lines >= wanted { Ok(()) } else { Err(format!("{lines} of {wanted}")) }
        })
        .await;
    }

    /// Ends it, and gives the requests that failed.
    pub fn failures(mut self) -> Vec<String> {
        fs::remove_file(&self.flag).unwrap();
        self.process.wait().unwrap();
        self.lines().into_iter().filter(|line| line != "ok").collect()
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.flag);
    }
}

//! Processes beside the control plane that end with their owner too.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;

/// A process that is killed when this is dropped, or when the process that started it ends, however it does.
#[derive(Debug)]
pub struct Companion {
    shell: Child,
    process: Pid,
    log: PathBuf,
}

/// Tells the process's id, then waits for the first of two things: that it ends, or that our standard input does, which is when the owner is gone.
const SCRIPT: &str = r#"exec 3<&0
"$@" </dev/null 3<&- >>"$0" 2>&1 &
child=$!
echo $child
{ cat <&3 >/dev/null; kill -KILL $child; } >/dev/null 2>&1 &
wait $child"#;

impl Companion {
    /// Starts the program, with the variables added to this process's own; what it says is appended to the log.
    pub fn start<A: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        variables: &[(&str, V)],
        log: &Path,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Run { program: program.to_owned(), source };
        let mut command = Command::new("sh");
        command.arg("-c").arg(SCRIPT).arg(log).arg(program).args(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        // Out of the terminal's foreground group: Ctrl-C is for the owner.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut shell = command.spawn().map_err(failed)?;
        let mut line = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(failed)?;
        }
        let process = line.trim().parse().ok().and_then(Pid::from_raw);
        let process = process.ok_or_else(|| failed(std::io::Error::other("the shell didn't tell its process id")))?;
        Ok(Self { shell, process, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> i32 {
        self.process.as_raw_nonzero().get()
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it did. A signal is told as by a shell, as 128 plus its number.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// Ends it as the kernel does where memory is short, and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn terminate(mut self) -> Result<ExitStatus, Error> {
        let failed = |source| Error::Run { program: "sh".into(), source };
        // Waiting for a child closes its standard input first, which would kill the process.
        let held = self.shell.stdin.take();
        kill_process(self.process, Signal::TERM).map_err(|error| failed(error.into()))?;
        let status = self.shell.wait().map_err(failed);
        drop(held);
        status
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("devcluster-companion-{name}-{}", std::process::id()))
    }

    #[test]
    fn it_is_gone_once_it_is_dropped() {
        let log = log("kill");
        let companion =
            Companion::start(Path::new("sh"), &["-c", "echo $GREETING; exec sleep 600"], &[("GREETING", "hello")], &log).unwrap();
        let process = PathBuf::from(format!("/proc/{}", companion.id()));
        while std::fs::read_to_string(&log).unwrap_or_default() != "hello\n" {
            std::thread::yield_now();
        }
        companion.kill();
        assert!(!process.exists());
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn it_may_end_in_its_own_way_when_asked() {
        let log = log("terminate");
        let script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done";
        let companion = Companion::start(Path::new("sh"), &["-c", script], &[("A", "b")], &log).unwrap();
        while std::fs::read_to_string(&log).unwrap_or_default().is_empty() {
            std::thread::yield_now();
        }
        let status = companion.terminate().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(7), None));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "up\nbye\n");
        std::fs::remove_file(log).unwrap();
    }
}

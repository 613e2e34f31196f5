//! Programs in containers that a user's terminal is connected to.

use futures::SinkExt;
use futures::channel::mpsc;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use tokio::io::{ReadHalf, SimplexStream, WriteHalf};

use crate::cluster::client::{Call, Error};

use super::{Session, within};

/// Bytes that wait on either way.
const BUFFER: usize = 64 << 10;

/// What is connected to a program.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    pub stdin: bool,
    pub tty: bool,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code; 128 and a signal's number where that ended it.
    Exited(i32),
    /// It couldn't be started, or what became of it isn't known.
    Failed(String),
}

/// A program that runs.
pub struct Process {
    attached: AttachedProcess,
}

/// The way by which a terminal's size comes to a program.
pub struct Sizes(mpsc::Sender<TerminalSize>);

impl Session {
    /// Runs a command in a container.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses.
    pub async fn exec(&self, pod: &str, container: &str, command: &[String], streams: Streams) -> Result<Process, Error> {
        let call = Call { verb: "run a command in", kind: "Pod", name: pod };
        let api = self.api::<Pod>();
        let attached = within(call, async { api.exec(pod, command.iter().cloned(), &parameters(container, streams)).await }).await?;
        Ok(Process::of(attached))
    }
}

pub(super) fn parameters(container: &str, streams: Streams) -> AttachParams {
    AttachParams {
        container: Some(container.to_owned()),
        stdin: streams.stdin,
        stdout: true,
        // A terminal has one output.
        stderr: !streams.tty,
        tty: streams.tty,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    }
}

impl Process {
    pub(super) fn of(attached: AttachedProcess) -> Self {
        Self { attached }
    }

    pub fn stdin(&mut self) -> Option<WriteHalf<SimplexStream>> {
        self.attached.stdin()
    }

    pub fn stdout(&mut self) -> Option<ReadHalf<SimplexStream>> {
        self.attached.stdout()
    }

    pub fn stderr(&mut self) -> Option<ReadHalf<SimplexStream>> {
        self.attached.stderr()
    }

    /// Where it has a terminal.
    pub fn sizes(&mut self) -> Option<Sizes> {
        self.attached.terminal_size().map(Sizes)
    }

    /// Waits for its end; none where the connection broke. To be taken once.
    pub fn end(&mut self) -> impl Future<Output = Option<End>> + use<> {
        let status = self.attached.take_status();
        async move { status?.await.map(|status| end(&status)) }
    }

    /// Why the connection broke.
    pub async fn broken(self) -> String {
        let error = self.attached.join().await.err();
        error.map_or_else(|| "the connection was closed".to_owned(), |error| error.to_string())
    }
}

impl Sizes {
    /// Tells the program a size; one that has ended doesn't care.
    pub async fn tell(&mut self, width: u16, height: u16) {
        let _ = self.0.send(TerminalSize { width, height }).await;
    }
}

fn end(status: &Status) -> End {
    if status.status.as_deref() == Some("Success") {
        return End::Exited(0);
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes.filter(|cause| cause.reason.as_deref() == Some("ExitCode")).find_map(|cause| cause.message.as_deref()?.parse().ok());
    code.map_or_else(|| End::Failed(status.message.clone().unwrap_or_default()), End::Exited)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_end_of_a_program_is_its_exit_code_or_why_there_is_none() {
        let of = |status: Value| end(&serde_json::from_value(status).unwrap());
        assert_eq!(of(json!({"status": "Success"})), End::Exited(0));
        let code = json!({"causes": [{"reason": "ExitCode", "message": "137"}]});
        assert_eq!(of(json!({"status": "Failure", "reason": "NonZeroExitCode", "details": code})), End::Exited(137));
        let words = json!({"status": "Failure", "reason": "InternalError", "message": "no such thing"});
        assert_eq!(of(words), End::Failed("no such thing".to_owned()));
    }
}

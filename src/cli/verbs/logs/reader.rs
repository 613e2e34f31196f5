//! One container whose log is printed, over restarts and streams that break.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated};
use tokio::io::{self, AsyncWrite};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::verbs::containers::Container;
use crate::cluster::client::{self, Class};
use crate::cluster::session::Session;
use crate::cluster::session::logs::Part;

use super::lines::{Lines, Piece};
use super::printer::{Batch, Printer, Source};

/// How long nobody asks again after a stream has ended while its container seems to run.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a stream of a container that is gone may give nothing.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often the log of a container that has ended is asked for.
const ATTEMPTS: u32 = 3;

/// A printer that several readers have.
pub type Shared<W> = Arc<Mutex<Printer<W>>>;

/// What is known of a container's runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The run whose log is to be had: the present one, or the last that has ended.
    present: Option<String>,
    has_ended: bool,
    /// The run before it.
    before: Option<String>,
    /// Whether the pod is gone.
    is_gone: bool,
}

impl Runs {
    pub fn of(container: &Container<'_>) -> Self {
        fn ended(state: Option<&ContainerState>) -> Option<&ContainerStateTerminated> {
            state?.terminated.as_ref()
        }
        let id = |ended: &ContainerStateTerminated| ended.container_id.clone().filter(|id| !id.is_empty());
        let Some(status) = container.status else { return Self::default() };
        let last = ended(status.last_state.as_ref()).and_then(id);
        let is_running = status.state.as_ref().is_some_and(|state| state.running.is_some());
        let present = if is_running { status.container_id.clone() } else { ended(status.state.as_ref()).and_then(id) };
        let has_ended = !is_running;
        match present {
            Some(present) => Self { before: last.filter(|id| *id != present), present: Some(present), has_ended, is_gone: false },
            None => Self { present: last, before: None, has_ended, is_gone: false },
        }
    }

    /// The same, of a container whose pod is gone.
    pub fn gone(&mut self) {
        self.is_gone = true;
    }
}

/// Reads and prints.
pub struct Reader<W> {
    pub session: Session,
    pub pod: String,
    pub container: String,
    pub lines: Lines,
    /// Lines to begin with; none is all.
    pub tail: Option<u32>,
    pub printer: Shared<W>,
    pub source: Source,
    pub runs: watch::Receiver<Runs>,
}

enum Failure {
    Read(client::Error),
    Write(io::Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Read(error) => error.into(),
            Failure::Write(error) => output::Error::Output(error).into(),
        }
    }
}

impl<W: AsyncWrite + Unpin> Reader<W> {
    /// Prints what there is.
    pub async fn once(mut self) -> Result<(), Error> {
        let runs = self.runs.borrow().clone();
        if runs.present.is_none() {
            return Ok(());
        }
        if runs.before.is_some() {
            self.earlier().await?;
        }
        self.read(Part { tail: self.tail, ..Part::default() }).await?;
        self.finish().await
    }

    /// Prints what there is and what comes, until the pod is gone.
    pub async fn follow(mut self) -> Result<(), Error> {
        // The run that was read to its end, and the one that was asked for last.
        let (mut done, mut begun) = (None, None);
        let mut attempts = 0;
        loop {
            let has_more = |runs: &Runs| runs.is_gone || (runs.present.is_some() && runs.present != done);
            let Ok(runs) = self.runs.wait_for(has_more).await.map(|runs| runs.clone()) else { break };
            if runs.present.is_none() || runs.present == done || self.lines.is_over() {
                break;
            }
            if begun != runs.present {
                attempts = 0;
                if runs.before.is_some() && runs.before != done {
                    self.earlier().await?;
                }
                begun.clone_from(&runs.present);
            }
            let has_ended = runs.has_ended || runs.is_gone;
            attempts += 1;
            match self.read(Part { follow: !has_ended, tail: self.tail, ..Part::default() }).await {
                Ok(()) if has_ended => done = runs.present,
                Err(Failure::Write(error)) => return Err(output::Error::Output(error).into()),
                Err(Failure::Read(error)) if error.class() == Class::Forbidden => return Err(error.into()),
                Err(_) if runs.is_gone || (has_ended && attempts >= ATTEMPTS) => done = runs.present,
                // It may have ended, and the news be on the way.
                Ok(()) | Err(_) => drop(timeout(PAUSE, self.runs.changed()).await),
            }
        }
        self.finish().await
    }

    /// Prints the log of the run before the present one, as far as it isn't printed yet; its node may not have it any more.
    async fn earlier(&mut self) -> Result<(), Failure> {
        let tail = match self.tail {
            Some(tail) => Some(tail.saturating_sub(self.count(tail).await)),
            None => None,
        };
        if tail == Some(0) {
            return Ok(());
        }
        match self.read(Part { previous: true, tail, ..Part::default() }).await {
            Err(Failure::Write(error)) => Err(Failure::Write(error)),
            Ok(()) | Err(Failure::Read(_)) => Ok(()),
        }
    }

    /// Lines of the present run, at most so many.
    async fn count(&self, most: u32) -> u32 {
        let part = Part { tail: Some(most), since: self.lines.since(), ..Part::default() };
        let Ok(mut log) = self.session.log(&self.pod, &self.container, part).await else { return 0 };
        let (mut lines, mut count) = (Lines::default(), 0);
        lines.begin();
        while let Ok(Some(chunk)) = log.next().await {
            lines.feed(&chunk, &mut |piece: Piece<'_>| count += u32::from(piece.ends));
        }
        count
    }

    async fn read(&mut self, part: Part) -> Result<(), Failure> {
        let part = Part { since: self.lines.since(), ..part };
        self.lines.begin();
        let style = self.printer.lock().await.style();
        let mut log = tokio::select! {
            log = self.session.log(&self.pod, &self.container, part) => log.map_err(Failure::Read)?,
            () = silence(self.runs.clone()) => return Ok(()),
        };
        while !self.lines.is_over() {
            let chunk = tokio::select! {
                chunk = log.next() => chunk,
                () = silence(self.runs.clone()) => return Ok(()),
            };
            let Some(chunk) = chunk.map_err(|error| self.broken(&error))? else { break };
            if !part.previous {
                self.tail = None;
            }
            let mut batch = Batch::default();
            self.lines.feed(&chunk, &mut |piece: Piece<'_>| batch.add(&piece, style));
            self.printer.lock().await.print(&self.source, batch).await.map_err(Failure::Write)?;
        }
        Ok(())
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::Read(client::Error::Transport { verb: "read", what: format!("the log of {}", self.pod), message: error.to_string() })
    }

    async fn finish(mut self) -> Result<(), Error> {
        let mut printer = self.printer.lock().await;
        let mut batch = Batch::default();
        let style = printer.style();
        self.lines.finish(&mut |piece: Piece<'_>| batch.add(&piece, style));
        Ok(printer.print(&self.source, batch).await.map_err(Failure::Write)?)
    }
}

/// A pod is gone, and some time is over since.
async fn silence(mut runs: watch::Receiver<Runs>) {
    if runs.wait_for(|runs| runs.is_gone).await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep(LAST_WORDS).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::verbs::containers::of_pods;

    fn runs(state: &Value, last: &Value) -> Runs {
        let status = json!({
            "name": "web", "ready": true, "restartCount": 1, "image": "", "imageID": "", "containerID": "c://2", "state": state, "lastState": last,
        });
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "web-1",
                "labels": {"compose-operator.dev/service": "web"},
                "annotations": {"compose-operator.dev/service": "web"},
            },
            "spec": {"containers": [{"name": "web"}]},
            "status": {"containerStatuses": [status]},
        }))
        .unwrap();
        Runs::of(&of_pods(std::slice::from_ref(&pod))[0])
    }

    #[test]
    fn the_log_that_is_to_be_had_is_that_of_the_last_run_that_was_started() {
        let ended = |id: &str| json!({"terminated": {"exitCode": 1, "containerID": id}});
        let of = |present: &str, before: Option<&str>, has_ended| Runs {
            present: Some(present.to_owned()),
            before: before.map(str::to_owned),
            has_ended,
            is_gone: false,
        };
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        assert_eq!(runs(&json!({"running": {}}), &ended("c://1")), of("c://2", Some("c://1"), false));
        assert_eq!(runs(&ended("c://2"), &ended("c://1")), of("c://2", Some("c://1"), true));
        assert_eq!(runs(&waiting, &ended("c://2")), of("c://2", None, true));
        assert_eq!(runs(&ended(""), &ended("c://1")), of("c://1", None, true));
        assert_eq!(runs(&waiting, &json!({})).present, None);
    }
}

//! The log of a container, as its node keeps it: bytes of lines that begin with their time.

use std::io;
use std::pin::Pin;

use futures::{AsyncBufRead, AsyncBufReadExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use crate::cluster::client::{Call, Error, failure};

use super::{Session, within};

/// Which part of a log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Of the run before the present one.
    pub previous: bool,
    /// Wait for more, until the container ends.
    pub follow: bool,
    /// Nothing from before the second of this.
    pub since: Option<Timestamp>,
    /// So many lines at most, the last of them.
    pub tail: Option<u32>,
}

/// A log that is being read.
pub struct Log {
    bytes: Pin<Box<dyn AsyncBufRead + Send>>,
}

impl Session {
    /// Begins to read the log of a container.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses, as it does while the container hasn't been started.
    pub async fn log(&self, pod: &str, container: &str, part: Part) -> Result<Log, Error> {
        let parameters = LogParams {
            container: Some(container.to_owned()),
            previous: part.previous,
            follow: part.follow,
            // The client rounds, and what comes after half of a second would be missing.
            since_time: part.since.map(|since| Timestamp::from_second(since.as_second()).unwrap_or(since)),
            tail_lines: part.tail.map(i64::from),
            timestamps: true,
            ..LogParams::default()
        };
        let call = Call { verb: "read", kind: "the log of", name: pod };
        let api = self.api::<Pod>();
        let asked = async { api.log_stream(pod, &parameters).await };
        // The answer to one who follows begins with the first line, which may be long in coming.
        let bytes = if part.follow { asked.await.map_err(|error| failure(call, &error)) } else { within(call, asked).await };
        Ok(Log { bytes: Box::pin(bytes?) })
    }
}

impl Log {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// Where the stream breaks.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let chunk = self.bytes.fill_buf().await?.to_vec();
        self.bytes.as_mut().consume(chunk.len());
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }
}

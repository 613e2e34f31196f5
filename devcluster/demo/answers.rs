//! What a client gets at a published port, asked from a machine beside the node.

use std::ffi::OsString;
use std::fmt;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The status of HTTP.
    Http(u16),
    /// A connection; what is spoken there isn't HTTP.
    Connection,
    /// Nothing, as nobody has started the server yet.
    ByHand,
    Nothing,
}

impl Answer {
    /// Whether this is what the stack's author wants.
    pub fn is_as_expected(self) -> bool {
        self != Self::Nothing
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "answers with HTTP {status}"),
            Self::Connection => write!(f, "takes connections"),
            Self::ByHand => write!(f, "is silent until somebody starts the server in its terminal"),
            Self::Nothing => write!(f, "doesn't answer"),
        }
    }
}

/// Asks until there is an answer or time is up.
pub async fn until_answered(node: OsString, url: String, deadline: Instant) -> Answer {
    loop {
        let mut curl = Command::new(&node);
        // What it gets is thrown away; after it, it writes the status of HTTP and how long the connection took.
        curl.args([
            "outside",
            "curl",
            "--silent",
            "--output",
            "/dev/null",
            "--max-time",
            "5",
            "--write-out",
            "%{http_code} %{time_connect}",
        ]);
        curl.arg(&url).stdin(Stdio::null()).stderr(Stdio::null());
        let said = tokio::task::spawn_blocking(move || curl.output()).await.ok().and_then(Result::ok);
        let answer = said.map_or(Answer::Nothing, |said| read(&String::from_utf8_lossy(&said.stdout)));
        if answer != Answer::Nothing || Instant::now() >= deadline {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What curl has written: `200 0.000312`.
fn read(said: &str) -> Answer {
    let (status, connected) = said.split_once(' ').unwrap_or_default();
    match status.parse() {
        Ok(status @ 1..) => Answer::Http(status),
        _ if connected.parse::<f64>().is_ok_and(|seconds| seconds > 0.0) => Answer::Connection,
        _ => Answer::Nothing,
    }
}

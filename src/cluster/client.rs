//! The client, and the one way in which calls are made: with a timeout, counted, and with errors that can be shown to a user.

use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, StatusCode};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::{Client, Config};
use serde::de::DeserializeOwned;

use crate::telemetry::metrics::{self, Metrics};

/// How long one call may take.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A call that failed, or a client that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server said no.
    #[error("{verb} {what}: {}", .status.message)]
    Answer { verb: &'static str, what: String, status: Box<Status> },
    /// No answer within [`TIMEOUT`].
    #[error("{verb} {what}: no answer within {} s", TIMEOUT.as_secs())]
    Timeout { verb: &'static str, what: String },
    /// No answer at all, or one that can't be read.
    #[error("{verb} {what}: {message}")]
    Transport { verb: &'static str, what: String, message: String },
    /// The cluster doesn't know the resource.
    #[error("the cluster knows no ComposeStacks: compose-operator isn't installed there")]
    NoStacks,
    /// A kubeconfig or a service account that can't be used.
    #[error("no usable configuration of a cluster: {0}")]
    Configuration(String),
}

/// What follows from a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 403.
    Forbidden,
    /// Any other refusal that the same request would meet again.
    Refused,
    /// 409.
    Conflict,
    /// 404.
    Missing,
    /// Expected to pass.
    Transient,
}

impl Error {
    pub fn class(&self) -> Class {
        match self {
            Error::Answer { status, .. } => match StatusCode::from_u16(status.code) {
                Ok(StatusCode::FORBIDDEN) => Class::Forbidden,
                Ok(StatusCode::CONFLICT) => Class::Conflict,
                Ok(StatusCode::NOT_FOUND) => Class::Missing,
                Ok(StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => Class::Transient,
                Ok(code) if code.is_client_error() => Class::Refused,
                _ => Class::Transient,
            },
            Error::NoStacks => Class::Missing,
            Error::Timeout { .. } | Error::Transport { .. } | Error::Configuration(_) => Class::Transient,
        }
    }

    /// The server's words without what was attempted.
    pub fn message(&self) -> String {
        match self {
            Error::Answer { status, .. } => status.message.clone(),
            Error::Timeout { .. } => format!("no answer within {} s", TIMEOUT.as_secs()),
            Error::NoStacks => self.to_string(),
            Error::Transport { message, .. } | Error::Configuration(message) => message.clone(),
        }
    }

    /// Whether an address that was asked for is another Service's, or still one's that has gone.
    pub fn is_address_taken(&self) -> bool {
        matches!(self, Error::Answer { status, .. } if status.message.contains("already allocated"))
    }

    /// Whether a create met an object of that name. Not every 409 says that: one may be about a quota that changed meanwhile.
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Error::Answer { status, .. } if status.reason == "AlreadyExists")
    }

    /// Whether the namespace is on its way out, so that nothing can be made in it any more.
    pub fn namespace_is_terminating(&self) -> bool {
        let Error::Answer { status, .. } = self else { return false };
        let causes = status.details.iter().flat_map(|d| &d.causes);
        causes.into_iter().any(|c| c.reason == "NamespaceTerminating")
    }

    /// Whether all that is refused is that fields would change which never do: only another object of the name can be what is wanted.
    pub fn is_immutable(&self) -> bool {
        const WORDS: [&str; 3] = ["field is immutable", "may not change once set", "updates to statefulset spec for fields other than"];
        let Error::Answer { status, .. } = self else { return false };
        let causes = status.details.as_ref().map_or(&[][..], |details| details.causes.as_slice());
        let is_immutable = |text: &str| WORDS.iter().any(|words| text.contains(words));
        status.reason == "Invalid" && !causes.is_empty() && causes.iter().all(|cause| is_immutable(&cause.message))
    }

    fn metric(&self) -> &'static str {
        match (self, self.class()) {
            (Error::Timeout { .. }, _) => "timeout",
            (_, Class::Forbidden) => "forbidden",
            (_, Class::Refused) => "refused",
            (_, Class::Conflict) => "conflict",
            (_, Class::Missing) => "missing",
            (_, Class::Transient) => "transport",
        }
    }
}

/// What a call is, for its error and its metric.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub verb: &'static str,
    pub kind: &'static str,
    pub name: &'a str,
}

/// A client that counts its calls and gives up on each after [`TIMEOUT`].
#[derive(Clone)]
pub struct Caller {
    client: Client,
    metrics: Metrics,
}

impl Caller {
    pub fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Where there is no answer, or one that refuses.
    pub async fn call<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, Error> {
        self.metrics.calls.get_or_create(&metrics::Call { verb: call.verb, kind: call.kind }).inc();
        let result = match request {
            Ok(request) => match tokio::time::timeout(TIMEOUT, self.client.request::<T>(request)).await {
                Ok(answer) => answer.map_err(|e| failure(call, &e)),
                Err(_) => Err(Error::Timeout { verb: call.verb, what: call.what() }),
            },
            Err(e) => Err(Error::Transport { verb: call.verb, what: call.what(), message: e.to_string() }),
        };
        if let Err(error) = &result {
            let labels = metrics::Failure { verb: call.verb, kind: call.kind, reason: error.metric() };
            self.metrics.failures.get_or_create(&labels).inc();
        }
        result
    }
}

impl Call<'_> {
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// `kube::Error` prints the whole `Status` twice; a user gets its message.
pub fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(inner) = source {
                let more = inner.to_string();
                if !text.contains(&more) {
                    text = format!("{text}: {more}");
                }
                source = inner.source();
            }
            text
        }
    }
}

/// What a call that failed says.
pub(super) fn failure(call: Call<'_>, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => Error::Answer { verb: call.verb, what: call.what(), status: status.clone() },
        other => Error::Transport { verb: call.verb, what: call.what(), message: describe(other) },
    }
}

/// A client from a kubeconfig, or without one from `$KUBECONFIG`, `~/.kube/config` or the pod's service account.
///
/// # Errors
/// [`Error::Configuration`] where none of them can be used.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, Error> {
    let fault = |e: &dyn std::error::Error| Error::Configuration(e.to_string());
    let config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|e| fault(&e))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(|e| fault(&e))?
        }
        None => Config::infer().await.map_err(|e| fault(&e))?,
    };
    // In one piece, so that the version stands in the binary as text.
    client_of(config, concat!("compose-operator/", env!("CARGO_PKG_VERSION")))
}

/// A client that says who it is, and leaves it to its caller when to try again.
pub(super) fn client_of(mut config: Config, agent: &'static str) -> Result<Client, Error> {
    let fault = |e: &dyn std::error::Error| Error::Configuration(e.to_string());
    config.headers.push((HeaderName::from_static("user-agent"), HeaderValue::from_static(agent)));
    // Its 15 attempts would hide for minutes what the back-off per object does better and status tells at once.
    config.default_retry = false;
    Client::try_from(config).map_err(|e| fault(&e))
}

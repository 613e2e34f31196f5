//! Connections that come in here, each carried to a pod of the service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cluster::client;
use crate::cluster::session::Session;
use crate::cluster::session::forward::Connection;

/// How long a connection waits for a pod that is ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// Attempts to connect: a pod may have gone without our having heard of it.
const ATTEMPTS: u32 = 3;
/// How long the rest of an answer is waited for once the client says no more. What goes to a pod can't be ended by itself.
const REST: Duration = Duration::from_secs(30);
const CHUNK: usize = 32 << 10;

/// The way to a service.
pub struct Tunnel {
    session: Session,
    service: String,
    /// Pods that are ready.
    ready: watch::Receiver<Vec<String>>,
    /// The pod of the last connection; the next goes there too while it is ready.
    last: Mutex<Option<String>>,
}

impl Tunnel {
    pub fn new(session: Session, service: String, ready: watch::Receiver<Vec<String>>) -> Self {
        Self { session, service, ready, last: Mutex::default() }
    }

    async fn carry(&self, local: TcpStream, port: u16) -> Result<(), String> {
        let mut connection = self.connect(port).await?;
        let refusal = connection.refusal();
        let (reader, writer) = local.into_split();
        let passed = pass(reader, writer, &mut connection.stream);
        tokio::select! {
            biased;
            words = refusal => Err(words.trim().to_owned()),
            () = passed => Ok(()),
        }
    }

    async fn connect(&self, port: u16) -> Result<Connection, String> {
        let mut attempts = 0;
        loop {
            let pod = self.pod().await?;
            attempts += 1;
            match self.session.connect(&pod, port).await {
                Ok(connection) => return Ok(connection),
                Err(error) if attempts >= ATTEMPTS || error.class() == client::Class::Forbidden => return Err(error.to_string()),
                Err(_) => self.set_last(None),
            }
        }
    }

    /// A pod that is ready, as soon as there is one.
    async fn pod(&self) -> Result<String, String> {
        let mut ready = self.ready.clone();
        let found = timeout(PATIENCE, ready.wait_for(|ready| !ready.is_empty())).await;
        let Ok(Ok(ready)) = found else { return Err(format!("no container of {} is ready", self.service)) };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let pod = last.filter(|last| ready.contains(last)).or_else(|| ready.first().cloned()).unwrap_or_default();
        drop(ready);
        self.set_last(Some(pod.clone()));
        Ok(pod)
    }

    fn set_last(&self, pod: Option<String>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = pod;
    }
}

/// Takes connections for as long as the future lives.
pub async fn accept(listener: TcpListener, tunnel: Arc<Tunnel>, port: u16) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((local, _)) => {
                    let tunnel = Arc::clone(&tunnel);
                    connections.spawn(async move {
                        if let Err(error) = tunnel.carry(local, port).await {
                            eprintln!("{}:{port}: {error}", tunnel.service);
                        }
                    });
                }
                // As when there are too many open files: some will be closed.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries bytes both ways until the pod's side ends.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, pod: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let (mut pod_reader, mut pod_writer) = tokio::io::split(pod);
    let said_all = CancellationToken::new();
    let up = async {
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if pod_writer.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        said_all.cancel();
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            let silence = async {
                said_all.cancelled().await;
                sleep(REST).await;
            };
            let count = tokio::select! {
                count = pod_reader.read(&mut buffer) => count,
                () = silence => break,
            };
            let Ok(count @ 1..) = count else { break };
            if to.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::duplex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_back_after_the_client_has_said_all() {
        let (mut client, local) = duplex(64);
        let (mut pod, mut forwarded) = duplex(64);
        let (reader, writer) = tokio::io::split(local);
        let carried = async { pass(reader, writer, &mut forwarded).await };
        let client = async {
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let pod = async {
            let mut question = [0; 8];
            pod.read_exact(&mut question).await.unwrap();
            for part in [&b"the "[..], b"answer"] {
                sleep(REST / 2 + Duration::from_secs(1)).await;
                pod.write_all(part).await.unwrap();
            }
            // It keeps the connection open, and so has said all only after a while.
            sleep(REST * 2).await;
            question
        };
        let ((), answer, question) = tokio::join!(carried, client, pod);
        assert_eq!((answer.as_str(), &question[..]), ("the answer", &b"question"[..]));
    }
}

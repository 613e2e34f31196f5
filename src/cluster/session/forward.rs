//! Connections to ports of pods, by way of the API server.

use k8s_openapi::api::core::v1::Pod;
use kube::api::Portforwarder;
use tokio::io::DuplexStream;

use crate::cluster::client::{Call, Error};

use super::{Session, within};

/// A connection to a port of a pod. It ends with this.
pub struct Connection {
    pub stream: DuplexStream,
    forwarder: Portforwarder,
    port: u16,
}

impl Session {
    /// Connects to a port of a pod.
    ///
    /// # Errors
    /// Where the API server doesn't answer, or refuses. Whether anybody listens on the port shows afterwards: [`Connection::refusal`].
    pub async fn connect(&self, pod: &str, port: u16) -> Result<Connection, Error> {
        let call = Call { verb: "connect to", kind: "Pod", name: pod };
        let api = self.api::<Pod>();
        let mut forwarder = within(call, async { api.portforward(pod, &[port]).await }).await?;
        let stream = forwarder.take_stream(port).ok_or_else(|| Error::Transport {
            verb: "connect to",
            what: format!("Pod {pod}"),
            message: format!("no connection to port {port}"),
        })?;
        Ok(Connection { stream, forwarder, port })
    }
}

impl Connection {
    /// Waits for word from the node that the port can't be used; for ever, where it can.
    pub fn refusal(&mut self) -> impl Future<Output = String> + use<> {
        let refusal = self.forwarder.take_error(self.port);
        async move {
            if let Some(refusal) = refusal
                && let Some(words) = refusal.await
            {
                return words;
            }
            std::future::pending().await
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

//! A way to the API server that can be cut.

use kube::config::Kubeconfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::support::Space;

/// Connections on 127.0.0.1 that lead to the API server.
pub struct Proxy {
    /// A kubeconfig that goes this way.
    pub kubeconfig: String,
    cuts: broadcast::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut kubeconfig = Kubeconfig::read_from(Space::kubeconfig()).unwrap();
        let cluster = kubeconfig.clusters[0].cluster.as_mut().unwrap();
        let server: http::Uri = cluster.server.as_ref().unwrap().parse().unwrap();
        let address = format!("{}:{}", server.host().unwrap(), server.port_u16().unwrap_or(443));
        cluster.tls_server_name = server.host().map(str::to_owned);
        cluster.server = Some(format!("https://{}", listener.local_addr().unwrap()));
        let (cuts, _) = broadcast::channel(1);
        let cutting = cuts.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (address, mut cut) = (address.clone(), cutting.subscribe());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(address).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { kubeconfig: serde_json::to_string(&kubeconfig).unwrap(), cuts, accepting }
    }

    /// Breaks all connections; new ones are let through.
    pub fn cut(&self) {
        let _ = self.cuts.send(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

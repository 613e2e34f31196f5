//! `/metrics`, `/livez` and `/readyz` on one plain port.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;

/// What the endpoints tell.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Whether every cache is filled; a replica that waits for leadership is ready too.
    pub ready: Arc<AtomicBool>,
    pub metrics: Metrics,
}

/// The endpoints.
pub fn router(health: Health) -> Router {
    Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(health)
}

/// Serves until `stop`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(health)).with_graceful_shutdown(async move { stop.cancelled().await }).await
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    if health.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the caches are being filled")
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, health.metrics.render())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_replica_is_ready_once_its_caches_are_filled_and_alive_before() {
        let (health, stop) = (Health::default(), CancellationToken::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, health.clone(), stop.clone()));
        let first_line = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(first_line("/livez").await, "HTTP/1.1 200 OK");
        assert_eq!(first_line("/readyz").await, "HTTP/1.1 503 Service Unavailable");
        health.ready.store(true, Ordering::Relaxed);
        assert_eq!(first_line("/readyz").await, "HTTP/1.1 200 OK");
        assert_eq!(first_line("/metrics").await, "HTTP/1.1 200 OK");
        stop.cancel();
        server.await.unwrap().unwrap();
    }
}

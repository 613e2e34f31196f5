//! `/metrics`, `/livez` and `/readyz` on one plain port.

use std::io;
use std::net::SocketAddr;
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
/// Where the address can't be listened on.
pub async fn serve(address: SocketAddr, health: Health, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
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

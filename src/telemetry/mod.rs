//! Logs, metrics and health.

pub mod http;
pub mod log;
pub mod metrics;

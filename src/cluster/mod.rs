//! The only code that talks to an API server. Every call has a timeout.

pub mod pod;
pub mod view;

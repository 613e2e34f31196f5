//! `kubectl compose` on a cluster, as a user calls it: the built binary, in a directory with Compose files.

mod ls;
mod ps;
pub mod support;

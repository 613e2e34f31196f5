//! `kubectl compose` on a cluster, as a user calls it: the built binary, in a directory with Compose files.

mod down;
mod ls;
mod ps;
mod running;
pub mod support;
mod up;

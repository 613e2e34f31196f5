//! The verbs of the plugin that talk to containers, as a user runs them.

mod exec;
mod following;
mod forward;
mod logs;
mod proxy;
mod run;
mod running;
#[allow(dead_code)]
#[path = "../../cluster/plugin/support.rs"]
mod support;
mod up;

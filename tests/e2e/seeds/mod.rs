//! Each stack of `examples/`, with what its author wants to be observed.

mod applications;
mod networks;
mod redis_haproxy;
mod swarm;

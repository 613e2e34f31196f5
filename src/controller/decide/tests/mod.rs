//! Every rule of a decision, as a user would name it.

mod fixture;
mod gates;
mod objects;
mod properties;
mod services;
mod status;
mod workloads;

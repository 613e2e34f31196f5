//! What other tests would disturb, or be disturbed by: each has the node for itself. They come first, when nothing else is under way yet.

mod downtime;
mod in_time;
mod power_cut;

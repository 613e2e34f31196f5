//! Observe → decide → act → status, for every stack, continuously.

pub mod decide;

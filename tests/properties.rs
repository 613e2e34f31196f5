//! What holds for every input, tried on generated ones; proptest shrinks what fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "properties/compose.rs"]
mod compose;

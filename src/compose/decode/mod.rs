//! Texts of the file that stand for more than a string: sizes, durations, shell words, short forms.

pub mod short_device;
pub mod short_port;
pub mod short_volume;
pub mod units;
pub mod words;

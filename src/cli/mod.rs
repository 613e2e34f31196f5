//! What the two binaries do: flags → library → output and exit code.

pub mod crd;

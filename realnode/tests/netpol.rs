//! The program that enforces NetworkPolicies on the node lets through what they allow: its own tests, in Go.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn policies_decide_who_reaches_whom() {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("go/netpol");
    // The flags of the build: what is compiled for the one serves the other.
    let output = Command::new("go").args(["test", "-trimpath", "./..."]).env("CGO_ENABLED", "0").current_dir(module).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

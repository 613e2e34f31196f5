//! Where no node can be, it is said what is missing, and what to do instead.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[test]
fn a_user_other_than_root_is_told_what_a_node_needs_and_how_to_do_without() {
    // Where anybody may run it.
    let program = std::env::temp_dir().join(format!("realnode-{}", std::process::id()));
    fs::copy(env!("CARGO_BIN_EXE_realnode"), &program).unwrap();
    for verb in [&["up"][..], &["build"], &["run", "--operator", "--meanwhile", "echo built", "true"]] {
        let mut command = Command::new(&program);
        command.args(verb).current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534).env("HOME", "/");
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{verb:?} does nothing before: {output:?}");
        for words in ["needs Linux and root", "`TEST_CLUSTER=current make e2e`"] {
            assert!(said.contains(words), "{verb:?}: {said}");
        }
    }
    fs::remove_file(program).unwrap();
}

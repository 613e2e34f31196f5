//! Nodes come up, lose their power, and leave nothing. They need root and the parts of a node: `make e2e` runs them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use realnode::Layout;
use support::{Named, POD, realnode, unique};

#[test]
fn two_nodes_run_side_by_side_and_a_power_cut_of_one_keeps_its_disk() {
    let (one, other) = (Named::up("one"), Named::up("other"));
    one.apply(POD);
    one.kubectl(&["wait", "pod/pod", "--for=condition=Ready", "--timeout=5m"]);
    assert_eq!(one.published(), "pod\n", "a user without rights writes to a volume, and a published port answers beside the node");
    let refused = other.command(&["kubectl", "get", "pod", "pod"]).output().unwrap();
    assert!(!refused.status.success(), "the other node knows nothing of it");

    let mut joined = one.command(&["join", "sleep", "600"]).spawn().unwrap();
    assert!(one.command(&["reboot"]).status().unwrap().success());
    assert!(joined.try_wait().unwrap().is_none(), "what is only joined to a node's network outlives its power");
    joined.kill().unwrap();
    joined.wait().unwrap();
    one.kubectl(&["wait", "pod/pod", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "--timeout=5m"]);
    one.kubectl(&["wait", "pod/pod", "--for=condition=Ready", "--timeout=5m"]);
    assert_eq!(one.published(), "pod\npod\n");

    let (layouts, nodes) = ([one.layout(), other.layout()], [one, other]);
    drop(nodes);
    layouts.iter().for_each(nothing_is_left);
}

#[test]
fn a_node_ends_with_the_program_that_it_was_started_for() {
    let name = unique("run");
    let script = "kubectl get nodes --output=name; exit 7";
    let output = realnode(&name, &["run", "sh", "-c", script]).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(7), "node/node\n"));
    nothing_is_left(&Layout::new(&name).unwrap());
}

#[test]
fn a_node_whose_owner_is_killed_leaves_nothing() {
    let name = unique("killed");
    let mut owner = realnode(&name, &["run", "sh", "-c", "echo up; sleep 600"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_a_line(&mut owner);
    owner.kill().unwrap();
    owner.wait().unwrap();
    // The keeper holds this lock until it is done, and then removes it.
    let layout = Layout::new(&name).unwrap();
    while layout.directory().exists() || named_after(&layout).iter().any(|path| path.exists()) {
        std::thread::yield_now();
    }
    nothing_is_left(&layout);
    // The program held the other end of this: it is gone, too.
    assert_eq!(std::io::copy(&mut owner.stdout.take().unwrap(), &mut std::io::sink()).unwrap(), 0);
}

fn wait_for_a_line(process: &mut Child) {
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
}

#[test]
fn what_is_left_of_a_node_without_a_keeper_goes_when_the_next_one_comes() {
    // Named after its owner.
    let mut command = Command::new(env!("CARGO_BIN_EXE_realnode"));
    command.args(["run", "sh", "-c", "echo up; sleep 600"]).env_remove("REALNODE_NAME");
    let mut owner = command.stdout(Stdio::piped()).spawn().unwrap();
    wait_for_a_line(&mut owner);
    let layout = Layout::new(&format!("run-{}", owner.id())).unwrap();
    let keeper = processes().find(|(_, line)| line.contains(&format!("keep\0--name\0{}\0", layout.name()))).unwrap().0;
    assert!(Command::new("kill").args(["-KILL", &keeper]).status().unwrap().success());
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(layout.directory().exists(), "nobody is there to tidy");
    assert!(realnode(&unique("next"), &["run", "true"]).status().unwrap().success());
    nothing_is_left(&layout);
}

/// What carries the node's name outside of its directory.
fn named_after(layout: &Layout) -> Vec<PathBuf> {
    let namespaces = ["node", "beside"].map(|kind| Path::new("/run/netns").join(format!("compose-{kind}-{}", layout.name())));
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
    let groups = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]).map(|path| path.join(format!("compose-node-{}", layout.name())));
    namespaces.into_iter().chain(groups).collect()
}

fn nothing_is_left(layout: &Layout) {
    assert!(!layout.directory().exists(), "its disk");
    for path in named_after(layout) {
        assert!(!path.exists(), "{}", path.display());
    }
    let place = layout.directory().display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&place), "a mount");
    let left: Vec<String> = processes().map(|(_, line)| line).filter(|line| line.contains(&place)).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Numbers and command lines of all processes.
fn processes() -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, fs::read_to_string(entry.path().join("cmdline")).ok()?)))
}

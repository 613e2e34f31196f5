//! A machine is after the last node what it was before the first. Needs root and the parts of a node: `make e2e-node` runs it.
#![allow(clippy::unwrap_used, clippy::panic)]

// What the tests share is not all used by each.
#[allow(dead_code)]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use support::{Named, POD};

#[test]
fn a_node_leaves_the_machine_as_it_was() {
    let before = machine();
    let node = Named::up("traces");
    node.apply(POD);
    node.kubectl(&["wait", "pod/pod", "--for=condition=Ready", "--timeout=5m"]);
    assert!(node.command(&["reboot"]).status().unwrap().success());
    node.kubectl(&["wait", "pod/pod", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "--timeout=5m"]);
    let (name, own) = (node.layout().name().to_owned(), namespaces(&node));
    let traces: Vec<String> = machine().difference(&before).cloned().collect();
    assert!(traces.iter().any(|trace| trace.starts_with("cgroup")) && traces.iter().any(|trace| trace.starts_with("mount")), "{traces:?}");
    assert!(!in_namespaces(&own).is_empty());

    drop(node);
    // Somebody else's node may be up meanwhile.
    let others = |trace: &&String| trace.contains("compose-node-") && !trace.contains(&name);
    let traces: Vec<String> = machine().difference(&before).filter(|trace| !others(trace)).cloned().collect();
    assert!(traces.is_empty(), "{traces:#?}");
    let processes = in_namespaces(&own);
    assert!(processes.is_empty(), "{processes:?}");
}

/// What there is on the machine, a line each, as far as a node could change it.
fn machine() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut take = |what: &str, lines: Vec<String>| found.extend(lines.into_iter().map(|line| format!("{what} {line}")));
    take("mount", fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(mount).collect());
    take("interface", names("/sys/class/net"));
    take("route", said("ip", &["route", "show", "table", "all"]));
    take("rule", said("ip", &["rule"]));
    take("nftables", said("nft", &["--stateless", "list", "ruleset"]));
    take("iptables", said("iptables-save", &[]).into_iter().filter(|line| line.starts_with("-A") || line.starts_with('*')).collect());
    for directory in ["/run", "/run/netns", "/var/lib", "/var/log", "/etc", "/opt", "/tmp/hostpath_pv"] {
        take(directory, names(directory));
    }
    take("directory", ["/tmp/hostpath_pv"].into_iter().filter(|path| Path::new(path).exists()).map(str::to_owned).collect());
    let settings = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter"];
    let value = |name: &str| format!("{name} {}", fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap().trim());
    take("setting", settings.map(value).into());
    take("controllers", fs::read_to_string("/sys/fs/cgroup/cgroup.subtree_control").into_iter().collect());
    let mut groups = Vec::new();
    directories(Path::new("/sys/fs/cgroup"), &mut groups);
    take("cgroup", groups);
    found
}

/// What is mounted where: the numbers before it are given anew each time.
fn mount(line: &str) -> String {
    line.split(' ').skip(3).collect::<Vec<_>>().join(" ")
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn said(program: &str, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim().to_owned()).collect()
}

/// Directories below; those of the machine's own services and sessions come and go.
fn directories(path: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let is_units = [".slice", ".service", ".scope"].iter().any(|end| entry.file_name().to_string_lossy().ends_with(end));
        if !is_units {
            found.push(entry.path().display().to_string());
            directories(&entry.path(), found);
        }
    }
}

/// What tells the node's network, mounts and processes, and the network beside it, from all others.
fn namespaces(node: &Named) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for verb in ["exec", "outside"] {
        let script = "stat --dereference --format=%i /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid";
        let output = node.command(&[verb, "sh", "-c", script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        found.extend(String::from_utf8_lossy(&output.stdout).lines().map(|line| line.parse::<u64>().unwrap()));
    }
    let mine = ["net", "mnt", "pid"].map(|kind| fs::metadata(Path::new("/proc/self/ns").join(kind)).unwrap().ino());
    found.retain(|namespace| !mine.contains(namespace));
    assert_eq!(found.len(), 4, "three of the node's, and the network beside it");
    found
}

/// Command lines of the processes there.
fn in_namespaces(namespaces: &BTreeSet<u64>) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let of = |process: &Path, kind: &str| fs::metadata(process.join("ns").join(kind)).map(|metadata| metadata.ino());
    let there = processes.filter(|path| ["net", "mnt", "pid"].iter().any(|kind| of(path, kind).is_ok_and(|ns| namespaces.contains(&ns))));
    there.map(|path| fs::read_to_string(path.join("cmdline")).unwrap_or_default()).collect()
}

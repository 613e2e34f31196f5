//! Which processes are a node's, found by the namespaces that they are in: no note of a process can be stale.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::layout::Layout;

/// The first process of the node, if it is up.
pub fn first(layout: &Layout) -> Option<Pid> {
    in_network(&layout.namespace()).into_iter().find(|process| {
        let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero()));
        is_first(&status.unwrap_or_default())
    })
}

/// Ends what was joined to the node's network or to that beside it, but for this process.
pub fn end_joined(layout: &Layout) {
    let joined = [layout.namespace(), layout.outside()].into_iter().flat_map(|network| in_network(&network));
    for process in joined.filter(|process| *process != rustix::process::getpid()) {
        // One that has ended meanwhile is what is wanted.
        let _ = kill_process(process, Signal::KILL);
    }
}

/// Processes in a network namespace, of any pid namespace.
fn in_network(name: &str) -> Vec<Pid> {
    let Some(network) = identity(&Path::new("/run/netns").join(name)) else { return Vec::new() };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let here = entries.filter(|entry| identity(&entry.path().join("ns/net")) == Some(network));
    here.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)).collect()
}

/// Cuts the power: the process, and with it everything in its pid namespace, is gone when this returns.
#[cfg(target_os = "linux")]
pub fn cut_power(process: Pid) -> Result<(), Error> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    let failed = |error: rustix::io::Errno| Error::file("end", format!("process {process:?}"))(error.into());
    let handle = match pidfd_open(process, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        handle => handle.map_err(failed)?,
    };
    match pidfd_send_signal(&handle, Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        sent => sent.map_err(failed)?,
    }
    // Readable when it has ended, and the first process of a namespace ends last.
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).map_err(failed)?;
    Ok(())
}

/// There are no nodes elsewhere, but there this says so.
#[cfg(not(target_os = "linux"))]
pub fn cut_power(_process: Pid) -> Result<(), Error> {
    Err(Error::NotRoot)
}

/// What tells one namespace from another.
fn identity(namespace: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(namespace).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether `/proc/N/status` is of a process that is number 1 in a pid namespace below the reader's.
fn is_first(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<&str> = line.split_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_process_of_a_namespace_below_is_a_nodes_first() {
        assert!(is_first("Name:\trealnode\nNSpid:\t4711\t1\n"));
        assert!(!is_first("Name:\tkubelet\nNSpid:\t4712\t17\n"), "another of the node");
        assert!(!is_first("Name:\tcargo\nNSpid:\t4713\n"), "one that only shares its network");
        assert!(!is_first("Name:\tinit\nNSpid:\t1\n"), "the machine's own");
    }
}

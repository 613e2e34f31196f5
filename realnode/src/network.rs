//! The network of a node: a namespace with an address of its own, and a second one beside it that stands for the world outside.
//!
//! They outlive a power cut of the node, as cables do. Nothing leads from them to the machine's own network.

use std::net::Ipv4Addr;
use std::process::Command;

use crate::error::Error;
use crate::layout::Layout;
use crate::shell;

/// The node's own address: its API server, its registry, its published ports.
pub const NODE: Ipv4Addr = Ipv4Addr::new(10, 10, 0, 1);
/// The machine beside the node.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
/// Addresses of pods.
pub const PODS: &str = "10.244.0.0/16";

/// Makes both namespaces and the cable between them.
pub fn create(layout: &Layout) -> Result<(), Error> {
    let (inside, outside) = (layout.namespace(), layout.outside());
    for namespace in [&inside, &outside] {
        shell::run(ip().args(["netns", "add", namespace]))?;
    }
    shell::run_with(ip().args(["-n", &inside, "-batch", "-"]), &inside_commands(&outside))?;
    shell::run_with(ip().args(["-n", &outside, "-batch", "-"]), &outside_commands())?;
    Ok(())
}

/// Takes both away; what isn't there is no error.
pub fn remove(layout: &Layout) {
    for namespace in [layout.namespace(), layout.outside()] {
        drop(shell::run(ip().args(["netns", "del", &namespace])));
    }
}

/// Takes away what the kernel of a machine without power would have forgotten: filters, translated connections, the cables of pods.
pub fn forget(layout: &Layout) -> Result<(), Error> {
    let inside = layout.namespace();
    shell::run(Command::new("nsenter").arg(format!("--net=/run/netns/{inside}")).args(["nft", "flush", "ruleset"]))?;
    shell::run(Command::new("nsenter").arg(format!("--net=/run/netns/{inside}")).args(["conntrack", "--flush"]))?;
    let links = shell::run(ip().args(["-n", &inside, "-brief", "link", "show", "type", "veth"]))?;
    for link in pod_links(&links) {
        // A pod that has just died takes its cable along.
        drop(shell::run(ip().args(["-n", &inside, "link", "del", link])));
    }
    Ok(())
}

/// The cables that CNI has made, from what `ip -brief link` lists.
fn pod_links(listing: &str) -> impl Iterator<Item = &str> {
    let names = listing.lines().filter_map(|line| line.split_whitespace().next()?.split('@').next());
    names.filter(|name| name.starts_with("veth"))
}

fn ip() -> Command {
    Command::new("ip")
}

fn inside_commands(outside: &str) -> String {
    // Addresses of Services are translated on their way: any way will do.
    // node0 is one end of a cable whose other end is plugged in nowhere: an address that is always there, and isn't loopback.
    format!(
        "link set lo up
link add node0 type veth peer name node0-end
link set node0-end up
link set node0 up
address add {NODE}/24 dev node0
link add outside0 type veth peer name eth0 netns {outside}
link set outside0 up
address add 10.20.0.1/24 dev outside0
route add 10.96.0.0/16 dev node0
"
    )
}

fn outside_commands() -> String {
    format!(
        "link set lo up
link set eth0 up
address add {OUTSIDE}/24 dev eth0
route add default via 10.20.0.1
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cables_of_pods_are_forgotten() {
        let listing = "node0-end@node0  UP  aa:bb <UP>\nnode0@node0-end UP cc <UP>\nveth1f2@if2 UP dd <UP>\noutside0@if2 UP ee <UP>\nveth77@if3 DOWN ff\n";
        assert_eq!(pod_links(listing).collect::<Vec<_>>(), ["veth1f2", "veth77"]);
    }
}

//! A real one-node Kubernetes, for the end-to-end tests of compose-operator: the control plane of `devcluster`, containerd with runc, CNI,
//! kubelet, kube-proxy, CoreDNS, enforced NetworkPolicies, a storage class, and a registry that answers for every registry's name with images
//! made from Debian packages.
//!
//! A node lives in network, mount and pid namespaces of its own. Killing its first process is a power cut; what it has on its disk stays until
//! it is taken down. Several nodes run side by side, and none reaches anything outside of itself.
//!
//! Read on in `node` (up, down, reboot), `plan` (what runs in a node, with which settings), `parts` (what has to be built once), `init` (the
//! first process of a node), `keeper` (why nothing is left when the owner of a node crashes).

mod boot;
mod cgroups;
mod dns;
mod error;
mod init;
mod keeper;
mod layout;
mod machine;
mod network;
mod node;
mod operator;
mod operator_image;
mod packages;
mod parts;
mod plan;
mod processes;
mod programs;
mod rootfs;
mod shell;
mod template;

pub use error::Error;
pub use init::init;
pub use keeper::keep;
pub use layout::Layout;
pub use node::Node;
pub use operator::{install, install_image, push};
pub use operator_image::OperatorImage;
pub use parts::{Parts, both, prepare_machine};
pub use shell::forget_cargo;

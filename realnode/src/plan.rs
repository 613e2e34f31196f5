//! What runs in a node, in which order, with which settings. Nothing here touches the machine.

use std::path::PathBuf;

use devcluster::{Machine, MachineUser, Step};
use serde_json::{Value, json};

use crate::dns;
use crate::layout::Layout;
use crate::network::{NODE, PODS};
use crate::parts::Parts;

/// Address of the cluster's DNS server.
pub const DNS: &str = "10.96.0.10";
const SOCKET: &str = "/run/containerd/containerd.sock";
/// Where kubelet has pods: in the node, a path that is short enough for sockets.
pub const KUBELET: &str = "/run/kubelet";

/// The registry's address; images of every registry come from there.
pub fn registry() -> String {
    format!("{NODE}:5000")
}

/// The control plane, and what it needs before and after.
pub fn machine(layout: &Layout, parts: &Parts) -> Machine {
    Machine {
        address: NODE,
        users: vec![
            MachineUser { name: "system:node:node", groups: &["system:nodes"], kubeconfig: "kubelet" },
            MachineUser { name: "system:kube-proxy", groups: &["system:node-proxier"], kubeconfig: "kube-proxy" },
            MachineUser { name: "system:kube-proxy", groups: &["system:masters"], kubeconfig: "network-policy" },
        ],
        first: runtime(layout, parts),
        last: node(layout, parts),
    }
}

/// What unpacks the images that all nodes share.
pub fn template_steps(layout: &Layout, parts: &Parts) -> Vec<Step> {
    let mut steps = runtime(layout, parts);
    steps.extend(runtime_is_up(parts));
    let hosts = layout.settings("registries").display().to_string();
    for image in ["docker.io/library/debian:latest", "registry.k8s.io/pause:3.10", "registry.k8s.io/coredns/coredns:v1.14.4"] {
        let words = ["--namespace", "k8s.io", "images", "pull", "--hosts-dir", &hosts, image];
        steps.push(Step::run("unpacking", &parts.programs.containerd.join("ctr"), strings(&words), 300));
    }
    steps
}

/// Settings of everything, as files.
pub fn settings(layout: &Layout) -> Vec<(PathBuf, String)> {
    vec![
        (layout.settings("containerd.toml"), containerd(layout)),
        (layout.settings("registries/_default/hosts.toml"), hosts()),
        (layout.settings("network/10-pods.conflist"), pod_network().to_string()),
        (layout.settings("kubelet.json"), kubelet(layout).to_string()),
        (layout.settings("kube-proxy.json"), proxy(layout).to_string()),
        (layout.settings("resolv.conf"), format!("nameserver {DNS}\n")),
    ]
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn runtime(layout: &Layout, parts: &Parts) -> Vec<Step> {
    let path = |path: PathBuf| path.display().to_string();
    vec![
        Step::start(
            "registry",
            "registry",
            &parts.programs.registry,
            vec![
                format!("-address={}", registry()),
                format!("-images={}", parts.images.display()),
                format!("-debian={}", parts.rootfs.debian.display()),
                format!("-busybox={}", parts.rootfs.busybox.display()),
                format!("-program=pause={}", parts.programs.pause.display()),
                format!("-program=coredns={}", parts.programs.dns.display()),
                format!("-pushed={}", path(layout.directory().join("pushed"))),
            ],
        ),
        // It finds its shim on the PATH.
        Step::start(
            "containerd",
            "containerd",
            "/usr/bin/env".as_ref(),
            vec![
                format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin", parts.programs.containerd.display()),
                path(parts.programs.containerd.join("containerd")),
                "--log-level=warn".into(),
                format!("--config={}", path(layout.settings("containerd.toml"))),
            ],
        ),
    ]
}

fn runtime_is_up(parts: &Parts) -> [Step; 2] {
    [
        Step::wait("registry", &format!("http://{}/ready", registry()), "", "", 300),
        Step::run("containerd", &parts.programs.containerd.join("ctr"), strings(&["version"]), 300),
    ]
}

fn node(layout: &Layout, parts: &Parts) -> Vec<Step> {
    let kubeconfig = |name: &str| format!("--kubeconfig={}", layout.plane().join(format!("{name}.kubeconfig")).display());
    let config = |name: &str| format!("--config={}", layout.settings(name).display());
    let mut steps = runtime_is_up(parts).to_vec();
    steps.extend([
        Step::create("kube-proxy", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", proxy_binding()),
        Step::start(
            "kubelet",
            "kubelet",
            &parts.programs.kubelet,
            vec![
                "kubelet".into(),
                config("kubelet.json"),
                kubeconfig("kubelet"),
                "--hostname-override=node".into(),
                format!("--node-ip={NODE}"),
                format!("--root-dir={KUBELET}"),
                format!("--cert-dir={KUBELET}/pki"),
            ],
        ),
        Step::start("kube-proxy", "kube-proxy", &parts.programs.kubelet, vec!["kube-proxy".into(), config("kube-proxy.json")]),
        Step::start("network policies", "network-policy", &parts.programs.network_policy, vec![kubeconfig("network-policy")]),
    ]);
    steps.extend(dns::steps());
    steps.push(Step::wait("node", "/api/v1/nodes/node", r#""type":"Ready","status":"True""#, "node.kubernetes.io/not-ready", 300));
    steps
}

fn proxy_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "kube-proxy"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:kube-proxy"}],
    })
}

fn containerd(layout: &Layout) -> String {
    let path = |path: PathBuf| json!(path).to_string();
    format!(
        r#"version = 3
root = {root}
state = "/run/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = {opt}
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = {registries}
[plugins."io.containerd.cri.v1.runtime"]
  # Where the machine itself may not lower the score of a process, containers can't either.
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = {network}
"#,
        root = path(layout.containerd()),
        opt = path(layout.directory().join("opt")),
        registries = path(layout.settings("registries")),
        network = path(layout.settings("network")),
    )
}

fn hosts() -> String {
    format!("server = \"http://{0}\"\n[host.\"http://{0}\"]\n  capabilities = [\"pull\", \"resolve\", \"push\"]\n", registry())
}

/// Pods are routed, without a bridge: each has a cable to the node.
fn pod_network() -> Value {
    json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [
        {"type": "ptp", "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]})
}

fn kubelet(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", layout.namespace()),
        "failSwapOn": false,
        "maxPods": 250,
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "resolvConf": layout.settings("resolv.conf"),
        "volumePluginDir": layout.directory().join("volume-plugins"),
        "clusterDNS": [DNS],
        "clusterDomain": "cluster.local",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": layout.plane().join("pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "serializeImagePulls": false,
        // The disk is the machine's: it is not for a node to tidy it.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    })
}

fn proxy(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": layout.plane().join("kube-proxy.kubeconfig")},
        "clusterCIDR": PODS,
        "detectLocalMode": "ClusterCIDR",
        "hostnameOverride": "node",
        // These settings are the machine's.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "100ms"},
        "metricsBindAddress": "127.0.0.1:10249",
    })
}

//! What is started, in which order, with which flags: the plan that `controlplane supervise` carries out.

use std::net::Ipv4Addr;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::binaries::Binaries;
use crate::pki::Pki;

/// The JSON that `go/cmd/controlplane/supervise.go` reads.
#[derive(Debug, Serialize)]
pub struct Plan {
    directory: String,
    keep: bool,
    detached: bool,
    server: String,
    authority: String,
    certificate: String,
    key: String,
    steps: Vec<Step>,
}

/// Something that the supervisor does before it goes on to the next.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    label: String,
    #[serde(flatten)]
    action: Action,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Start { name: String, program: String, arguments: Vec<String> },
    Run { program: String, arguments: Vec<String>, seconds: u32 },
    Create { path: String, body: Value },
    Await { path: String, has: String, lacks: String, seconds: u32 },
}

impl Step {
    /// Starts a process that has to live as long as the control plane; its log is called by its name.
    pub fn start(label: &str, name: &str, program: &Path, arguments: Vec<String>) -> Self {
        Self { label: label.into(), action: Action::Start { name: name.into(), program: program.display().to_string(), arguments } }
    }

    /// Runs a program again and again until it succeeds.
    pub fn run(label: &str, program: &Path, arguments: Vec<String>, seconds: u32) -> Self {
        Self { label: label.into(), action: Action::Run { program: program.display().to_string(), arguments, seconds } }
    }

    /// Posts an object to the API server; one that is there already stays as it is.
    pub fn create(label: &str, path: &str, body: Value) -> Self {
        Self { label: label.into(), action: Action::Create { path: path.into(), body } }
    }

    /// Waits until the path on the API server, or the whole address, answers with one text and without another.
    pub fn wait(label: &str, path: &str, has: &str, lacks: &str, seconds: u32) -> Self {
        Self { label: label.into(), action: Action::Await { path: path.into(), has: has.into(), lacks: lacks.into(), seconds } }
    }
}

/// What a control plane is given that serves a machine with real nodes, in a network of its own.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where pods, nodes and clients reach the API server, on port 6443.
    pub address: Ipv4Addr,
    pub users: Vec<MachineUser>,
    /// Steps before those of the control plane.
    pub first: Vec<Step>,
    /// Steps after them.
    pub last: Vec<Step>,
}

/// A user, for whom a kubeconfig of the given name is made.
#[derive(Debug, Clone, Copy)]
pub struct MachineUser {
    pub name: &'static str,
    pub groups: &'static [&'static str],
    pub kubeconfig: &'static str,
}

/// What one control plane is made with.
pub struct Inputs<'a> {
    pub binaries: &'a Binaries,
    /// What simulates nodes, where there are any of these.
    pub kwok: Option<&'a Path>,
    pub pki: &'a Pki,
    pub directory: &'a Path,
    pub detached: bool,
    pub nodes: usize,
    pub api_port: u16,
    pub etcd_port: u16,
    pub custom_resources: &'a [Value],
    pub machine: Option<&'a Machine>,
}

impl Inputs<'_> {
    pub fn server(&self) -> String {
        format!("https://{}:{}", self.machine.map_or(Ipv4Addr::LOCALHOST, |machine| machine.address), self.api_port)
    }
}

impl Plan {
    pub fn new(inputs: &Inputs) -> Self {
        let mut steps = inputs.machine.map_or_else(Vec::new, |machine| machine.first.clone());
        steps.extend([
            start("etcd", "etcd", &inputs.binaries.controlplane, "etcd", etcd(inputs)),
            start("API server", "kube-apiserver", &inputs.binaries.controlplane, "kube-apiserver", api_server(inputs)),
            Step::wait("API server", "/readyz", "", "", 300),
        ]);
        steps.extend(inputs.custom_resources.iter().flat_map(custom_resource));
        steps.extend([
            start(
                "controller manager",
                "kube-controller-manager",
                &inputs.binaries.controlplane,
                "kube-controller-manager",
                controller_manager(inputs),
            ),
            start(
                "scheduler",
                "kube-scheduler",
                &inputs.binaries.controlplane,
                "kube-scheduler",
                vec![format!("--config={}", inputs.directory.join("scheduler.json").display()), "--secure-port=0".into()],
            ),
            Step::create("storage class", "/apis/storage.k8s.io/v1/storageclasses", storage_class()),
        ]);
        steps.extend(inputs.kwok.map(|program| start("simulated nodes", "kwok", program, "", kwok(inputs))));
        steps.extend((1..=inputs.nodes).map(|index| Step::create("simulated nodes", "/api/v1/nodes", node(index))));
        steps.push(Step::wait("controllers", "/api/v1/namespaces/default/serviceaccounts/default", "", "", 300));
        // The controller manager takes the taint away when it has seen that the node is ready: from then on pods are placed.
        steps.extend(
            (1..=inputs.nodes).map(|index| Step::wait("nodes", &format!("/api/v1/nodes/{}", node_name(index)), "", NOT_READY, 300)),
        );
        steps.extend(inputs.machine.iter().flat_map(|machine| machine.last.clone()));
        Self {
            directory: inputs.directory.display().to_string(),
            keep: inputs.machine.is_some(),
            detached: inputs.detached,
            server: inputs.server(),
            authority: inputs.pki.path("ca.crt").display().to_string(),
            certificate: inputs.pki.path("admin.crt").display().to_string(),
            key: inputs.pki.path("admin.key").display().to_string(),
            steps,
        }
    }
}

impl Plan {
    /// Steps without a control plane.
    pub fn bare(directory: &Path, steps: Vec<Step>) -> Self {
        let nothing = String::new;
        let directory = directory.display().to_string();
        let (server, authority, certificate, key) = (nothing(), nothing(), nothing(), nothing());
        Self { directory, keep: true, detached: true, server, authority, certificate, key, steps }
    }
}

/// The taint of a node that no pod may go to yet.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

fn start(label: &str, name: &str, program: &Path, component: &str, arguments: Vec<String>) -> Step {
    let component = (!component.is_empty()).then(|| component.to_owned());
    Step::start(label, name, program, component.into_iter().chain(arguments).collect())
}

fn etcd(inputs: &Inputs) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", inputs.etcd_port);
    // There are no peers: the address they are told is only a name.
    let peer = "http://127.0.0.1:2380";
    vec![
        format!("--data-dir={}", inputs.directory.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        "--listen-peer-urls=http://127.0.0.1:0".into(),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // Nothing here outlives the machine.
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

fn api_server(inputs: &Inputs) -> Vec<String> {
    let pki = |file: &str| inputs.pki.path(file).display().to_string();
    let place = match inputs.machine {
        Some(machine) => vec![
            "--bind-address=0.0.0.0".into(),
            format!("--advertise-address={}", machine.address),
            format!("--kubelet-client-certificate={}", pki("admin.crt")),
            format!("--kubelet-client-key={}", pki("admin.key")),
            "--kubelet-preferred-address-types=InternalIP".into(),
        ],
        None => vec![
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            // A loopback address can't be an endpoint of the Service `kubernetes`.
            "--endpoint-reconciler-type=none".into(),
        ],
    };
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", inputs.etcd_port),
        format!("--secure-port={}", inputs.api_port),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", pki("service-accounts.pub")),
        format!("--service-account-signing-key-file={}", pki("service-accounts.key")),
        "--allow-privileged=true".into(),
        format!("--audit-policy-file={}", inputs.directory.join("audit-policy.yaml").display()),
        format!("--audit-log-path={}", inputs.directory.join("audit.log").display()),
        // An answer is in the log before the client has it; and the log is one file, however long the tests take.
        "--audit-log-mode=blocking".into(),
        "--audit-log-maxsize=100000".into(),
    ];
    arguments.extend(place);
    arguments
}

fn controller_manager(inputs: &Inputs) -> Vec<String> {
    let pki = |file: &str| inputs.pki.path(file).display().to_string();
    let nodes = match inputs.machine {
        // Pods of a machine have addresses of its own choice.
        Some(_) => Vec::new(),
        None => vec![
            "--allocate-node-cidrs".into(),
            "--cluster-cidr=10.128.0.0/9".into(),
            "--node-cidr-mask-size=20".into(),
            // Simulated nodes renew their leases every 50 s, later on a busy machine, and never fail by themselves.
            "--node-monitor-grace-period=1h".into(),
        ],
    };
    let mut arguments = vec![
        format!("--kubeconfig={}", inputs.directory.join("kube-controller-manager.kubeconfig").display()),
        format!("--service-account-private-key-file={}", pki("service-accounts.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        "--use-service-account-credentials".into(),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--enable-hostpath-provisioner".into(),
        "--pvclaimbinder-sync-period=5s".into(),
        "--concurrent-namespace-syncs=20".into(),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
    ];
    arguments.extend(nodes);
    arguments
}

fn kwok(inputs: &Inputs) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", inputs.directory.join("kwok.kubeconfig").display()),
        format!("--config={}", inputs.directory.join("stages.yaml").display()),
        "--manage-all-nodes=false".into(),
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".into(),
        "--node-lease-duration-seconds=200".into(),
    ]
}

/// The scheduler takes its limits from a file only.
pub fn scheduler_configuration(directory: &Path) -> Value {
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": false},
        "clientConnection": {"kubeconfig": directory.join("kube-scheduler.kubeconfig"), "qps": 1000, "burst": 2000},
    })
}

fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/host-path",
        "allowVolumeExpansion": true,
    })
}

fn node_name(index: usize) -> String {
    format!("node-{index}")
}

fn node(index: usize) -> Value {
    let name = node_name(index);
    let resources = json!({"cpu": "256", "memory": "1Ti", "ephemeral-storage": "1Ti", "pods": "4000"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        },
        "status": {"allocatable": resources, "capacity": resources},
    })
}

/// The definition, and that its resources are served. They are there before the controller manager starts, because its garbage collector looks
/// for new kinds only every 30 s.
fn custom_resource(definition: &Value) -> Vec<Step> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let path = format!("/apis/{}/{}/{}", text("/spec/group"), text("/spec/versions/0/name"), text("/spec/names/plural"));
    vec![
        Step::create("custom resources", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition.clone()),
        Step::wait("custom resources", &path, "", "", 30),
    ]
}

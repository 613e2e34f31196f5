//! What is started, in which order, with which flags: the plan that `controlplane supervise` carries out.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::binaries::Binaries;
use crate::pki::Pki;

/// The JSON that `go/cmd/controlplane/supervise.go` reads.
#[derive(Debug, Serialize)]
pub struct Plan {
    directory: String,
    detached: bool,
    server: String,
    authority: String,
    certificate: String,
    key: String,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    label: String,
    #[serde(flatten)]
    action: Action,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Start { name: String, program: String, arguments: Vec<String> },
    Create { path: String, body: Value },
    Await { path: String, lacks: String, seconds: u32 },
}

/// What one control plane is made with.
pub struct Inputs<'a> {
    pub binaries: &'a Binaries,
    pub pki: &'a Pki,
    pub directory: &'a Path,
    pub detached: bool,
    pub nodes: usize,
    pub api_port: u16,
    pub etcd_port: u16,
    pub custom_resources: &'a [Value],
}

impl Plan {
    pub fn new(inputs: &Inputs) -> Self {
        let mut steps = vec![
            start("etcd", "etcd", &inputs.binaries.controlplane, "etcd", etcd(inputs)),
            start("API server", "kube-apiserver", &inputs.binaries.controlplane, "kube-apiserver", api_server(inputs)),
            wait("API server", "/readyz", "", 120),
        ];
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
            create("storage class", "/apis/storage.k8s.io/v1/storageclasses", storage_class()),
        ]);
        if inputs.nodes > 0 {
            steps.push(start("simulated nodes", "kwok", &inputs.binaries.kwok, "", kwok(inputs)));
        }
        steps.extend((1..=inputs.nodes).map(|index| create("simulated nodes", "/api/v1/nodes", node(index))));
        steps.push(wait("controllers", "/api/v1/namespaces/default/serviceaccounts/default", "", 60));
        // The controller manager takes the taint away when it has seen that the node is ready: from then on pods are placed.
        steps.extend(
            (1..=inputs.nodes)
                .map(|index| wait("nodes", &format!("/api/v1/nodes/{}", node_name(index)), "node.kubernetes.io/not-ready", 60)),
        );
        Self {
            directory: inputs.directory.display().to_string(),
            detached: inputs.detached,
            server: server(inputs.api_port),
            authority: inputs.pki.path("ca.crt").display().to_string(),
            certificate: inputs.pki.path("admin.crt").display().to_string(),
            key: inputs.pki.path("admin.key").display().to_string(),
            steps,
        }
    }
}

pub fn server(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

fn start(label: &str, name: &str, program: &Path, component: &str, arguments: Vec<String>) -> Step {
    let arguments = (!component.is_empty()).then(|| component.to_owned()).into_iter().chain(arguments).collect();
    Step { label: label.into(), action: Action::Start { name: name.into(), program: program.display().to_string(), arguments } }
}

fn create(label: &str, path: &str, body: Value) -> Step {
    Step { label: label.into(), action: Action::Create { path: path.into(), body } }
}

fn wait(label: &str, path: &str, lacks: &str, seconds: u32) -> Step {
    Step { label: label.into(), action: Action::Await { path: path.into(), lacks: lacks.into(), seconds } }
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
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", inputs.etcd_port),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        // A loopback address can't be an endpoint of the Service `kubernetes`.
        "--endpoint-reconciler-type=none".into(),
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
    ]
}

fn controller_manager(inputs: &Inputs) -> Vec<String> {
    let pki = |file: &str| inputs.pki.path(file).display().to_string();
    vec![
        format!("--kubeconfig={}", inputs.directory.join("kube-controller-manager.kubeconfig").display()),
        format!("--service-account-private-key-file={}", pki("service-accounts.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        "--use-service-account-credentials".into(),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--allocate-node-cidrs".into(),
        "--cluster-cidr=10.128.0.0/9".into(),
        "--node-cidr-mask-size=20".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--enable-hostpath-provisioner".into(),
        "--pvclaimbinder-sync-period=5s".into(),
        "--concurrent-namespace-syncs=20".into(),
        // Simulated nodes renew their leases every 50 s, later on a busy machine, and never fail by themselves.
        "--node-monitor-grace-period=1h".into(),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
    ]
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
        create("custom resources", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition.clone()),
        wait("custom resources", &path, "", 30),
    ]
}

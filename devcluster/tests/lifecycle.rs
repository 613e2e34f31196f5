//! Control planes start, serve, simulate and end.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use devcluster::{Cluster, Options};
use serde_json::{Value, json};

#[test]
fn a_control_plane_ends_with_its_owner_even_when_that_is_killed() {
    let mut owner = devcluster(&["run", "--nodes=1"]).stdout(Stdio::piped()).spawn().unwrap();
    let directory = announced(&mut owner);
    let lock = File::open(directory.join("lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)), "its supervisor holds the lock while it lives");
    let children = children_of(supervisor(&directory));
    assert_eq!(children.len(), 5, "etcd, API server, controller manager, scheduler, kwok");
    owner.kill().unwrap();
    owner.wait().unwrap();
    lock.lock().unwrap();
    assert!(!directory.exists(), "its state is removed");
    for child in children {
        assert!(!is_component(child), "process {child} is left");
    }
}

#[test]
fn a_detached_control_plane_stays_until_it_is_taken_down() {
    let name = format!("lifecycle-{}", std::process::id());
    let up = devcluster(&["--name", &name, "up", "--nodes=1"]).output().unwrap();
    assert!(up.status.success());
    let nodes = devcluster(&["--name", &name, "kubectl", "get", "nodes", "--output=name"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&nodes.stdout), "node/node-1\n");
    let again = devcluster(&["--name", &name, "up"]).output().unwrap();
    assert_eq!(again.stdout, up.stdout, "what is up stays as it is");
    assert!(devcluster(&["--name", &name, "down"]).status().unwrap().success());
    let gone = devcluster(&["--name", &name, "env"]).output().unwrap();
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stderr).contains(&format!("no control plane named `{name}`")));
}

#[test]
fn without_go_the_error_says_what_to_install() {
    let build = devcluster(&["build"]).env("PATH", "/nonexistent").output().unwrap();
    let complaint = String::from_utf8_lossy(&build.stderr);
    assert!(!build.status.success() && complaint.contains("install Go 1.26 or newer"), "{complaint}");
}

#[test]
fn pods_do_what_their_annotations_say() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let pods = [
        ("plain", "Always", json!({})),
        ("unready", "Always", json!({"devcluster/unready": "true"})),
        ("later", "Always", json!({"devcluster/ready-after": "700ms"})),
        ("crash", "Always", json!({"devcluster/exit-code": "0"})),
        ("pull", "Always", json!({"devcluster/image-pull-error": "manifest unknown"})),
        ("pending", "Always", json!({"devcluster/pending": "true"})),
        ("done", "Never", json!({})),
        ("failed", "Never", json!({"devcluster/exit-code": "4"})),
    ];
    let list: Vec<Value> = pods.iter().map(|(name, policy, annotations)| pod(name, policy, annotations)).collect();
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": list}).to_string()).unwrap();

    wait(&cluster, "plain", "condition=Ready");
    wait(&cluster, "unready", "jsonpath={.status.phase}=Running");
    assert_eq!(get(&cluster, "unready", ready()), "False");
    wait(&cluster, "later", "condition=Ready");
    wait(&cluster, "crash", "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff");
    assert_eq!(get(&cluster, "crash", "{.status.containerStatuses[0].lastState.terminated.exitCode}"), "0");
    wait(&cluster, "pull", "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff");
    assert!(get(&cluster, "pull", "{.status.containerStatuses[0].state.waiting.message}").contains("manifest unknown"));
    wait(&cluster, "pending", "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ContainerCreating");
    wait(&cluster, "done", "jsonpath={.status.phase}=Succeeded");
    wait(&cluster, "failed", "jsonpath={.status.phase}=Failed");
    assert_eq!(get(&cluster, "failed", "{.status.containerStatuses[0].state.terminated.exitCode}"), "4");

    for (name, annotation) in [("unready", "unready"), ("crash", "exit-code"), ("pull", "image-pull-error"), ("pending", "pending")] {
        cluster.run(cluster.kubectl().args(["annotate", "pod", name, &format!("devcluster/{annotation}-")])).unwrap();
        wait(&cluster, name, "condition=Ready");
    }
    cluster.run(cluster.kubectl().args(["annotate", "pod", "plain", "devcluster/unready=true"])).unwrap();
    wait(&cluster, "plain", "condition=Ready=False");
}

#[test]
fn the_audit_log_has_a_users_writes_with_bodies_and_no_reads_of_the_admin() {
    let cluster = Cluster::start(&Options { nodes: 0, ..Options::default() }).unwrap();
    cluster.run(cluster.kubectl().args(["create", "configmap", "settings", "--from-literal=a=b"])).unwrap();
    cluster.run(cluster.kubectl().args(["get", "configmaps"])).unwrap();
    let operator = cluster.kubeconfig(devcluster::User::Operator).unwrap().to_owned();
    let refused = cluster.run(cluster.kubectl().env("KUBECONFIG", operator).args(["get", "configmaps"])).unwrap_err().to_string();
    assert!(refused.contains("forbidden"), "the operator has no rights but those that are bound to it: {refused}");
    let events = cluster.audit().unwrap().read().unwrap();
    let of = |user: &str| events.iter().filter(|event| event.user() == user && event.resource() == "configmaps").collect::<Vec<_>>();
    let [create] = of("admin")[..] else { panic!("one write and no read") };
    assert_eq!((create.verb.as_str(), create.name(), create.code()), ("create", "settings", 201));
    assert!(create.answered_version().is_some());
    assert_eq!(create.request_object.as_ref().unwrap()["data"]["a"], "b");
    assert_eq!(of("compose-operator").iter().map(|event| event.code()).collect::<Vec<_>>(), [403]);
}

fn devcluster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devcluster"));
    command.args(arguments);
    command
}

/// The directory of the control plane that the command says it started.
fn announced(owner: &mut Child) -> PathBuf {
    let mut line = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let kubeconfig = line.trim().strip_prefix("export KUBECONFIG=").unwrap_or_else(|| panic!("{line:?} names no kubeconfig"));
    Path::new(kubeconfig).parent().unwrap().to_owned()
}

fn supervisor(directory: &Path) -> u32 {
    fs::read_to_string(directory.join("lock")).unwrap().trim().parse().unwrap()
}

fn children_of(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    children.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

fn is_component(process: u32) -> bool {
    let command = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    matches!(command.trim(), "controlplane" | "kwok")
}

fn pod(name: &str, policy: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"restartPolicy": policy, "containers": [{"name": "main", "image": "nginx"}]},
    })
}

fn wait(cluster: &Cluster, pod: &str, condition: &str) {
    cluster.run(cluster.kubectl().args(["wait", &format!("pod/{pod}"), &format!("--for={condition}"), "--timeout=30s"])).unwrap();
}

fn ready() -> &'static str {
    r#"{.status.conditions[?(@.type=="Ready")].status}"#
}

fn get(cluster: &Cluster, pod: &str, path: &str) -> String {
    cluster.run(cluster.kubectl().args(["get", "pod", pod, &format!("--output=jsonpath={path}")])).unwrap()
}

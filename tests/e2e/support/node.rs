//! The node from its outside, where there is one of ours: its program is `$REALNODE`.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::installed::{PATIENCE, installed, realnode};
use super::space::Space;

/// The program that pulls the node's plug.
pub struct Node {
    program: std::path::PathBuf,
}

/// Our own node; where there is none, says that the test is left out.
pub fn node() -> Option<Node> {
    let node = realnode().map(|program| Node { program });
    if node.is_none() {
        eprintln!("left out: this test needs the project's own node (make e2e)");
    }
    node
}

impl Node {
    /// Pulls the plug, and comes back when the node runs again.
    pub async fn reboot(&self) {
        let mut command = Command::new(&self.program);
        command.arg("reboot");
        let output = finish(command).await;
        assert!(output.status.success(), "the node didn't come back:\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Kills the first container of a pod, as the kernel or an admin on the node would.
    pub async fn kill(&self, pod: &Pod) {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        let id = statuses.and_then(|statuses| statuses[0].container_id.as_deref()).and_then(|id| id.strip_prefix("containerd://"));
        let mut command = Command::new(&self.program);
        command.args(["exec", "ctr", "-n", "k8s.io", "tasks", "kill", "--signal", "SIGKILL"]).arg(id.expect("the container runs"));
        let output = finish(command).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A command on a machine beside the node; on a cluster of one's own, on this one.
pub fn outside(program: &str) -> Command {
    realnode().map_or_else(
        || Command::new(program),
        |node| {
            let mut command = Command::new(node);
            command.arg("outside").arg(program);
            command
        },
    )
}

/// What curl gets outside of the cluster, or why it doesn't. The last argument of a kind counts: `--max-time 5` where nobody is to answer.
pub async fn curl(arguments: &[&str]) -> Result<String, String> {
    let mut command = outside("curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "30"]).args(arguments);
    let output = finish(command).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// What curl gets outside of the cluster as soon as there is an answer that is as described.
pub async fn answer(arguments: &[&str], description: &str, is_so: impl Fn(&str) -> bool) -> String {
    until(&format!("{arguments:?} answers {description}"), async || match curl(arguments).await {
        Ok(text) if is_so(&text) => Ok(text),
        Ok(text) | Err(text) => Err(text),
    })
    .await
}

/// Asks again and again what can't be watched, until it is so.
pub async fn until<T>(description: &str, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let begin = std::time::Instant::now();
    loop {
        match attempt().await {
            Ok(found) => return found,
            Err(instead) if begin.elapsed() > PATIENCE => {
                panic!("it is not so that {description}, but:\n{instead}\n{}", installed().report())
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Runs a command to its end beside other tests.
pub async fn finish(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

impl Space {
    /// Where a service's published port answers outside of the cluster, as the stack's status says: `10.10.0.1:30080`.
    pub async fn published(&self, stack: &str, service: &str, target: u16) -> String {
        let arrow = format!("->{target}/");
        let find = |stack: &compose_operator::api::ComposeStack| {
            let services = stack.status.iter().flat_map(|status| &status.services);
            let endpoints = services.filter(|s| s.name == service).flat_map(|s| &s.endpoints);
            endpoints.filter_map(|endpoint| endpoint.split_once(&arrow)).map(|(address, _)| address.to_owned()).next()
        };
        let stack = self.until_stack(stack, &format!("telling where {service} is published"), |stack| find(stack).is_some()).await;
        find(&stack).unwrap().replace('*', &self.node_address().await)
    }

    /// The address of some node.
    pub async fn node_address(&self) -> String {
        let nodes = kube::Api::<k8s_openapi::api::core::v1::Node>::all(self.client.clone());
        let node = nodes.list(&kube::api::ListParams::default()).await.unwrap().items.remove(0);
        let addresses = node.status.and_then(|status| status.addresses).unwrap_or_default();
        addresses.into_iter().find(|address| address.type_ == "InternalIP").unwrap().address
    }
}

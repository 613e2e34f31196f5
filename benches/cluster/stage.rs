//! A control plane with namespaces, and the operator on it under the chart's rights.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use compose_operator::api::ComposeStack;
use devcluster::{AuditEvent, AuditLog, Cluster, Companion, Options};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, CustomResourceExt, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::requests::{OPERATOR, is_the_operators};
use super::stack;

/// Requests that are made at once.
pub const AT_ONCE: usize = 32;
/// After this nothing more is expected.
const PATIENCE: Duration = Duration::from_mins(10);

pub struct Stage {
    cluster: Cluster,
    admin: Client,
    account: PathBuf,
}

/// What was made, and when.
pub struct Made {
    /// From the first request to the last object.
    pub written: Duration,
    /// From the first request until all of it is available.
    pub available: Duration,
    /// What the audit log has of it.
    pub events: Vec<AuditEvent>,
}

pub fn namespace(index: usize) -> String {
    format!("bench-{index}")
}

impl Stage {
    pub async fn start(stacks: usize) -> Self {
        let definition = serde_json::to_value(ComposeStack::crd()).unwrap();
        let cluster = Cluster::start(&Options { nodes: 3 + stacks / 20, custom_resources: vec![definition] }).unwrap();
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/compose-operator");
        let release = ["template", OPERATOR, "--namespace", OPERATOR, "--set", "replicas=0"];
        let rendered = cluster.run(cluster.helm().args(release).arg(chart)).unwrap();
        cluster.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {OPERATOR}}}}}")).unwrap();
        cluster.apply(&rendered).unwrap();
        let account = cluster.service_account(OPERATOR, OPERATOR).unwrap();
        let admin = client(cluster.admin()).await;
        Self { cluster, admin, account }
    }

    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// A client with the operator's rights.
    pub async fn account(&self) -> Client {
        client(&self.account).await
    }

    pub fn audit(&self) -> AuditLog {
        self.cluster.audit().unwrap()
    }

    /// Starts the operator as this bench was built.
    pub fn operator(&self) -> Companion {
        let variables = [
            ("KUBECONFIG", self.account.as_os_str()),
            ("COMPOSE_OPERATOR_LISTEN", "127.0.0.1:0".as_ref()),
            ("POD_NAMESPACE", OPERATOR.as_ref()),
            ("POD_NAME", "compose-operator-0".as_ref()),
        ];
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-operator.log");
        Companion::start(Path::new(env!("CARGO_BIN_EXE_compose-operator")), &["run"], &variables, &log).unwrap()
    }

    pub async fn make_namespaces(&self, count: usize) {
        stream::iter(0..count).for_each_concurrent(AT_ONCE, |index| self.make_namespace(namespace(index))).await;
    }

    async fn make_namespace(&self, name: String) {
        let object = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        Api::<Namespace>::all(self.admin.clone()).create(&PostParams::default(), &object).await.unwrap();
    }

    /// Makes one stack in a namespace of its own.
    pub async fn make_stack(&self, namespace: &str) {
        self.make_namespace(namespace.to_owned()).await;
        self.create(namespace).await;
    }

    async fn create(&self, namespace: &str) {
        let api: Api<ComposeStack> = Api::namespaced(self.admin.clone(), namespace);
        api.create(&PostParams::default(), &stack::resource()).await.unwrap();
    }

    /// Makes a stack in each namespace, and waits until all are Ready, the first one included.
    pub async fn make_stacks(&self, count: usize, log: &mut AuditLog) -> Made {
        let (begin, first) = (Instant::now(), jiff::Timestamp::now());
        stream::iter(0..count).for_each_concurrent(AT_ONCE, async |index| self.create(&namespace(index)).await).await;
        self.until_ready(count + 1).await;
        let available = begin.elapsed();
        let events = log.read().unwrap();
        let objects = events.iter().filter(|event| is_the_operators(event) && event.is_write());
        let objects = objects.filter(|event| !matches!(event.resource(), "composestacks" | "events"));
        let last = objects.map(|event| event.stage_timestamp.parse::<jiff::Timestamp>().unwrap()).max().unwrap();
        Made { written: Duration::try_from(last.duration_since(first)).unwrap_or_default(), available, events }
    }

    /// Waits until as many stacks are Ready.
    pub async fn until_ready(&self, count: usize) {
        self.until_all(count, |stack: &ComposeStack| {
            let status = stack.status.as_ref().filter(|status| status.observed_generation == stack.metadata.generation);
            status.and_then(|status| status.condition("Ready")).is_some_and(|ready| ready.status == "True")
        })
        .await;
    }

    /// Waits until as many Deployments have all their replicas.
    pub async fn until_available(&self, count: usize) {
        self.until_all(count, |deployment: &Deployment| {
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            deployment.status.as_ref().is_some_and(|status| status.available_replicas == Some(wanted))
        })
        .await;
    }

    /// Waits until the stack of a namespace has all its Deployments.
    pub async fn until_written(&self, namespace: &str) {
        self.until_all(3, |deployment: &Deployment| deployment.namespace().as_deref() == Some(namespace)).await;
    }

    async fn until_all<K>(&self, count: usize, is_so: impl Fn(&K) -> bool)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let mut so = BTreeSet::new();
        let mut changes = pin!(watcher(Api::<K>::all(self.admin.clone()), watcher::Config::default()).default_backoff().applied_objects());
        let waiting = async {
            while so.len() < count {
                let object = changes.try_next().await.unwrap().unwrap();
                if is_so(&object) {
                    so.insert((object.namespace(), object.name_any()));
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("all of it in time");
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()).unwrap()
}

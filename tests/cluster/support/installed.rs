//! The one control plane, with the operator on it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use compose_operator::api::ComposeStack;
use devcluster::{AuditLog, Cluster, Companion, Options};
use kube::CustomResourceExt;

use super::oracle;

/// How long a test waits for anything: far longer than it takes, as other tests and builds run beside it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The operator's own namespace; also the name of its release and its account.
pub const OPERATOR_NAMESPACE: &str = "compose-operator";

pub struct Installed {
    pub cluster: Cluster,
    /// A kubeconfig with the rights of the chart's ServiceAccount.
    account: PathBuf,
    log: PathBuf,
    operator: Mutex<Option<Companion>>,
    /// Held by the test that needs the operator to be gone.
    stopping: tokio::sync::Mutex<()>,
}

/// Starts control plane and operator at the first call.
pub fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let installed = Installed::install().unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
        installed.start();
        installed
    })
}

/// Tests don't wait for each other here.
pub type Turn = ();

/// A test may begin.
pub async fn turn() -> Turn {}

impl Installed {
    fn install() -> Result<Self, devcluster::Error> {
        let definition = serde_json::to_value(ComposeStack::crd()).unwrap();
        let cluster = Cluster::for_tests(&Options { custom_resources: vec![definition], ..Options::default() })?;
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/compose-operator");
        // The Deployment is installed too, so that the API server judges it; but the operator that runs is the binary of this build.
        let release = ["template", OPERATOR_NAMESPACE, "--namespace", OPERATOR_NAMESPACE, "--set", "replicas=0"];
        let rendered = cluster.run(cluster.helm().args(release).arg(chart))?;
        cluster.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {OPERATOR_NAMESPACE}}}}}"))?;
        cluster.apply(&rendered)?;
        let account = cluster.service_account(OPERATOR_NAMESPACE, OPERATOR_NAMESPACE)?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operator.log");
        let _ = std::fs::remove_file(&log);
        Ok(Self { cluster, account, log, operator: Mutex::default(), stopping: tokio::sync::Mutex::default() })
    }

    /// A log to read from its beginning.
    pub fn audit(&self) -> Option<AuditLog> {
        self.cluster.audit()
    }

    pub fn is_audited(&self) -> bool {
        self.cluster.audit().is_some()
    }

    /// Whether a test's namespace is to be deleted at its end: where the cluster outlives the tests.
    pub fn tidies(&self) -> bool {
        !self.is_audited()
    }

    fn operator(&self) -> MutexGuard<'_, Option<Companion>> {
        // A test that panicked while it held the lock is reported as itself.
        self.operator.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn start(&self) {
        *self.operator() = Some(self.replica("compose-operator-0", &["run", "--leader-elect"]));
    }

    /// A replica of this name. One that was killed takes the lead again at once, as the Lease is still its own.
    fn replica(&self, name: &str, arguments: &[&str]) -> Companion {
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/policy.yaml");
        let variables = [
            ("KUBECONFIG", self.account.as_os_str()),
            ("COMPOSE_OPERATOR_LISTEN", "127.0.0.1:0".as_ref()),
            ("COMPOSE_OPERATOR_LOG", "info,compose_operator=debug".as_ref()),
            ("COMPOSE_OPERATOR_POLICY", policy.as_os_str()),
            ("POD_NAMESPACE", OPERATOR_NAMESPACE.as_ref()),
            ("POD_NAME", name.as_ref()),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_compose-operator"));
        Companion::start(program, arguments, &variables, &self.log).unwrap()
    }

    /// What helps to understand a failure: whether the operator lives, and what it said last.
    pub fn report(&self) -> String {
        let state = match self.operator().as_mut().map(Companion::ended) {
            None => "stopped by a test".to_owned(),
            Some(None) => "running".to_owned(),
            Some(Some(status)) => format!("ended: {status}"),
        };
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(25)..].join("\n");
        format!("the operator is {state}; its last words (of {}):\n{last}", self.log.display())
    }
}

/// What helm prints, or what it complains of.
pub fn helm(arguments: &[&str]) -> Result<String, String> {
    let cluster = &installed().cluster;
    cluster.run(cluster.helm().args(arguments)).map_err(|error| error.to_string())
}

/// What the API server would answer to these objects in the namespace, or why it refuses them.
pub fn apply_dry_run(namespace: &str, objects: &str) -> Result<String, String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{namespace}.yaml"));
    std::fs::write(&file, objects).unwrap();
    let cluster = &installed().cluster;
    let mut kubectl = cluster.kubectl();
    let kubectl = kubectl.args(["apply", "--server-side", "--dry-run=server", "--namespace", namespace, "--filename"]).arg(&file);
    cluster.run(kubectl).map_err(|error| error.to_string())
}

/// A further replica of the operator, which waits for the lead.
pub fn standby() -> Companion {
    installed().replica("compose-operator-1", &["run", "--leader-elect"])
}

/// A second operator that leads too, until this is dropped.
pub struct Rival {
    replica: Option<Companion>,
}

/// Starts an operator that leads without asking for the Lease.
pub fn rival() -> Rival {
    oracle::rivalry(true);
    Rival { replica: Some(installed().replica("compose-operator-2", &["run"])) }
}

impl Drop for Rival {
    fn drop(&mut self) {
        drop(self.replica.take());
        oracle::rivalry(false);
    }
}

/// All that the operator has said.
pub fn operator_log() -> String {
    std::fs::read_to_string(&installed().log).unwrap()
}

/// While this lives, no test stops the operator: for tests that count its writes.
pub struct Kept {
    _only: tokio::sync::MutexGuard<'static, ()>,
}

/// Keeps other tests from stopping the operator until the returned value is dropped.
pub async fn operator_kept() -> Kept {
    Kept { _only: installed().stopping.lock().await }
}

/// While this lives, there is no operator.
pub struct Stopped {
    _only: tokio::sync::MutexGuard<'static, ()>,
}

/// Kills the operator, as a node that fails would, until the returned value is dropped.
pub async fn operator_stopped() -> Stopped {
    let installed = installed();
    let only = installed.stopping.lock().await;
    let running = installed.operator().take();
    drop(running);
    Stopped { _only: only }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        installed().start();
    }
}

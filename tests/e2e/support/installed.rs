//! The cluster, with the operator in it as its users install it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use devcluster::{AuditLog, Cluster};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::oracle;

/// How long a test waits for anything: far longer than it takes, as other tests run beside it.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// The operator's own namespace; also the name of its release, its Deployment and its account.
pub const OPERATOR_NAMESPACE: &str = "compose-operator";

pub struct Installed {
    pub cluster: Cluster,
    /// The audit log, read until when the tests began: what was before is no concern of theirs.
    audit: Mutex<Option<AuditLog>>,
}

/// The cluster of `$KUBECONFIG`.
pub fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let wanted = realnode().is_some() || std::env::var("TEST_CLUSTER").is_ok_and(|value| value == "current");
        assert!(wanted, "these tests need a cluster with real nodes: `make e2e`, or TEST_CLUSTER=current with the operator installed");
        let cluster = Cluster::current().unwrap();
        tidy(&cluster);
        let mut audit = cluster.audit();
        if let Some(log) = &mut audit {
            log.read().unwrap();
        }
        super::failures::note();
        super::usage::watch();
        Installed { cluster, audit: Mutex::new(audit) }
    })
}

/// Takes away what tests that failed have left on a node of ours: it has ports and room, and stacks that the operator writes to.
fn tidy(cluster: &Cluster) {
    if realnode().is_none() {
        return;
    }
    let kubectl = |words: &[&str]| cluster.run(cluster.kubectl().args(words)).unwrap();
    let names = kubectl(&["get", "namespaces", "--output=name"]);
    let left: Vec<&str> = names.lines().filter_map(|line| line.strip_prefix("namespace/")).filter(|name| is_left(name)).collect();
    if !left.is_empty() {
        eprintln!("what earlier tests have left is taken away: {left:?}");
        for name in &left {
            oracle::expect(name);
        }
        kubectl(&[&["delete", "namespaces"], &left[..]].concat());
    }
}

/// Whether a namespace belongs to a process that tested, and is no more: the process and a number end its name.
fn is_left(namespace: &str) -> bool {
    let mut words = namespace.rsplit('-').map(|word| word.parse::<u32>().ok());
    matches!((words.next().flatten(), words.next().flatten()), (Some(_), Some(process)) if !Path::new("/proc").join(process.to_string()).exists())
}

/// The node's own program: see [`super::node`].
pub fn realnode() -> Option<PathBuf> {
    std::env::var_os("REALNODE").filter(|value| !value.is_empty()).map(PathBuf::from)
}

static TURNS: RwLock<()> = RwLock::const_new(());

thread_local! {
    static IS_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// While a test holds it, nobody pulls the node's plug.
pub type Turn = Option<RwLockReadGuard<'static, ()>>;

/// A test may begin.
pub async fn turn() -> Turn {
    if IS_ALONE.get() { None } else { Some(TURNS.read().await) }
}

/// While this lives, only the test that has it is under way.
pub struct Alone {
    _only: RwLockWriteGuard<'static, ()>,
}

/// Waits until no other test is under way, and keeps them from beginning. Comes before the first space of a test.
pub async fn alone() -> Alone {
    let only = TURNS.write().await;
    IS_ALONE.set(true);
    Alone { _only: only }
}

impl Drop for Alone {
    fn drop(&mut self) {
        IS_ALONE.set(false);
    }
}

impl Installed {
    /// The audit log since the tests began; for its only reader.
    pub fn audit(&self) -> Option<AuditLog> {
        self.audit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn is_audited(&self) -> bool {
        self.cluster.audit().is_some()
    }

    /// Whether a test's namespace is to be deleted at its end: real pods need room.
    #[expect(clippy::unused_self, reason = "on the control plane it depends")]
    pub fn tidies(&self) -> bool {
        true
    }

    /// What helps to understand a failure: what the operator said last.
    pub fn report(&self) -> String {
        let logs = ["logs", "--namespace", OPERATOR_NAMESPACE, "deployment/compose-operator", "--tail=15"];
        let said = self.cluster.run(self.cluster.kubectl().args(logs)).unwrap_or_else(|error| error.to_string());
        format!("the operator's last words:\n{said}")
    }
}

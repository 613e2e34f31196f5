//! The operator as a whole: caches, leadership, workers, endpoints, and how all of it ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::StackKey;
use crate::cluster::cache::Cache;
use crate::cluster::client::{self, Caller};
use crate::cluster::events::Events;
use crate::cluster::lease::Leadership;
use crate::telemetry::http::{Health, serve};
use crate::translate::Settings;

use super::context::Context;
use super::queue::{DEBOUNCE, Queue};
use super::reconcile::reconcile;
use super::revision;

/// Stacks that are looked at at once.
const CONCURRENCY: usize = 16;
/// Time that running looks get to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(20);

/// How the operator runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Without one: `$KUBECONFIG`, `~/.kube/config` or the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// What stacks get that don't say otherwise.
    pub settings: Settings,
    /// Where `/metrics`, `/livez` and `/readyz` answer; nowhere without it.
    pub listen: Option<SocketAddr>,
    /// The operator's own namespace, where the last good revisions of stacks are kept; `default` where it isn't told.
    pub namespace: Option<String>,
    /// Among replicas one leads.
    pub election: Option<Election>,
    /// Name of this replica; in a cluster its pod's.
    pub instance: String,
}

/// Where replicas agree on a leader.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error("listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("wait for signals")]
    Signals(#[source] std::io::Error),
    /// Another replica may lead now: nothing of this one may go on.
    #[error("leadership is lost")]
    LeadershipLost,
    #[error("a watch has ended")]
    WatchEnded,
}

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
/// Where it can't start, or must not go on.
pub async fn run(options: Options) -> Result<(), Error> {
    let client = client::connect(options.kubeconfig.as_deref()).await?;
    let stop = CancellationToken::new();
    let signals = wait_for_signals(stop.clone())?;
    let result = operate(client, options, stop).await;
    signals.abort();
    result
}

/// Runs with a client until `stop`.
///
/// # Errors
/// Where it can't start, or must not go on.
pub async fn operate(client: Client, options: Options, stop: CancellationToken) -> Result<(), Error> {
    let health = Health::default();
    let queue = Arc::new(Queue::default());
    let wake = queue.clone();
    let cache = Arc::new(Cache::new(Box::new(move |stack| wake.add(stack, DEBOUNCE)), health.metrics.clone()));
    let mut watches = cache.follow(&client, &options.settings.without);
    let mut endpoints = JoinSet::new();
    if let Some(address) = options.listen {
        let failed = move |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let (health, stop) = (health.clone(), stop.clone());
        endpoints.spawn(async move { serve(listener, health, stop).await.map_err(failed) });
    }
    let context = Arc::new(Context::new(
        cache.clone(),
        Caller::new(client.clone(), health.metrics.clone()),
        Events::new(client.clone(), &options.instance),
        queue,
        options.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        options.settings.clone(),
    ));
    let leading = async {
        let mut leadership = options.election.as_ref().map(|e| Leadership::new(client.clone(), &e.namespace, options.instance.clone()));
        cache.filled().await;
        health.ready.store(true, Ordering::Relaxed);
        tracing::info!(stacks = cache.stacks().len(), "caches are filled");
        let Some(leadership) = &mut leadership else {
            work(context, stop.clone()).await;
            return Ok(());
        };
        if !leadership.acquire(&stop).await {
            return Ok(());
        }
        tracing::info!("leading");
        // The Lease is handed over only when nothing of this replica runs any more.
        let worked = CancellationToken::new();
        let working = async {
            work(context, stop.clone()).await;
            worked.cancel();
            std::future::pending::<()>().await;
        };
        let lost = tokio::select! {
            lost = leadership.hold(&worked) => lost,
            () = working => false,
        };
        if lost { Err(Error::LeadershipLost) } else { Ok(()) }
    };
    tokio::select! {
        result = leading => result,
        () = before_filled(&cache, &stop) => Ok(()),
        Some(_) = watches.join_next() => Err(Error::WatchEnded),
        Some(Ok(Err(error))) = endpoints.join_next() => Err(error),
    }
}

/// Ends a start that is stopped before the caches are filled.
async fn before_filled(cache: &Cache, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = cache.filled() => std::future::pending().await,
    }
}

/// Looks at stacks as they become due, until `stop`; what runs then gets time to end.
async fn work(context: Arc<Context>, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut looks = JoinSet::new();
    let tidied = context.clone();
    let tidying = tokio::spawn(async move { revision::sweep(&tidied).await });
    loop {
        // The semaphore is never closed.
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        let stack = tokio::select! {
            () = stop.cancelled() => break,
            stack = context.queue.next() => stack,
        };
        while looks.try_join_next().is_some() {}
        let context = context.clone();
        looks.spawn(async move {
            let busy = Busy { queue: context.queue.clone(), stack };
            if let Some(again) = reconcile(&context, &busy.stack).await {
                context.queue.add(busy.stack.clone(), again);
            }
            context.caller.metrics().queue.set(i64::try_from(context.queue.waiting()).unwrap_or(i64::MAX));
            drop(busy);
            drop(permit);
        });
    }
    tidying.abort();
    let ended = tokio::time::timeout(GRACE, async { while looks.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!("some looks did not end in time");
    }
}

/// A stack that is being looked at; it is free again even if the look panics.
struct Busy {
    queue: Arc<Queue>,
    stack: StackKey,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.done(&self.stack);
    }
}

fn wait_for_signals(stop: CancellationToken) -> Result<tokio::task::AbortHandle, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let task = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(task.abort_handle())
}

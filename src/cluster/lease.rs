//! Leadership among replicas, by a Lease (`coordination.k8s.io/v1`).

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::client::describe;

/// Name of the Lease.
const NAME: &str = "compose-operator";
/// Time after which a rival takes over from a holder that is silent.
const DURATION: Duration = Duration::from_secs(15);
/// Time after which a holder that can't renew gives up; shorter, so that two never lead at once.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// A replica in waiting sees at once when the leader hands over.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The Lease as one replica sees it.
pub struct Leadership {
    api: Api<Lease>,
    me: String,
    rival: Option<Rival>,
}

/// The holder as last seen, by our own clock: skew between nodes does not matter.
struct Rival {
    holder: String,
    renewed: Option<MicroTime>,
    since: Instant,
}

impl Leadership {
    /// `me` must differ between replicas.
    pub fn new(client: Client, namespace: &str, me: impl Into<String>) -> Self {
        Self { api: Api::namespaced(client, namespace), me: me.into(), rival: None }
    }

    /// Waits until this replica leads; `false` where `stop` came first.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        loop {
            match self.attempt().await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => tracing::warn!(error, "the lease can't be claimed"),
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = sleep(TRY_EVERY) => {}
            }
        }
    }

    /// Renews until leadership is lost or `stop` comes; on `stop` the Lease is handed over. `true` where it was lost.
    pub async fn hold(&mut self, stop: &CancellationToken) -> bool {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.release().await;
                    return false;
                }
                () = sleep(RENEW_EVERY) => {}
            }
            match self.attempt().await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return true,
                Err(error) => tracing::warn!(error, "the lease can't be renewed"),
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                return true;
            }
        }
    }

    async fn attempt(&mut self) -> Result<bool, String> {
        match timeout(Duration::from_secs(5), self.claim()).await {
            Ok(result) => result.map_err(|e| describe(&e)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    async fn claim(&mut self) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(NAME).await?;
        let fresh = found.is_none();
        let mut lease =
            found.unwrap_or_else(|| Lease { metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() }, spec: None });
        let old = lease.spec.take().unwrap_or_default();
        let holder = old.holder_identity.as_deref().filter(|h| !h.is_empty());
        if let Some(holder) = holder.filter(|h| *h != self.me) {
            match &self.rival {
                Some(rival) if rival.holder == holder && rival.renewed == old.renew_time => {
                    if rival.since.elapsed() < DURATION {
                        return Ok(false);
                    }
                }
                _ => {
                    self.rival = Some(Rival { holder: holder.to_owned(), renewed: old.renew_time, since: Instant::now() });
                    return Ok(false);
                }
            }
        }
        let taken = holder != Some(self.me.as_str());
        let now = MicroTime(Timestamp::now());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            renew_time: Some(now.clone()),
            acquire_time: if taken { Some(now) } else { old.acquire_time },
            lease_transitions: Some(old.lease_transitions.unwrap_or(0) + i32::from(taken)),
            ..LeaseSpec::default()
        });
        // A replace carries the resourceVersion, so that a lost race is a 409.
        let result = if fresh {
            self.api.create(&PostParams::default(), &lease).await
        } else {
            self.api.replace(NAME, &PostParams::default(), &lease).await
        };
        match result {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(s)) if s.is_conflict() || s.is_already_exists() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Hands over, so that a rival need not wait.
    async fn release(&mut self) {
        let handing_over = async {
            let mut lease = self.api.get(NAME).await?;
            let Some(spec) = lease.spec.as_mut().filter(|s| s.holder_identity.as_deref() == Some(self.me.as_str())) else { return Ok(()) };
            spec.holder_identity = Some(String::new());
            self.api.replace(NAME, &PostParams::default(), &lease).await.map(drop)
        };
        match timeout(Duration::from_secs(5), handing_over).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = describe(&error), "the lease is left to expire"),
            Err(_) => tracing::debug!("the lease is left to expire"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower_test::mock::{self, Handle};

    use super::*;

    fn replica() -> (Leadership, Handle<Request<Body>, Response<Body>>) {
        let (service, server) = mock::pair::<Request<Body>, Response<Body>>();
        (Leadership::new(Client::new(service, "default"), "operators", "me"), server)
    }

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({ "metadata": { "name": NAME, "resourceVersion": "1" }, "spec": { "holderIdentity": holder, "renewTime": renewed } })
    }

    /// Answers reads with `lease` and writes with `code`, until `stop`; the verbs that it saw.
    async fn serve(server: &mut Handle<Request<Body>, Response<Body>>, lease: &Value, code: u16, stop: &CancellationToken) -> Vec<String> {
        let mut verbs = Vec::new();
        loop {
            let Some(Some((request, send))) = stop.run_until_cancelled(server.next_request()).await else { return verbs };
            let read = request.method() == http::Method::GET;
            let answer =
                if read || code < 300 { lease.clone() } else { json!({ "status": "Failure", "code": code, "reason": "Conflict" }) };
            let status = if read { 200 } else { code };
            send.send_response(Response::builder().status(status).body(Body::from(answer.to_string().into_bytes())).unwrap());
            verbs.push(request.method().to_string());
        }
    }

    /// Seconds until this replica leads.
    async fn acquired(lease: &Value, code: u16, patience: Duration) -> Option<u64> {
        let (mut leadership, mut server) = replica();
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let leading = async {
            let result = timeout(patience, leadership.acquire(&stop)).await;
            stop.cancel();
            result.is_ok_and(|led| led).then(|| start.elapsed().as_secs())
        };
        tokio::join!(leading, serve(&mut server, lease, code, &stop)).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_handed_over_is_taken_at_once() {
        assert_eq!(acquired(&lease("", "2026-01-01T00:00:00.000000Z"), 200, Duration::from_mins(1)).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_rival_is_waited_for_by_our_own_clock() {
        // However old or new the other's clock says its renewal is.
        for renewed in ["2000-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z"] {
            assert_eq!(acquired(&lease("rival", renewed), 200, Duration::from_mins(1)).await, Some(15));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_loses_the_race_does_not_lead() {
        assert_eq!(acquired(&lease("", "2026-01-01T00:00:00.000000Z"), 409, Duration::from_mins(1)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_cannot_renew_gives_up_before_a_rival_may_lead() {
        let (mut leadership, mut server) = replica();
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let holding = async {
            let lost = leadership.hold(&CancellationToken::new()).await;
            stop.cancel();
            lost
        };
        let broken = async {
            while let Some(Some((_, send))) = stop.run_until_cancelled(server.next_request()).await {
                send.send_response(Response::builder().status(500).body(Body::empty()).unwrap());
            }
        };
        assert!(tokio::join!(holding, broken).0);
        assert!(start.elapsed() < DURATION, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_stops_hands_over() {
        let (mut leadership, mut server) = replica();
        let (stop, done) = (CancellationToken::new(), CancellationToken::new());
        stop.cancel();
        let holding = async {
            let lost = leadership.hold(&stop).await;
            done.cancel();
            lost
        };
        let mine = lease("me", "2026-01-01T00:00:00.000000Z");
        let (lost, verbs) = tokio::join!(holding, serve(&mut server, &mine, 200, &done));
        assert!(!lost);
        assert_eq!(verbs, ["GET", "PUT"]);
    }
}

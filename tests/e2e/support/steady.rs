//! Somebody who asks again and again while something changes.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use super::node::{outside, until};

/// How curl asks. A slow answer is one: only what nobody will answer any more takes so long.
pub const ASK: [&str; 5] = ["-sSf", "--max-time", "30", "-w", " %header{x-pod}"];

/// A request that had its end.
#[derive(Debug, Clone)]
pub struct Request {
    /// When it ended.
    pub at: Timestamp,
    /// What went wrong, and in which pod if that is known.
    pub failure: Option<String>,
}

impl Request {
    /// One that ended now; `said` is what curl printed: a page, and the pod that it comes from.
    pub fn new(at: Timestamp, success: bool, said: &str, pages: &[&str]) -> Self {
        let is_page = said.split_whitespace().next().is_some_and(|page| pages.contains(&page));
        Self { at, failure: (!success || !is_page).then(|| said.split_whitespace().collect::<Vec<_>>().join(" ")) }
    }
}

/// Requests from outside of the cluster, one after the other, each on a connection of its own.
pub struct Steady {
    requests: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
    asking: Option<JoinHandle<()>>,
}

impl Steady {
    /// Begins to ask for one of these pages.
    pub fn ask(url: &str, pages: &'static [&'static str]) -> Self {
        let (requests, ends) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (notes, ended, url) = (Arc::clone(&requests), Arc::clone(&ends), url.to_owned());
        let asking = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let output = outside("curl").args(ASK).arg(&url).stdin(Stdio::null()).output().unwrap();
                let said = [output.stdout, output.stderr].concat();
                let request = Request::new(Timestamp::now(), output.status.success(), &String::from_utf8_lossy(&said), pages);
                notes.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { requests, ends, asking: Some(asking) }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many more requests are through.
    pub async fn more(&self, count: usize) {
        let wanted = self.requests().len() + count;
        until(&format!("{count} more requests are through"), async || {
            let requests = self.requests().len();
            if requests >= wanted { Ok(()) } else { Err(format!("{requests} of {wanted}")) }
        })
        .await;
    }

    /// Ends it, and gives all requests.
    pub fn end(mut self) -> Vec<Request> {
        self.ends.store(true, Ordering::Relaxed);
        self.asking.take().unwrap().join().unwrap();
        self.requests()
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

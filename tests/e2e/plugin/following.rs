//! Calls that go on until something happens.

use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::support::Plugin;
use crate::support::until;

/// A call that goes on, and what it has printed so far.
pub struct Following {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Following {
    /// Begins a call.
    pub fn begin(plugin: &Plugin, arguments: &[&str]) -> Self {
        let mut child = plugin.command(arguments).spawn().unwrap();
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (mut out, kept) = (child.stdout.take().unwrap(), Arc::clone(&printed));
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut buffer).await {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
        });
        Self { child, printed }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until what it has printed is as described.
    pub async fn until(&self, description: &str, is_so: impl Fn(&str) -> bool) {
        until(&format!("it prints {description}"), async || {
            let text = self.text();
            if is_so(&text) { Ok(()) } else { Err(text) }
        })
        .await;
    }

    /// Presses Ctrl-C.
    pub async fn interrupt(self) -> Output {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
        self.end().await
    }

    /// Waits until it ends by itself.
    pub async fn end(self) -> Output {
        self.child.wait_with_output().await.unwrap()
    }
}

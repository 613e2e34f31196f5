//! What all reconciles share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cluster::StackKey;
use crate::cluster::cache::Cache;
use crate::cluster::client::Caller;
use crate::cluster::events::Events;
use crate::telemetry::metrics::State;
use crate::translate::Settings;

use super::memory::Memory;
use super::networks::Networks;
use super::queue::{DEBOUNCE, Queue};

/// What all reconciles share.
pub struct Context {
    pub cache: Arc<Cache>,
    pub caller: Caller,
    pub events: Events,
    pub queue: Arc<Queue>,
    pub networks: Networks,
    /// The operator's own namespace.
    pub namespace: String,
    /// The admin's.
    pub settings: Settings,
    memories: Mutex<BTreeMap<StackKey, Box<Memory>>>,
}

impl Context {
    pub fn new(cache: Arc<Cache>, caller: Caller, events: Events, queue: Arc<Queue>, namespace: String, settings: Settings) -> Self {
        Self { cache, caller, events, queue, networks: Networks::default(), namespace, settings, memories: Mutex::default() }
    }

    /// Takes the memory of a stack for as long as it is being handled. What was remembered of a predecessor is dropped.
    pub fn take(&self, stack: &StackKey, uid: &str) -> Box<Memory> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        match memories.remove(stack) {
            Some(memory) if memory.uid == uid => memory,
            other => {
                if let Some(old) = other {
                    self.count(old.counted.as_deref(), None);
                }
                Box::new(Memory { uid: uid.to_owned(), ..Memory::default() })
            }
        }
    }

    pub fn keep(&self, stack: &StackKey, memory: Box<Memory>) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(stack.clone(), memory);
    }

    /// Forgets a stack that is gone; its uid, where a revision of it is kept.
    pub fn forget(&self, stack: &StackKey) -> Option<String> {
        let memory = self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(stack);
        if let Some(memory) = &memory {
            self.count(memory.counted.as_deref(), None);
        }
        for other in self.networks.forget(stack) {
            self.queue.add(other, DEBOUNCE);
        }
        memory.filter(|memory| memory.keeps).map(|memory| memory.uid.clone())
    }

    /// Moves a stack from one reason to another in the metrics.
    pub fn count(&self, old: Option<&str>, new: Option<&str>) {
        if old == new {
            return;
        }
        let stacks = &self.caller.metrics().stacks;
        if let Some(old) = old {
            stacks.get_or_create(&State { reason: old.to_owned() }).dec();
        }
        if let Some(new) = new {
            stacks.get_or_create(&State { reason: new.to_owned() }).inc();
        }
    }
}

//! The leader of a group: one node at a time does what must happen once.
//!
//! The lease is a key of the log's key-value store. Its revision grows with every renewal, and that at which a term began is the fencing number
//! of the term. No clock of another machine counts: the leader measures from when it sent its last renewal, and a node takes the lease over
//! only after it has seen the same revision for longer than that. So a leader that lost the lease has stopped before another begins.
//!
//! A node whose store has stopped applying the log is no candidate, and gives the lease back: what the leader does would end at that entry.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::kv::{Operation, Store};
use bytes::Bytes;
use tokio::sync::watch;

use super::error::LogError;
use super::jetstream::{JetStreamLog, limited};
use super::outage::Outage;
use crate::clock::{self, Stopwatch};
use crate::store::ReplicaStatus;

/// How long a lease is valid after the renewal was sent.
const LEASE: Duration = Duration::from_secs(6);

/// How often the leader renews, and others look.
const INTERVAL: Duration = Duration::from_millis(1_500);

/// How much longer than a lease a node waits before it takes over.
const MARGIN: Duration = Duration::from_millis(500);

const KEY: &str = "leader";

/// Whether this node is the leader.
#[derive(Clone)]
pub(crate) struct Leadership(Arc<Mutex<Role>>, watch::Sender<Option<u64>>);

enum Role {
    /// There is no other node.
    Alone,
    Follower,
    Leader {
        fence: u64,
        renewed: Stopwatch,
    },
}

impl Leadership {
    /// The leadership of a collector without a group.
    pub(crate) fn alone() -> Self {
        Self(Arc::new(Mutex::new(Role::Alone)), watch::Sender::new(Some(0)))
    }

    fn follower() -> Self {
        Self(Arc::new(Mutex::new(Role::Follower)), watch::Sender::new(None))
    }

    /// Returns the fencing number of the term if this node is the leader now; 0 without a group.
    pub(crate) fn fence(&self) -> Option<u64> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Role::Alone => Some(0),
            Role::Leader { fence, renewed } if renewed.elapsed() < LEASE => Some(*fence),
            Role::Leader { .. } | Role::Follower => None,
        }
    }

    /// Returns whether this node is the leader now.
    pub(crate) fn is_leader(&self) -> bool {
        self.fence().is_some()
    }

    /// Waits until this node is the leader, and returns the fencing number of the term.
    pub(crate) async fn lead(&self) -> u64 {
        let mut terms = self.1.subscribe();
        loop {
            if let Some(fence) = self.fence() {
                return fence;
            }
            // The sender lives as long as this value.
            let _ = terms.changed().await;
        }
    }

    /// Waits until this node's term with this fencing number has ended.
    pub(crate) async fn ended(&self, fence: u64) {
        let mut terms = self.1.subscribe();
        while self.fence() == Some(fence) {
            // The sender lives as long as this value.
            let _ = terms.changed().await;
        }
    }

    fn set(&self, role: Role) {
        let fence = if let Role::Leader { fence, .. } = role { Some(fence) } else { None };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = role;
        self.1.send_if_modified(|current| std::mem::replace(current, fence) != fence);
    }
}

/// What the key-value store holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No node has the lease.
    Free,
    /// A node has it, or had it until it stopped.
    Held { revision: u64 },
}

/// Takes part in the election.
pub(super) struct Candidate {
    log: JetStreamLog,
    status: ReplicaStatus,
    leadership: Leadership,
    name: Bytes,
    store: Option<Store>,
    outage: Outage,
    /// The revision of the own lease.
    own: Option<u64>,
    /// The revision of another node's lease, and since when it has not changed.
    other: Option<(u64, Stopwatch)>,
    /// Whether a node has had the lease since this one was started.
    has_seen_lease: bool,
}

impl Candidate {
    pub(super) fn new(log: JetStreamLog, status: ReplicaStatus) -> Self {
        let name = clock::random_hex::<8>().unwrap_or_default().into();
        Self {
            log,
            status,
            leadership: Leadership::follower(),
            name,
            store: None,
            outage: Outage::default(),
            own: None,
            other: None,
            has_seen_lease: false,
        }
    }

    pub(super) fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Takes part until `stop` is true, and releases the lease then.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if self.status.stopped().is_some() {
                self.release().await;
            } else {
                self.try_step().await;
            }
            if self.leadership.fence().is_none() && self.own.take().is_some() {
                tracing::warn!("this node is no longer the leader: it could not renew the lease");
                self.leadership.set(Role::Follower);
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.changed() => {}
            }
        }
        self.release().await;
    }

    async fn try_step(&mut self) {
        match self.step(Stopwatch::start()).await {
            Ok(()) => self.outage.ended(),
            Err(error) => {
                // Finds or creates the key-value store again: it may have been deleted.
                self.store = None;
                if self.outage.failed() {
                    tracing::warn!(%error, "this node cannot take part in the election of a leader; without one nothing is forwarded, and no event expires");
                }
            }
        }
    }

    async fn step(&mut self, sent: Stopwatch) -> Result<(), LogError> {
        if self.store.is_none() {
            self.store = Some(self.log.key_values().await?);
        }
        let Some(store) = self.store.clone() else { return Ok(()) };
        if let Some(revision) = self.own {
            let renewed = limited(store.update(KEY, self.name.clone(), revision)).await?;
            let revision = renewed.map_err(LogError::unavailable)?;
            if let Some(fence) = self.leadership.fence() {
                self.own = Some(revision);
                self.leadership.set(Role::Leader { fence, renewed: sent });
            }
            return Ok(());
        }
        let entry = limited(store.entry(KEY)).await?.map_err(LogError::unavailable)?;
        let found = match entry {
            Some(entry) if entry.operation == Operation::Put => Found::Held { revision: entry.revision },
            // A node has released it.
            Some(_) => Found::Free,
            // The key-value store was deleted, and the holder of the lease may still be the leader. Revisions begin at 1.
            None if self.has_seen_lease => Found::Held { revision: 0 },
            None => Found::Free,
        };
        self.has_seen_lease |= matches!(found, Found::Held { .. });
        let taken = match found {
            Found::Free => limited(store.create(KEY, self.name.clone())).await?.map_err(LogError::unavailable)?,
            Found::Held { revision } if self.is_expired(revision) => {
                limited(store.update(KEY, self.name.clone(), revision)).await?.map_err(LogError::unavailable)?
            }
            Found::Held { .. } => return Ok(()),
        };
        tracing::info!(fence = taken, "this node is the leader now");
        (self.own, self.other, self.has_seen_lease) = (Some(taken), None, true);
        self.leadership.set(Role::Leader { fence: taken, renewed: sent });
        Ok(())
    }

    /// Returns whether the lease with this revision was not renewed in the time after which its holder stops.
    fn is_expired(&mut self, revision: u64) -> bool {
        match self.other {
            Some((seen, since)) if seen == revision => since.elapsed() > LEASE + MARGIN,
            _ => {
                self.other = Some((revision, Stopwatch::start()));
                false
            }
        }
    }

    /// Gives the lease back, so that another node can take it at once.
    async fn release(&mut self) {
        self.leadership.set(Role::Follower);
        let Some(revision) = self.own.take() else { return };
        // There is none after a request that failed.
        let store = match self.store.clone() {
            Some(store) => Ok(store),
            None => self.log.key_values().await,
        };
        if let Ok(store) = store
            && let Ok(Ok(())) = limited(store.delete_expect_revision(KEY, Some(revision))).await
        {
            tracing::info!("this node has released the lease");
        }
    }
}

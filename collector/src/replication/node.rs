//! A node of a group: the tasks that publish, follow, elect and synchronise, from the start of the server to its end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{AbortHandle, JoinHandle};

use super::files::GroupFiles;
use super::flags::LogFlags;
use super::group_key::GroupKey;
use super::health::Health;
use super::jetstream::JetStreamLog;
use super::lease::{Candidate, Leadership};
use super::shared_value::SharedValue;
use super::{follower, membership, publisher};
use crate::clock::Stopwatch;
use crate::store::{Replica, Store, StoreError};

/// How long a start waits for the log, if it needs it.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it looks.
const START_POLL: Duration = Duration::from_millis(50);

/// How long the release of the lease may take.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// A running node.
pub(crate) struct Node {
    health: Arc<Health>,
    leadership: Leadership,
    key: GroupKey,
    log: JetStreamLog,
    /// The identity of the log, once this node follows it.
    group: Arc<OnceLock<String>>,
    folder: PathBuf,
    /// Held while the store is copied for a node that joins.
    copying: Arc<Semaphore>,
    /// How often the files were equal to the group's.
    file_rounds: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    election: Mutex<Option<JoinHandle<()>>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Node {
    /// Starts the tasks of a node. They wait for the log by themselves.
    pub(crate) async fn start(flags: &LogFlags, folder: &Path, store: Arc<Store>, replica: Replica) -> anyhow::Result<Arc<Self>> {
        let key = GroupKey::from_environment()?;
        let log = JetStreamLog::connect(flags).await?;
        let Replica { outbox, inbox, status, membership, is_empty } = replica;
        let health = Arc::new(Health::new(status));
        let candidate = Candidate::new(log.clone(), health.store().clone());
        let (rounds, file_rounds) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let node = Arc::new(Self {
            health: Arc::clone(&health),
            leadership: candidate.leadership(),
            key: key.clone(),
            log: log.clone(),
            group: Arc::default(),
            folder: folder.to_owned(),
            copying: Arc::new(Semaphore::new(1)),
            file_rounds,
            stop,
            election: Mutex::default(),
            tasks: Mutex::default(),
        });
        node.spawn(publisher::run(log.clone(), outbox, Arc::clone(&health)));
        let files = GroupFiles::new(folder, key.clone(), Arc::clone(&store));
        let own = Arc::downgrade(&node);
        node.spawn(async move {
            let mut member = membership::Candidate { store: &store, membership, is_empty, key_check: key.check() };
            let Some(after) = follower::connect(&log, &mut member, &inbox).await else { return };
            let Some(node) = own.upgrade() else { return };
            if let Some(membership) = member.membership.take() {
                let _ = node.group.set(membership.group);
            }
            let last = follower::Last { number: after, id: store.applied_entry(after).await.ok().flatten() };
            node.spawn(follower::follow(log.clone(), last, inbox, Arc::clone(&health)));
            node.spawn(follower::watch_lag(log, Arc::clone(&health)));
            node.spawn(async move {
                // Before it has caught up it would compare its files with older ones of the group.
                while health.is_ready().is_err() {
                    tokio::time::sleep(START_POLL).await;
                }
                files.run(rounds).await;
            });
            let election = tokio::spawn(candidate.run(stopped));
            *node.election.lock().unwrap_or_else(PoisonError::into_inner) = Some(election);
        });
        Ok(node)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task).abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Waits until the node has caught up, and its files are those of the group.
    pub(crate) async fn wait_until_synchronised(&self) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let mut wanted = None;
        loop {
            match self.health.is_ready() {
                // The files of an earlier round, and of the one in progress, may be those before the node had caught up.
                Ok(()) if *self.file_rounds.borrow() >= *wanted.get_or_insert(*self.file_rounds.borrow() + 2) => return Ok(()),
                Err(StoreError::LogStopped(reason)) => bail!(reason),
                result if watch.elapsed() > START_TIMEOUT => {
                    let missing =
                        || result.err().map_or_else(|| "projects and keys are not synchronised".into(), |error| error.to_string());
                    let reason = self.log.connected().err().map(|error| error.to_string());
                    let reason = reason.or_else(|| self.health.read_error()).unwrap_or_else(missing);
                    bail!("the first start of a node needs the log: {reason}");
                }
                _ => tokio::time::sleep(START_POLL).await,
            }
        }
    }

    /// Waits until files that were changed just now are those of the group.
    pub(crate) async fn wait_until_files_are_published(&self) -> anyhow::Result<()> {
        let mut rounds = self.file_rounds.clone();
        // The round in progress may have read a file before.
        let wanted = *rounds.borrow() + 2;
        let published = tokio::time::timeout(START_TIMEOUT, rounds.wait_for(|rounds| *rounds >= wanted)).await;
        if published.is_ok_and(|result| result.is_ok()) { Ok(()) } else { bail!("the log does not accept the first project") }
    }

    /// Returns whether a load balancer may send requests.
    pub(crate) fn is_ready(&self) -> Result<(), StoreError> {
        self.health.is_ready()
    }

    /// Returns the leadership of this node.
    pub(crate) fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// Returns a value that all nodes share.
    pub(crate) fn shared_value(&self, kind: &'static str, name: &str) -> SharedValue {
        SharedValue::new(self.log.clone(), Arc::clone(&self.group), kind, name)
    }

    /// Returns the key of the group.
    pub(crate) fn key(&self) -> &GroupKey {
        &self.key
    }

    /// Returns the data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a permit to copy the store, or None while it is copied.
    pub(crate) fn copy_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.copying).try_acquire_owned().ok()
    }

    /// Renders the metrics of the node.
    pub(crate) fn render(&self) -> String {
        self.health.render(self.leadership.fence())
    }

    /// Releases the lease and ends all tasks.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let election = self.election.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(election) = election {
            let _ = tokio::time::timeout(RELEASE_TIMEOUT, election).await;
        }
        self.abort();
    }

    fn abort(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.abort();
    }
}

//! The requests whose entries are on their way: published, and not applied yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::tasks::{Job, Outcome};

/// The jobs of each entry, by the entry's id.
#[derive(Clone, Default)]
pub(in crate::store) struct Pending(Arc<Mutex<HashMap<Uuid, Vec<Job>>>>);

impl Pending {
    fn jobs(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, id: Uuid, jobs: Vec<Job>) {
        self.jobs().insert(id, jobs);
    }

    /// Answers the requests of an entry that was applied.
    pub(in crate::store) fn complete(&self, id: &Uuid, outcomes: Vec<Outcome>) {
        let jobs = self.jobs().remove(id).unwrap_or_default();
        jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| job.respond(Ok(outcome)));
    }

    /// Answers the requests of an entry that is not acknowledged.
    pub(in crate::store) fn fail(&self, id: &Uuid, error: impl Fn() -> StoreError) {
        let jobs = self.jobs().remove(id).unwrap_or_default();
        jobs.into_iter().for_each(|job| job.respond(Err(error())));
    }

    /// Answers all requests, because no entry can be applied.
    pub(in crate::store) fn fail_all(&self, error: impl Fn() -> StoreError) {
        let all: Vec<_> = self.jobs().drain().collect();
        all.into_iter().flat_map(|(_, jobs)| jobs).for_each(|job| job.respond(Err(error())));
    }
}

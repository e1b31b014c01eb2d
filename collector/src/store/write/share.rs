//! The share of expensive tasks in the writer's time: while cheap tasks come, expensive ones pause after each transaction.
//!
//! The disk and the processors also serve what requests do before and after they are stored. Imports of records cause no pause: the owner
//! chooses when to import.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::store::tasks::{Job, Task};

/// How expensive requests share the writer with cheap ones. The default is for production.
#[derive(Clone, Copy, Debug)]
pub struct ExpensiveShare {
    /// While cheap requests come, expensive ones pause for this many times as long as their last transaction took, up to `max_wait`.
    pub pause_factor: u32,
    /// How long expensive requests wait if there are always cheap ones.
    pub max_wait: Duration,
    /// Cheap requests come as long as the last one was stored no longer ago than this.
    pub cheap_interval: Duration,
}

impl Default for ExpensiveShare {
    fn default() -> Self {
        Self { pause_factor: 4, max_wait: Duration::from_millis(50), cheap_interval: Duration::from_millis(100) }
    }
}

/// When which tasks were stored last.
pub(super) struct RecentTasks {
    share: ExpensiveShare,
    /// The time since the last transaction with expensive tasks, and how long that took; zero for imports of records.
    expensive: (Stopwatch, Duration),
    /// The time since the last transaction with cheap tasks.
    cheap: Option<Stopwatch>,
}

/// What a group of tasks has.
#[derive(Clone, Copy)]
pub(super) struct Contents {
    has_expensive: bool,
    has_cheap: bool,
    causes_pause: bool,
}

impl Contents {
    pub(super) fn of(group: &[Job]) -> Self {
        let has = |is_one: fn(&Task) -> bool| group.iter().any(|job| is_one(&job.task));
        Self {
            has_expensive: has(Task::is_expensive),
            // Health checks are no load.
            has_cheap: has(|task| !task.is_expensive() && !matches!(task, Task::Probe)),
            causes_pause: has(|task| task.is_expensive() && !task.is_import()),
        }
    }
}

impl RecentTasks {
    pub(super) fn new(share: ExpensiveShare) -> Self {
        Self { share, expensive: (Stopwatch::start(), Duration::ZERO), cheap: None }
    }

    /// Records a transaction that took this long.
    pub(super) fn stored(&mut self, contents: Contents, took: Duration) {
        if contents.has_expensive {
            self.expensive = (Stopwatch::start(), if contents.causes_pause { took } else { Duration::ZERO });
        }
        if contents.has_cheap {
            self.cheap = Some(Stopwatch::start());
        }
    }

    /// Returns whether expensive tasks have waited so long that the next transaction takes some beside cheap ones.
    pub(super) fn is_expensive_due(&self) -> bool {
        self.expensive.0.elapsed() >= self.share.max_wait
    }

    /// Returns whether expensive tasks pause, so that they take no more than their share.
    pub(super) fn is_expensive_pause(&self) -> bool {
        let ExpensiveShare { pause_factor, max_wait, .. } = self.share;
        let (since, took) = &self.expensive;
        let pause = took.saturating_mul(pause_factor).min(max_wait);
        self.has_cheap_load() && since.elapsed() < pause
    }

    /// Returns whether cheap tasks come: the last one was stored a short time ago.
    pub(super) fn has_cheap_load(&self) -> bool {
        self.cheap.is_some_and(|last| last.elapsed() <= self.share.cheap_interval)
    }
}

//! Background jobs: work that no request starts.

pub(crate) mod forward;
pub(crate) mod log_summary;
pub(crate) mod project_watch;
pub(crate) mod retention_schedule;

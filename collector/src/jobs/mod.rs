//! Background jobs: what the collector does without a request.

pub mod forward;
pub mod retention;

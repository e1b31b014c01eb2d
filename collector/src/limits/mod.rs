//! Limits on what clients may use: requests per second, connections, memory and processor time.

pub(crate) mod admission;
pub(crate) mod body_room;
pub(crate) mod client_key;
pub(crate) mod pool;
mod rate_limiter;
pub(crate) mod work_pool;

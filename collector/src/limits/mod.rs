//! Limits on what clients may use: requests per second and memory.

pub(crate) mod admission;
mod rate_limit_key;
mod rate_limiter;

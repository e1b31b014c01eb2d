//! Limits on what clients may ask for: how often, and with how much memory.

pub mod admission;
pub mod rate_limiter;

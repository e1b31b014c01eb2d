//! Admission control: rate limits per address and per project, and the memory that request bodies may use together.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::config::LimitFlags;
use crate::limits::rate_limit_key::{client_address, ip_rate_key};
use crate::limits::rate_limiter::RateLimiter;

/// The number of slots in the rate limiter of addresses.
const ADDRESS_SLOTS: usize = 1 << 16;

/// The number of slots in the rate limiter of projects.
const PROJECT_SLOTS: usize = 1 << 12;

/// Bodies up to this size reserve no memory. The number of connections bounds their total.
const MAX_UNRESERVED_BYTES: usize = 64 * 1024;

/// How much memory all larger bodies may use together, in KB.
const BODY_MEMORY_KB: usize = 256 * 1024;

/// Decides whether a request is admitted.
pub(crate) struct Admission {
    /// How long a client may take to send a body.
    pub(crate) body_timeout: Duration,
    /// How long a response may take to begin.
    pub(crate) response_timeout: Duration,
    addresses: RateLimiter,
    projects: RateLimiter,
    trusted_proxies: usize,
    memory: Arc<Semaphore>,
}

impl Admission {
    /// Returns admission control with the operator's limits.
    pub(crate) fn new(limits: &LimitFlags) -> Self {
        Self {
            body_timeout: limits.body_timeout,
            response_timeout: limits.answer_timeout,
            addresses: RateLimiter::new(limits.rate_per_address, ADDRESS_SLOTS),
            projects: RateLimiter::new(limits.rate_per_project, PROJECT_SLOTS),
            trusted_proxies: limits.trust_proxy,
            memory: Arc::new(Semaphore::new(BODY_MEMORY_KB)),
        }
    }

    /// Counts a request of the client's address. Requests from this machine are never limited: they come from the operator, or through a
    /// proxy without `--trust-proxy`, which gives all clients the same address.
    pub(crate) fn check_address(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Error> {
        let address = client_address(peer, headers, self.trusted_proxies);
        if address.is_loopback() {
            return Ok(());
        }
        self.addresses.check(ip_rate_key(address)).map_err(|seconds| Error::TooManyRequests { scope: "address", seconds })
    }

    /// Counts a request to the project with this number.
    pub(crate) fn check_project(&self, id: i64) -> Result<(), Error> {
        self.projects.check(id).map_err(|seconds| Error::TooManyRequests { scope: "project", seconds })
    }

    /// Reserves memory for a body of this size; small bodies need no reservation. Dropping the permit releases the memory.
    pub(crate) fn reserve_memory(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Error> {
        if bytes <= MAX_UNRESERVED_BYTES {
            return Ok(None);
        }
        let kilobytes = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        Arc::clone(&self.memory).try_acquire_many_owned(kilobytes).map(Some).map_err(|_| Error::QueueFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        limits: LimitFlags,
    }

    #[test]
    fn large_bodies_share_limited_memory() {
        let admission = Admission::new(&Flags::parse_from(["tillroll"]).limits);
        assert!(admission.reserve_memory(1000).unwrap().is_none());
        let reserved: Vec<_> = (0..1000).map_while(|_| admission.reserve_memory(5 << 20).ok()).collect();
        assert!((40..60).contains(&reserved.len()), "{}", reserved.len());
        drop(reserved);
        assert!(admission.reserve_memory(5 << 20).unwrap().is_some());
    }
}

//! Admission control: rate limits per address and per project, and the memory that request bodies may use together.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::Error;
use crate::config::LimitFlags;
use crate::limits::body_room::{BodyRoom, BodyRooms};
use crate::limits::client_key::ClientKey;
use crate::limits::rate_limiter::RateLimiter;
use crate::limits::work_pool::WorkPool;

/// The number of slots in the rate limiter of addresses.
const ADDRESS_SLOTS: usize = 1 << 16;

/// The number of slots in the rate limiter of projects.
const PROJECT_SLOTS: usize = 1 << 12;

/// Decides whether a request is admitted.
pub(crate) struct Admission {
    /// How long a client may take to send a body.
    pub(crate) body_timeout: Duration,
    /// How long a response may take to begin.
    pub(crate) response_timeout: Duration,
    addresses: RateLimiter,
    projects: RateLimiter,
    trusted_proxies: usize,
    bodies: BodyRooms,
    /// The threads for expensive work on bodies.
    pub(crate) work: WorkPool,
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
            bodies: BodyRooms::new(),
            work: WorkPool::start(),
        }
    }

    /// Returns how many proxies of our own are in front of the server.
    pub(crate) fn trusted_proxies(&self) -> usize {
        self.trusted_proxies
    }

    /// Returns the client that a request counts for.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientKey {
        ClientKey::of_request(peer, headers, self.trusted_proxies)
    }

    /// Counts a request of a client. Requests from this machine are never limited: they come from the operator, or through a proxy without
    /// `--trust-proxy`, which gives all clients the same address.
    pub(crate) fn check_address(&self, client: ClientKey) -> Result<(), Error> {
        if matches!(client, ClientKey::ThisMachine(_)) {
            return Ok(());
        }
        self.addresses.check(client).map_err(|seconds| Error::TooManyRequests { scope: "address", seconds })
    }

    /// Counts a request to the project with this number.
    pub(crate) fn check_project(&self, id: i64) -> Result<(), Error> {
        self.projects.check(id).map_err(|seconds| Error::TooManyRequests { scope: "project", seconds })
    }

    /// Returns the room of a body, which takes nothing yet. A sender is identified if it has shown a secret, or the token of a project.
    pub(crate) fn body_room(&self, client: ClientKey, is_identified: bool) -> BodyRoom {
        self.bodies.room(client, is_identified)
    }
}

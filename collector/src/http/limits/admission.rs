//! Who is let in: how often somebody may ask, and how much may be held of what is asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::config::LimitFlags;
use crate::http::limits::rate_limiter::{RateLimiter, ip_rate_key};

/// How many addresses are told apart.
const ADDRESSES: usize = 1 << 16;

/// How many projects are told apart.
const PROJECTS: usize = 1 << 12;

/// A body up to this size needs no room of its own; the number of connections bounds how much that can be.
const SMALL_BYTES: usize = 64 * 1024;

/// How much all larger bodies together may take, in KB.
const ROOM_KILOBYTES: usize = 256 * 1024;

/// Lets requests in.
pub struct Admission {
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long an answer may take to begin.
    pub answer_timeout: Duration,
    addresses: RateLimiter,
    projects: RateLimiter,
    trusted_proxies: usize,
    room: Arc<Semaphore>,
}

impl Admission {
    /// A gate with the operator's bounds.
    pub fn new(bounds: &LimitFlags) -> Self {
        Self {
            body_timeout: bounds.body_timeout,
            answer_timeout: bounds.answer_timeout,
            addresses: RateLimiter::new(bounds.rate_per_address, ADDRESSES),
            projects: RateLimiter::new(bounds.rate_per_project, PROJECTS),
            trusted_proxies: bounds.trust_proxy,
            room: Arc::new(Semaphore::new(ROOM_KILOBYTES)),
        }
    }

    /// Counts a request of the address `peer`, or of the one that our own proxies name.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Error> {
        let address = self.forwarded(headers).unwrap_or(peer).to_canonical();
        // On this machine there are the operator, and proxies behind which everybody has its address.
        if address.is_loopback() {
            return Ok(());
        }
        self.addresses.take(ip_rate_key(address)).map_err(|seconds| Error::TooManyRequests { who: "address", seconds })
    }

    /// Counts a request to the project with this number.
    pub fn project(&self, id: i64) -> Result<(), Error> {
        self.projects.take(id).map_err(|seconds| Error::TooManyRequests { who: "project", seconds })
    }

    /// Returns room for a body of this size, or None if it needs none. The room is given back when it is dropped.
    pub fn room(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Error> {
        if bytes <= SMALL_BYTES {
            return Ok(None);
        }
        let kilobytes = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        Arc::clone(&self.room).try_acquire_many_owned(kilobytes).map(Some).map_err(|_| Error::QueueFull)
    }

    /// Each proxy adds the address that it was asked from, so whatever stands before those of our own was made up by the client.
    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let back = self.trusted_proxies.checked_sub(1)?;
        let values: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let named = values.iter().rev().flat_map(|value| value.rsplit(',')).nth(back)?.trim();
        named.parse().ok().or_else(|| named.parse().ok().map(|address: std::net::SocketAddr| address.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Cli, Command};
    use clap::Parser;

    fn gate(flags: &[&str]) -> Admission {
        let Command::Serve(serve) = Cli::parse_from(["tillroll", "serve"].iter().chain(flags)).command else { panic!() };
        Admission::new(&serve.bounds)
    }

    #[test]
    fn only_what_our_proxies_added_is_believed() {
        let headers: HeaderMap = [("1.1.1.1, 2.2.2.2"), ("3.3.3.3:99,  2001:db8::1")]
            .into_iter()
            .map(|value| (axum::http::HeaderName::from_static("x-forwarded-for"), value.parse().unwrap()))
            .collect();
        for (flags, address) in [
            (&[][..], None),
            (&["--trust-proxy"], Some("2001:db8::1")),
            (&["--trust-proxy=2"], Some("3.3.3.3")),
            (&["--trust-proxy=4"], Some("1.1.1.1")),
            (&["--trust-proxy=5"], None),
        ] {
            assert_eq!(gate(flags).forwarded(&headers), address.map(|text| text.parse().unwrap()), "{flags:?}");
        }
    }

    #[test]
    fn large_bodies_share_a_room() {
        let gate = gate(&[]);
        assert!(gate.room(1000).unwrap().is_none());
        let held: Vec<_> = (0..1000).map_while(|_| gate.room(5 << 20).ok()).collect();
        assert!((40..60).contains(&held.len()), "{}", held.len());
        drop(held);
        assert!(gate.room(5 << 20).unwrap().is_some());
    }
}

//! The browser library's core: decides about calls and stores them until the collector acknowledges their events.
//!
//! # Data flow
//! The page makes a call. [`consent`] passes, delays or drops it. The [visitor context](tillroll_protocol::visitor_context) makes the decisions
//! about it, the [`queue`] stores both as one text, and the [`batcher`] selects the calls of a request. [`delivery`] decides when the request
//! starts, and [`backoff`] computes the delay after a failure. The [`tracker`] calls these steps in order and contains none of them.
//!
//! # Invariants
//! - Nothing is executed here: `Tracker::handle(now, input, host)` passes effects to the host, which executes them afterwards. Only `browser` uses a clock, a random source,
//!   storage or the network; it executes effects and decides nothing.
//! - The native build checks this: web crates are dependencies of the WebAssembly build only.
//! - The page writes decided calls and never reads them: a stored one is opaque text.
//! - Nothing here panics.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable))]

#[cfg(any(test, target_arch = "wasm32"))]
mod allocator;
#[macro_use]
mod numbered;

pub mod backoff;
pub mod batcher;
#[cfg(target_arch = "wasm32")]
mod browser;
pub mod consent;
pub mod delivery;
pub mod effect;
pub mod input;
pub mod queue;
pub mod tracker;

/// A time or a duration in milliseconds; times count from 1970.
pub type Millis = u64;

//! Tillroll in the page: what a shop's visitor did, kept until the collector has it.
//!
//! # The map
//! A page calls; the call becomes an event by what is remembered of the [`visit`](tillroll_protocol::visitor_context); the finished text waits in the [`queue`] until [`batcher`] makes a request of it; [`delivery`] decides when, and [`backoff`] how long
//! to wait after a failure; [`consent`] may hold all of it. The [`tracker`] orders these steps and contains none of them.
//!
//! # Invariants
//! - Effects are values: `Tracker::handle(now, input)` performs nothing and returns what is to be done. There is no clock, no chance, no
//!   storage and no network outside `browser`, which carries out and decides nothing.
//! - The native build proves it: web crates are dependencies of the WebAssembly build alone.
//! - The page writes and never reads back: a kept event is opaque text.
//! - Nothing here panics.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable))]

#[cfg(any(test, target_arch = "wasm32"))]
mod allocator;
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

/// A moment or a length of time in milliseconds; moments count from 1970.
pub type Millis = u64;

//! What goes over the wire between a page and the collector, defined once and used by both halves.
//!
//! A page, a shop's back end and a headless shop all say the same few things. [`kinds`] lists them as data; [`params`] turns what was
//! really written into what is stored; [`event`] and [`batch`] are the envelopes. Both halves run this code, so the collector never
//! believes something that the page would not have said.
//!
//! The crate depends on nobody, performs no effect and never panics.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod apis;
pub mod batch;
pub mod call;
pub mod calls_request;
pub mod cookies;
pub mod dyn_value;
pub mod email;
pub mod event;
pub mod event_types;
pub mod flat_format;
pub mod id;
pub mod json_writer;
pub mod limits;
pub mod number_text;
pub mod params;
pub mod str_bytes;
pub mod unchecked_event;
pub mod visitor_context;

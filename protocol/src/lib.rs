//! The wire format and the rules of events, defined once and used by the browser library and the collector.
//!
//! [`event_types`] is the table of event types; [`params`] parses parameters by it; [`event`] is the event itself.
//! [`visitor_context`] decides about calls, of which [`calls_request`] makes events. [`unchecked_event`] validates what any sender wrote.
//!
//! The crate depends on no other crate of the workspace, has no side effects and never panics.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod address_rule;
pub mod apis;
pub mod batch_response;
pub mod call;
pub mod call_check;
pub mod calls_request;
pub mod cookies;
pub mod decisions;
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
pub mod placeholder;
pub mod price_text;
pub mod receipt;
pub mod str_bytes;
pub mod unchecked_event;
pub mod visitor_context;

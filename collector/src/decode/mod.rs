//! Decoding: from the bytes of a request to valid events, or to the reasons why they are rejected. Pure.
//!
//! A body is accepted or rejected as a whole, and each of its events by itself, so that an invalid event never costs its batch.
//! Texts are borrowed from the body wherever they contain no escape sequence.

mod batch;
mod batch_event;
mod body_error;
mod calls;
#[cfg(test)]
mod changed_json;
mod event;
mod json_tree;
mod model;
pub mod rejection;
mod surrogates;
mod token;

pub use batch::{Batch, batch};
pub use batch_event::{BatchEvent, ParsedEvent};
pub use body_error::BodyError;
pub use calls::{call_events, calls, calls_token};
pub use event::{event, exported_event};
pub(crate) use json_tree::{Budget, Name, TreeSeed, type_of};
pub use json_tree::{JsonTree, JsonValue, TreeError, bad_field, check_limits, describe, parse_tree, type_name};
pub use model::{DecodedEvent, Text};
pub use surrogates::replace_lone_surrogates;
pub use token::{TokenScan, TokenScanner, scan_token};

//! From the bytes of `POST /v2/calls` to the texts of events; pure.
//!
//! A page that is left before its core has come says its calls as it recorded them. The protocol makes the events of them that the next
//! page would make, and from here on they are read as those of a batch: a page is believed no more because it was in a hurry.

use tillroll_protocol::calls_request::CallsRequest;
use tillroll_protocol::limits;

use crate::Error;

/// What a page said while it was being left.
#[derive(Debug)]
pub struct Invocation {
    /// The project's public token.
    pub token: String,
    /// The text of each event.
    pub events: Vec<String>,
}

/// Reads the body of a request.
pub fn read(body: &[u8]) -> Result<Invocation, Error> {
    let calls = std::str::from_utf8(body).ok().and_then(CallsRequest::parse);
    let calls = calls.ok_or(Error::BadField { field: "body", wanted: "calls as a page records them", found: "something else" })?;
    let token = calls.token.to_owned();
    let events = calls.into_events();
    match events.len() {
        found if found > limits::MAX_BATCH_EVENTS => Err(Error::TooManyEvents { found, limit: limits::MAX_BATCH_EVENTS }),
        _ => Ok(Invocation { token, events }),
    }
}

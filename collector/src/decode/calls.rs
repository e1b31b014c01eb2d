//! The body of `POST /v2/calls`: from its bytes to the texts of events.
//!
//! A page that closes before the core has loaded sends its calls as recorded. The protocol makes the same events of them that the next page
//! would make; from here on they are decoded and validated like those of a batch.

use tillroll_protocol::calls_request::CallsRequest;
use tillroll_protocol::limits;

use crate::decode::body_error::BodyError;

/// The body of `POST /v2/calls`.
#[derive(Debug)]
pub struct Calls {
    /// The project's public token.
    pub token: String,
    /// The JSON text of each event.
    pub events: Vec<String>,
}

/// Parses the body of a request.
pub fn calls(body: &[u8]) -> Result<Calls, BodyError> {
    let request = std::str::from_utf8(body).ok().and_then(CallsRequest::parse);
    let request = request.ok_or(BodyError::BadField { field: "body", wanted: "calls as a page records them", found: "something else" })?;
    let token = request.token.to_owned();
    let events = request.into_events();
    match events.len() {
        found if found > limits::MAX_BATCH_EVENTS => Err(BodyError::TooManyEvents { found, limit: limits::MAX_BATCH_EVENTS }),
        _ => Ok(Calls { token, events }),
    }
}

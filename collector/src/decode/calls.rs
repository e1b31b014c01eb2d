//! The body of `POST /v2/calls`: from its bytes to valid events, or to the reasons why they are rejected.
//!
//! The protocol makes the events of each call; they are validated like those of a batch. Decoding copies only the parameters, and its time is
//! proportional to the length of the body.

use tillroll_protocol::call_check::MAX_PARAMS_BYTES;
use tillroll_protocol::calls_request::{self, CallsError, CallsRequest, RecordedEvent};
use tillroll_protocol::limits;
use tillroll_protocol::receipt::Receipt;
use tillroll_protocol::unchecked_event::EventError;

use crate::decode::body_error::BodyError;
use crate::decode::event::event as decode_json;
use crate::decode::json_tree::shorten;
use crate::decode::model::{DecodedEvent, Text};
use crate::decode::rejection::{RejectReason, RejectedEvent};

/// Initial capacity of an event's parameters; most need less.
const PARAMS_BYTES: usize = 256;

const NOT_CALLS: BodyError = BodyError::BadField { field: "body", wanted: "calls as a page records them", found: "something else" };

/// Returns the token of a body, or of its beginning. Reads nothing behind the token.
pub fn calls_token(body: &[u8]) -> Result<&str, BodyError> {
    calls_request::token(body).ok_or(NOT_CALLS)
}

/// Parses the body of a request; its calls are not decoded yet.
pub fn calls(body: &[u8]) -> Result<CallsRequest<'_>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|_| NOT_CALLS)?;
    let request = CallsRequest::parse(text).map_err(|error| match error {
        CallsError::NoCalls => NOT_CALLS,
        CallsError::UnknownForm => BodyError::BadField {
            field: "form",
            wanted: "a form that this version of the collector reads: upgrade the collector",
            found: "another one",
        },
    })?;
    // Calls without an event take time too.
    match request.count() {
        found if found > limits::MAX_BATCH_EVENTS => Err(BodyError::TooManyEvents { found, limit: limits::MAX_BATCH_EVENTS }),
        _ => Ok(request),
    }
}

/// Decodes the calls of a request and passes their events to `take`, in order, until it returns false; `receipt` corrects
/// their times.
pub fn call_events(
    request: CallsRequest<'_>,
    receipt: &Receipt<'_>,
    mut take: impl FnMut(Result<DecodedEvent<Text<'_>>, RejectedEvent>) -> bool,
) -> Result<(), BodyError> {
    let mut found = 0;
    request.for_each_event(limits::MAX_EVENT_BYTES, |event| {
        found += 1;
        found <= limits::MAX_BATCH_EVENTS && take(decode(event, receipt))
    });
    if found > limits::MAX_BATCH_EVENTS {
        return Err(BodyError::TooManyEvents { found, limit: limits::MAX_BATCH_EVENTS });
    }
    Ok(())
}

/// Returns the reason for an entry that is no call.
fn no_call() -> RejectReason {
    RejectReason::BadField { field: "queue".into(), wanted: "calls, each with a type and a time in milliseconds", found: "something else" }
}

fn decode<'a>(event: RecordedEvent<'a>, receipt: &Receipt<'_>) -> Result<DecodedEvent<Text<'a>>, RejectedEvent> {
    let (key, event) = match event {
        RecordedEvent::Json(text) => return decode_json(text, receipt),
        RecordedEvent::NoCall => return Err(RejectedEvent::unnamed(no_call())),
        RecordedEvent::TooLarge { bytes } => return Err(RejectedEvent::unnamed(RejectReason::EventTooLarge(bytes))),
        RecordedEvent::Call { id, event } => (id, event),
    };
    let (kind, time) = (event.kind.clone(), event.time);
    let reason = match event.validate(receipt, String::with_capacity(PARAMS_BYTES)) {
        Ok(event) if event.params.len() <= MAX_PARAMS_BYTES => return Ok(DecodedEvent { key, event }),
        Ok(event) => RejectReason::EventTooLarge(event.params.len()),
        Err(EventError::UnknownType) => RejectReason::UnknownType(shorten(&kind).into()),
        Err(error) => error.into(),
    };
    Err(RejectedEvent { id: Some(key.to_string()), kind: Some(shorten(&kind).into()), time: Some(time), reason })
}

//! Makes the JSON of an event from a call, a visitor and a session.

use super::Session;
use crate::call::Call;
use crate::event::{Event, Visitor};
use crate::params::EventParams;
use crate::{apis, event_types, id, json_writer, limits, params};

/// Why a call is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The machine-readable code; never changes.
    pub reason: &'static str,
    /// The invalid parameter, if there is one.
    pub field: &'static str,
}

/// The index in a call's seed of the digits for the id of its event.
const CALL_SEED_START: usize = 0;

/// The index in a call's seed of the digits for the id of a `land` event before it.
const LAND_SEED_START: usize = 21;

/// The type of the event that starts a session.
pub(super) const LAND: &str = "land";

/// The type of a call that makes such an event within a session: the visitor returned from outside the shop.
pub(super) const ARRIVAL: &str = "arrival";

/// The largest parameters with which an event stays below [`limits::MAX_EVENT_BYTES`].
const MAX_PARAMS_BYTES: usize = limits::MAX_EVENT_BYTES - 32 * limits::KIB;

/// Returns the parameters of the event of a call. `changes` are those of a basket as JSON, or empty.
pub(super) fn parameters(call: &Call<'_>, changes: &str) -> Result<EventParams, CallError> {
    let Some(event_type) = event_types::find(call.kind) else { return Err(CallError { reason: "unknown_type", field: "type" }) };
    let EventParams(mut text) = params::parse(event_type, call.params, call.page.url)
        .map_err(|missing| CallError { reason: "meaningless", field: missing.name })?;
    if !changes.is_empty() {
        text.pop();
        json_writer::push_key(&mut text, "changes");
        text.push_str(changes);
        json_writer::push_ascii(&mut text, b'}');
    }
    if text.len() > MAX_PARAMS_BYTES { Err(CallError { reason: "too_large", field: "params" }) } else { Ok(EventParams(text)) }
}

/// Returns the event of a call as JSON.
pub(super) fn text(call: &Call<'_>, params: EventParams, visitor: Visitor<&str>, session: &Session) -> String {
    write(call, CALL_SEED_START, params, visitor, session)
}

/// Returns the `land` event before `call` as JSON.
pub(super) fn landing(call: &Call<'_>, visitor: Visitor<&str>, session: &Session) -> String {
    let mut params = String::new();
    json_writer::push_ascii(&mut params, b'{');
    json_writer::push_field(&mut params, "current_url", call.page.url);
    json_writer::push_field(&mut params, "source_url", call.page.referrer);
    json_writer::push_ascii(&mut params, b'}');
    let landing = Call { kind: LAND, api: apis::TILLROLL, ..*call };
    write(&landing, LAND_SEED_START, EventParams(params), visitor, session)
}

fn write(call: &Call<'_>, seed_start: usize, params: EventParams, visitor: Visitor<&str>, session: &Session) -> String {
    let event = Event {
        id: id::uuid_v7(call.time, call.seed, seed_start),
        kind: call.kind,
        api: call.api,
        time: call.time,
        visitor,
        session_id: Some(session.id()),
        store_id: Some(session.store()).filter(|store| !store.is_empty()),
        page: call.page,
        params,
    };
    let mut text = String::new();
    event.write(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat_format::FlatValue;

    fn call<'a>(kind: &'a str, params: &'a str) -> Call<'a> {
        const SEED: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
        Call { time: 5, seed: SEED, api: "shop", kind, page: Default::default(), store: "", params: FlatValue::new(params) }
    }

    #[test]
    fn unknown_type_and_missing_param_are_rejected() {
        assert_eq!(parameters(&call("nonsense", "z"), "").unwrap_err().reason, "unknown_type");
        assert_eq!(parameters(&call("category_view", "z"), "").unwrap_err(), CallError { reason: "meaningless", field: "id" });
    }

    #[test]
    fn event_above_the_size_limit_is_rejected() {
        let lines = format!("${}\u{1f}", "x".repeat(8_000)).repeat(8);
        let params = format!("{{:name\u{1f}$n\u{1f}:data\u{1f}[{lines}]}}");
        assert_eq!(parameters(&call("custom", &params), "").unwrap_err().reason, "too_large");
    }

    #[test]
    fn call_and_its_land_event_have_different_ids() {
        let call = call("checkout", "z");
        let visitor = Visitor::Id("v");
        let landing = landing(&call, visitor, &Session::default());
        let params = parameters(&call, "").unwrap();
        let event = text(&call, params, visitor, &Session::default());
        assert_ne!(landing.get(..45), event.get(..45));
    }
}

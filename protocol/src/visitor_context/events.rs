//! From a call, a visitor and a session to a finished event.

use super::Session;
use crate::call::Call;
use crate::event::{Event, Visitor};
use crate::params::EventParams;
use crate::{apis, event_types, id, json_writer, limits, params};

/// Why a call becomes no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallError {
    /// A word that programs may rely on.
    pub reason: &'static str,
    /// The parameter that is missing, where it is one.
    pub field: &'static str,
}

/// Of a call's seed, the digits that make its event's id begin here.
const CALL_SEED: usize = 0;

/// Of a call's seed, the digits that make the id of a landing begin here, where the call opens a visit.
const LAND_SEED: usize = 21;

/// The kind of the event that opens a visit.
pub(super) const LAND: &str = "land";

/// The kind of a call that asks for such an event though the visit goes on: the visitor came back from outside the shop.
pub(super) const ARRIVAL: &str = "arrival";

/// The most bytes that the parameters of an event may have, so that the whole stays below [`limits::MAX_EVENT_BYTES`].
const MOST: usize = limits::MAX_EVENT_BYTES - 32 * limits::KIB;

/// Returns the parameters of the event that a call asks for, as they will be stored. `changes` are those of a basket, or empty.
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
    if text.len() > MOST { Err(CallError { reason: "too_large", field: "params" }) } else { Ok(EventParams(text)) }
}

/// Returns the event of a call as text.
pub(super) fn text(call: &Call<'_>, params: EventParams, visitor: Visitor<&str>, session: &Session) -> String {
    write(call, CALL_SEED, params, visitor, session)
}

/// Returns the event that opens the visit in which `call` is the first, as text.
pub(super) fn landing(call: &Call<'_>, visitor: Visitor<&str>, session: &Session) -> String {
    let mut params = String::new();
    json_writer::push_ascii(&mut params, b'{');
    json_writer::push_field(&mut params, "current_url", call.page.url);
    json_writer::push_field(&mut params, "source_url", call.page.referrer);
    json_writer::push_ascii(&mut params, b'}');
    let landing = Call { kind: LAND, api: apis::TILLROLL, ..*call };
    write(&landing, LAND_SEED, EventParams(params), visitor, session)
}

fn write(call: &Call<'_>, from: usize, params: EventParams, visitor: Visitor<&str>, session: &Session) -> String {
    let event = Event {
        id: id::uuid_v7(call.time, call.seed, from),
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
    fn what_no_table_knows_is_refused() {
        assert_eq!(parameters(&call("nonsense", "z"), "").unwrap_err().reason, "unknown_type");
        assert_eq!(parameters(&call("category_view", "z"), "").unwrap_err(), CallError { reason: "meaningless", field: "id" });
    }

    #[test]
    fn more_than_the_collector_would_take_is_refused() {
        let lines = format!("${}\u{1f}", "x".repeat(8_000)).repeat(8);
        let params = format!("{{:name\u{1f}$n\u{1f}:data\u{1f}[{lines}]}}");
        assert_eq!(parameters(&call("custom", &params), "").unwrap_err().reason, "too_large");
    }

    #[test]
    fn a_call_and_the_landing_before_it_have_ids_of_their_own() {
        let call = call("checkout", "z");
        let visitor = Visitor::Id("v");
        let landing = landing(&call, visitor, &Session::default());
        let params = parameters(&call, "").unwrap();
        let event = text(&call, params, visitor, &Session::default());
        assert_ne!(landing.get(..45), event.get(..45));
    }
}

//! From a call, a visitor and a visit to a finished event.

use tillroll_protocol::call::Call;
use tillroll_protocol::event::{Event, Visitor};
use tillroll_protocol::{id, kinds, limits, params};

/// Why a call becomes no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word that programs may rely on.
    pub reason: &'static str,
    /// The parameter that is missing, where it is one.
    pub field: &'static str,
}

/// Of a call's seed, the digits that make its event's id begin here.
pub const CALL_SEED: usize = 0;

/// Of a call's seed, the digits that make the id of a landing begin here, where the call opens a visit.
pub const LAND_SEED: usize = 21;

/// The kind of the event that opens a visit.
pub const LAND: &str = "land";

/// Whose words the automatic events are.
const OWN_API: &str = "tillroll";

/// Returns the parameters of the event that a call asks for, as they will be stored.
pub fn parameters(call: &Call) -> Result<String, Refusal> {
    let kind = kinds::find(&call.kind).ok_or(Refusal { reason: "unknown_type", field: "type" })?;
    let text = params::read(kind, &call.params, &call.page.url);
    let text = text.map_err(|fault| Refusal { reason: "meaningless", field: fault.field })?;
    if text.len() > limits::EVENT_BYTES - 32 * limits::KB {
        return Err(Refusal { reason: "too_large", field: "params" });
    }
    Ok(text)
}

/// Returns the event of a call as text.
pub fn text(call: Call, params: String, visitor: Visitor, session_id: &str) -> String {
    let id = id::uuid(call.time, &call.seed, CALL_SEED);
    write(Event {
        id,
        kind: call.kind,
        api: call.api,
        time: call.time,
        visitor,
        session_id: Some(session_id.into()),
        store_id: None,
        page: call.page,
        params,
    })
}

/// Returns the event that opens the visit in which `call` is the first, as text.
pub fn landing(call: &Call, visitor: Visitor, session_id: &str) -> String {
    let mut params = String::from("{");
    tillroll_protocol::json::member(&mut params, "current_url", &call.page.url);
    tillroll_protocol::json::member(&mut params, "source_url", &call.page.referrer);
    params.push('}');
    write(Event {
        id: id::uuid(call.time, &call.seed, LAND_SEED),
        kind: LAND.into(),
        api: OWN_API.into(),
        time: call.time,
        visitor,
        session_id: Some(session_id.into()),
        store_id: None,
        page: call.page.clone(),
        params,
    })
}

fn write(event: Event) -> String {
    let mut text = String::new();
    event.write(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tillroll_protocol::loose::Loose;

    fn call(kind: &str, params: Loose) -> Call {
        Call { time: 5, seed: "0f".repeat(21), api: "shop".into(), kind: kind.into(), page: Default::default(), params }
    }

    #[test]
    fn what_no_table_knows_is_refused() {
        assert_eq!(parameters(&call("nonsense", Loose::Nothing)).unwrap_err().reason, "unknown_type");
        assert_eq!(parameters(&call("category_view", Loose::Nothing)).unwrap_err(), Refusal { reason: "meaningless", field: "id" });
    }

    #[test]
    fn more_than_the_collector_would_take_is_refused() {
        let lines = vec![Loose::Text("x".repeat(8_000)); 8];
        let params = Loose::Object(vec![("name".into(), Loose::Text("n".into())), ("data".into(), Loose::List(lines))]);
        assert_eq!(parameters(&call("custom", params)).unwrap_err().reason, "too_large");
    }

    #[test]
    fn a_call_and_the_landing_before_it_have_ids_of_their_own() {
        let call = call("checkout", Loose::Nothing);
        let visitor = Visitor::Id("v".into());
        let landing = landing(&call, visitor.clone(), "s");
        let params = parameters(&call).unwrap();
        let event = text(call, params, visitor, "s");
        assert_ne!(landing.get(..45), event.get(..45));
    }
}

//! The body of `POST /v2/calls`: the calls of a page that closed before its core had loaded.
//!
//! The body is one object in the [flat format](crate::flat_format): the saved state with which the core would have started, and the recorded
//! calls, `land` first. The collector makes the same events, with the same ids, as the next page would.

use crate::call::Call;
use crate::dyn_value::{ReadValue, ValueKind};
use crate::flat_format::{Entries, FlatValue};
use crate::limits;
use crate::visitor_context::VisitorContext;

/// The calls of a page, and the saved state when they were made.
#[derive(Clone, Debug)]
pub struct CallsRequest<'a> {
    /// The project's public token.
    pub token: &'a str,
    /// Who, and which context.
    pub context: VisitorContext,
    /// The calls, in order.
    calls: Entries<'a>,
}

impl<'a> CallsRequest<'a> {
    /// Parses the body of a request; returns None if it has no list of calls.
    pub fn parse(body: &'a str) -> Option<Self> {
        let page = FlatValue::new(body);
        let calls = page.get("calls");
        let context = VisitorContext::load(page.text("made"), page.text("visitor"), page.text("session"), page.text("notes"));
        matches!(calls.kind(), ValueKind::List).then(|| Self { token: page.text("token"), context, calls: calls.entries() })
    }

    /// Returns the events of the calls as JSON, in order. Invalid and duplicate calls give none.
    ///
    /// A short call makes a long event, so the result is limited to one event more than a batch may hold.
    pub fn into_events(self) -> Vec<String> {
        let mut context = self.context;
        let outcome = self.calls.filter_map(|(_, record)| Call::from_flat(record)).filter_map(|call| context.process_call(&call).ok());
        outcome.flat_map(|outcome| [outcome.landing, outcome.event]).flatten().take(limits::MAX_BATCH_EVENTS + 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: &str, seed: &str, params: &str) -> String {
        let texts = [("type", kind), ("seed", seed), ("api", "shop"), ("url", "https://x/")];
        let members: String = texts.iter().map(|(name, text)| format!(":{name}\u{1f}${text}\u{1f}")).collect();
        format!("{{:time\u{1f}#1518004715732\u{1f}{members}:params\u{1f}{params}}}")
    }

    fn body(calls: &[String]) -> String {
        format!("{{:token\u{1f}$t\u{1f}:visitor\u{1f}$5f2\u{1f}:calls\u{1f}[{}]}}", calls.concat())
    }

    #[test]
    fn events_equal_those_that_the_next_page_would_make() {
        let calls = [call("land", "0a", "{}"), call("nonsense", "0b", "{}"), call("checkout", "0c", "{}")];
        let mut next = VisitorContext::load("", "5f2", "", "");
        let outcome: Vec<_> = calls.iter().filter_map(|text| next.process_call(&Call::parse(text)?).ok()).collect();
        let expected: Vec<_> = outcome.into_iter().flat_map(|outcome| [outcome.landing, outcome.event]).flatten().collect();
        let body = body(&calls);
        let read = CallsRequest::parse(&body).unwrap();
        assert_eq!(read.token, "t");
        let events = read.into_events();
        assert_eq!(events, expected);
        assert_eq!(events.len(), 2);
        assert!(events[0].contains("\"type\":\"land\"") && events[1].contains("\"type\":\"checkout\""), "{events:?}");
        assert!(events.iter().all(|event| event.contains("\"visitorId\":\"5f2\"")), "{events:?}");
    }

    #[test]
    fn other_body_is_none() {
        for body in ["", "z", "{}", "{\"token\":\"t\",\"calls\":[]}", "{:calls\u{1f}{}}"] {
            assert!(CallsRequest::parse(body).is_none(), "{body}");
        }
        assert!(CallsRequest::parse(&body(&["$x\u{1f}".into(), "{}".into()])).unwrap().into_events().is_empty());
    }
}

//! The visitor context: identity, session and deduplication state. It turns calls into events.
//!
//! The same context and the same calls give the same events with the same ids. Calls are processed by the page's core, by the next page
//! (calls that were stored), and by the collector (calls of a page that closed before its core had loaded).

mod basket_diff;
mod dedup;
mod events;
mod identity;
mod session;

pub use dedup::DedupState;
pub use events::CallError;
pub use identity::Identity;
pub use session::{SESSION_TIMEOUT_MS, Session, WRITE_INTERVAL_MS};

use crate::call::Call;
use crate::email;
use crate::event::Visitor;
use crate::params::EventParams;

/// Identity, session and deduplication state of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorContext {
    /// The identity of the visitor.
    pub identity: Identity,
    /// The current session.
    pub session: Session,
    /// The deduplication state.
    pub dedup: DedupState,
}

/// The result of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOutcome {
    /// The `land` event before it, as JSON, if the call starts a session or is an arrival.
    pub landing: Option<String>,
    /// The event of the call, as JSON; None for a duplicate or a `land` call.
    pub event: Option<String>,
    /// Whether the identity has changed and must be saved.
    pub is_identity_changed: bool,
    /// Whether the deduplication state has changed and must be saved.
    pub is_dedup_changed: bool,
}

impl VisitorContext {
    /// Returns the context of the saved state: `visitor` and `session` from the cookies, `dedup` from local storage. `server_id` is an id from
    /// the shop's server for a visitor without one. Each text may be empty.
    pub fn load(server_id: &str, visitor: &str, session: &str, dedup: &str) -> Self {
        let mut context = Self { identity: Identity::load(server_id), ..Self::default() };
        context.reload(visitor, session, dedup);
        context
    }

    /// Loads the saved state again, which another tab may have changed. An empty visitor or session changes nothing.
    pub fn reload(&mut self, visitor: &str, session: &str, dedup: &str) {
        self.identity.load_cookie(visitor);
        self.session.merge(Session::load(session));
        self.dedup = DedupState::load(dedup);
    }

    /// Processes a call: makes its events and updates the context. An invalid call changes nothing. A call of type `land` or `arrival` has no
    /// event besides the `land` event.
    pub fn process_call(&mut self, call: &Call<'_>) -> Result<CallOutcome, CallError> {
        let result = self.dedup.check(call);
        let params = if matches!(call.kind, events::LAND | events::ARRIVAL) {
            EventParams::default()
        } else {
            events::parameters(call, &result.changes)?
        };
        let is_new = self.identity.ensure_id(call.seed);
        let landing = self.touch_session(call);
        let email = if call.kind == "identify" { email::normalise(call.params.text("email")) } else { None };
        let was_identified = matches!(self.identity, Identity::Known(_));
        let linked = email.and_then(|email| self.identity.identify(email, call.seed));
        let is_dropped = params.is_empty() || (result.is_duplicate && linked.is_none());
        let visitor = linked.as_deref().map_or(self.identity.visitor(), Visitor::Id);
        let event = (!is_dropped).then(|| events::text(call, params, visitor, &self.session));
        // Another person starts with an empty deduplication state.
        let is_other_person = was_identified && linked.is_some();
        let is_dedup_changed = is_other_person || !result.state.is_empty();
        if is_dedup_changed {
            self.dedup = if is_other_person { DedupState::default() } else { DedupState(result.state) };
        }
        Ok(CallOutcome { landing, event, is_identity_changed: is_new || linked.is_some(), is_dedup_changed })
    }

    /// Starts a new anonymous visitor with an empty deduplication state.
    pub fn reset(&mut self, seed: &str) {
        self.identity.reset(seed);
        self.dedup = DedupState::default();
    }

    /// Records the activity of a call; returns the `land` event if the call starts a session or is an arrival.
    fn touch_session(&mut self, call: &Call<'_>) -> Option<String> {
        let is_new = self.session.touch(call.time, call.seed);
        self.session.set_store(call.store);
        (is_new || call.kind == events::ARRIVAL).then(|| events::landing(call, self.identity.visitor(), &self.session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat_format::FlatValue;

    fn call<'a>(seed: &'a str, kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed, api: "shop", kind, page: Default::default(), store: "", params: FlatValue::new(params) }
    }

    #[test]
    fn first_call_starts_the_session_and_sets_the_identity() {
        let mut context = VisitorContext::default();
        let outcome = context.process_call(&call("0a", "checkout", "z")).unwrap();
        assert!(outcome.landing.is_some() && outcome.event.is_some() && outcome.is_identity_changed);
        let outcome = context.process_call(&call("0b", "checkout", "z")).unwrap();
        assert!(outcome.landing.is_none() && outcome.event.is_some() && !outcome.is_identity_changed);
    }

    #[test]
    fn repeated_identify_gives_no_event() {
        let mut context = VisitorContext::default();
        let params = "{:email\u{1f}$a@x.com}";
        assert!(context.process_call(&call("0a", "identify", params)).unwrap().event.is_some());
        let outcome = context.process_call(&call("0b", "identify", params)).unwrap();
        assert_eq!(outcome, CallOutcome::default());
    }

    #[test]
    fn rejected_call_changes_nothing() {
        let mut context = VisitorContext::default();
        assert_eq!(context.process_call(&call("0a", "nonsense", "z")).unwrap_err().reason, "unknown_type");
        assert_eq!(context, VisitorContext::default());
    }

    #[test]
    fn same_context_and_calls_give_the_same_events() {
        let (mut page, mut collector) = (VisitorContext::default(), VisitorContext::default());
        for (seed, kind) in [("0a", "land"), ("0b", "checkout")] {
            let call = call(seed, kind, "z");
            assert_eq!(page.process_call(&call), collector.process_call(&call));
        }
    }

    const BASKET: &str = "{:total\u{1f}$100\u{1f}:lines\u{1f}[{:product_id\u{1f}$12345\u{1f}}{:product_id\u{1f}$12365\u{1f}}]}";
    const ORDER: &str = "{:order_id\u{1f}#1001\u{1f}}";
    const PROFILE: &str = "{:profile_id\u{1f}$p1\u{1f}}";

    /// The saved state of a browser.
    #[derive(Default)]
    struct Browser {
        saved: [String; 3],
        calls: u64,
    }

    impl Browser {
        /// Opens a page and makes calls; returns the types of its events.
        fn page(&mut self, time: u64, calls: &[(&str, &str)]) -> Vec<String> {
            let mut context = VisitorContext::default();
            let mut kinds = Vec::new();
            for (kind, params) in [&[("land", "z")], calls].concat() {
                context.reload(&self.saved[0], &self.saved[1], &self.saved[2]);
                self.calls += 1;
                let seed = format!("{:042x}", self.calls);
                let outcome = context.process_call(&Call { time, ..call(&seed, kind, params) }).unwrap();
                for event in [outcome.landing, outcome.event].into_iter().flatten() {
                    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
                    kinds.push(event["type"].as_str().unwrap().to_owned());
                }
                if let Some(session) = context.session.take_dirty(true) {
                    self.saved[1] = session;
                }
                self.saved[0] = context.identity.cookie_value().into();
                self.saved[2] = context.dedup.text().into();
            }
            kinds
        }
    }

    #[test]
    fn repeated_call_on_the_next_page_gives_no_event() {
        let mut browser = Browser::default();
        let product = [("product_view", "{:product_id\u{1f}$11111\u{1f}}"), ("identify", PROFILE), ("basket_update", BASKET)];
        let thanks = [("page_view", "{:url\u{1f}$/thanks\u{1f}}"), ("identify", PROFILE), ("basket_update", BASKET), ("order", ORDER)];
        assert_eq!(browser.page(5, &product), ["land", "product_view", "identify", "basket_update"]);
        assert_eq!(browser.page(6, &thanks), ["page_view", "order"]);
        assert_eq!(browser.page(7, &product), ["product_view"]);
        assert_eq!(browser.page(8 + SESSION_TIMEOUT_MS, &thanks), ["land", "page_view"], "nor in the next session");
        assert_eq!(browser.page(9 + SESSION_TIMEOUT_MS, &[("basket_update", "{:lines\u{1f}[]}")]), ["basket_update"]);
    }

    #[test]
    fn first_empty_basket_gives_no_event() {
        assert_eq!(Browser::default().page(5, &[("basket_update", "{:lines\u{1f}[]}")]), ["land"]);
    }

    #[test]
    fn another_person_starts_with_an_empty_dedup_state() {
        let mut browser = Browser::default();
        let identify = |name: &str| format!("{{:email\u{1f}${name}@x.com\u{1f}}}");
        let (a, b) = (identify("a"), identify("b"));
        assert_eq!(browser.page(5, &[("basket_update", BASKET), ("identify", &a)]), ["land", "basket_update", "identify"]);
        assert_eq!(browser.page(6, &[("basket_update", BASKET)]), [""; 0], "an identified visitor keeps the dedup state");
        assert_eq!(browser.page(7, &[("identify", &b), ("basket_update", BASKET)]), ["identify", "basket_update"]);
    }

    #[test]
    fn arrival_within_a_session_gives_a_land_event() {
        let mut context = VisitorContext::default();
        context.process_call(&call("0a", "land", "z")).unwrap();
        let session = context.session.id().to_owned();
        assert_eq!(context.process_call(&call("0b", "land", "z")).unwrap(), CallOutcome::default());
        assert!(context.process_call(&call("0c", "arrival", "z")).unwrap().landing.is_some_and(|event| event.contains(&session)));
        assert_eq!(context.session.id(), session);
    }

    #[test]
    fn store_is_kept_for_the_session_until_another_is_set() {
        let store = |context: &mut VisitorContext, time, store| {
            let outcome = context.process_call(&Call { time, store, ..call("0a", "checkout", "z") }).unwrap();
            let event: serde_json::Value = serde_json::from_str(&outcome.event.unwrap()).unwrap();
            let mut next = VisitorContext::default();
            next.reload("", &context.session.take_dirty(true).unwrap_or_default(), "");
            if !next.session.id().is_empty() {
                *context = next;
            }
            event["storeId"].as_str().map(ToOwned::to_owned)
        };
        let mut context = VisitorContext::default();
        assert_eq!(store(&mut context, 1, ""), None);
        for (set, expected) in [("uk", "uk"), ("", "uk"), ("a&sid=é=1", "a&sid=é=1"), ("", "a&sid=é=1")] {
            assert_eq!(store(&mut context, 2, set).as_deref(), Some(expected));
        }
        assert_eq!(store(&mut context, 3 + SESSION_TIMEOUT_MS, ""), None);
    }
}

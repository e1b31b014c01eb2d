//! What a browser remembers of its visitor, and the events that calls become with it.
//!
//! Whoever has the same memory and the same calls makes the same events, to the id: the page's core, the next page for calls that waited
//! in storage, and the collector for calls that a page handed over before its core was there.

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

/// The memory: who, which visit, and what need not be said again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorContext {
    /// Who the visitor is.
    pub identity: Identity,
    /// The visit that goes on.
    pub session: Session,
    /// What was said before.
    pub dedup: DedupState,
}

/// What became of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOutcome {
    /// The event before it, where the call opens a visit or tells of an arrival.
    pub landing: Option<String>,
    /// The call's own event; None where the call says nothing new.
    pub event: Option<String>,
    /// Whether the visitor's name is another now and wants to be remembered.
    pub is_identity_changed: bool,
    /// Whether the dedup are others now and want to be remembered.
    pub is_dedup_changed: bool,
}

impl VisitorContext {
    /// Returns what a browser remembers: `visitor` and `session` as the cookies have them, `dedup` as [`DedupState`] writes them, and `server_id`, an id
    /// that the shop's server server_id for a visitor without one; empty texts where there is nothing.
    pub fn load(server_id: &str, visitor: &str, session: &str, dedup: &str) -> Self {
        let mut visit = Self { identity: Identity::load(server_id), ..Self::default() };
        visit.reload(visitor, session, dedup);
        visit
    }

    /// Takes over what the browser remembers; who or which visit may be empty, which says nothing.
    pub fn reload(&mut self, visitor: &str, session: &str, dedup: &str) {
        self.identity.load_cookie(visitor);
        self.session.merge(Session::load(session));
        self.dedup = DedupState::load(dedup);
    }

    /// Makes the events of a call, and remembers what it says. A call that is refused changes nothing; one whose kind is a landing only
    /// opens the visit.
    pub fn process_call(&mut self, call: &Call<'_>) -> Result<CallOutcome, CallError> {
        let result = self.dedup.check(call);
        let params = if matches!(call.kind, events::LAND | events::ARRIVAL) {
            EventParams::default()
        } else {
            events::parameters(call, &result.changes)?
        };
        let is_new = self.identity.ensure_id(call.seed);
        let landing = self.open_session(call);
        let email = if call.kind == "identify" { email::normalise(call.params.text("email")) } else { None };
        let was_known = matches!(self.identity, Identity::Known(_));
        let linked = email.and_then(|email| self.identity.identify(email, call.seed));
        let is_silent = params.is_empty() || (result.is_duplicate && linked.is_none());
        let visitor = linked.as_deref().map_or(self.identity.visitor(), Visitor::Id);
        let event = (!is_silent).then(|| events::text(call, params, visitor, &self.session));
        // Another person at the same computer has said nothing yet.
        let is_other = was_known && linked.is_some();
        let is_dedup_changed = is_other || !result.state.is_empty();
        if is_dedup_changed {
            self.dedup = if is_other { DedupState::default() } else { DedupState(result.state) };
        }
        Ok(CallOutcome { landing, event, is_identity_changed: is_new || linked.is_some(), is_dedup_changed })
    }

    /// Makes the visitor a new anonymous one, who has said nothing yet.
    pub fn reset(&mut self, seed: &str) {
        self.identity.reset(seed);
        self.dedup = DedupState::default();
    }

    /// Takes note of when and where a call was server_id; returns the landing that it brings.
    fn open_session(&mut self, call: &Call<'_>) -> Option<String> {
        let opens = self.session.touch(call.time, call.seed);
        self.session.set_store(call.store);
        (opens || call.kind == events::ARRIVAL).then(|| events::landing(call, self.identity.visitor(), &self.session))
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
    fn the_first_call_opens_the_visit_and_names_the_visitor() {
        let mut visit = VisitorContext::default();
        let outcome = visit.process_call(&call("0a", "checkout", "z")).unwrap();
        assert!(outcome.landing.is_some() && outcome.event.is_some() && outcome.is_identity_changed);
        let outcome = visit.process_call(&call("0b", "checkout", "z")).unwrap();
        assert!(outcome.landing.is_none() && outcome.event.is_some() && !outcome.is_identity_changed);
    }

    #[test]
    fn who_is_known_is_not_told_again() {
        let mut visit = VisitorContext::default();
        let params = "{:email\u{1f}$a@x.com}";
        assert!(visit.process_call(&call("0a", "identify", params)).unwrap().event.is_some());
        let outcome = visit.process_call(&call("0b", "identify", params)).unwrap();
        assert_eq!(outcome, CallOutcome::default());
    }

    #[test]
    fn what_is_refused_is_not_remembered() {
        let mut visit = VisitorContext::default();
        assert_eq!(visit.process_call(&call("0a", "nonsense", "z")).unwrap_err().reason, "unknown_type");
        assert_eq!(visit, VisitorContext::default());
    }

    #[test]
    fn the_same_memory_and_calls_make_the_same_events() {
        let (mut page, mut collector) = (VisitorContext::default(), VisitorContext::default());
        for (seed, kind) in [("0a", "land"), ("0b", "checkout")] {
            let call = call(seed, kind, "z");
            assert_eq!(page.process_call(&call), collector.process_call(&call));
        }
    }

    const BASKET: &str = "{:total\u{1f}$100\u{1f}:lines\u{1f}[{:product_id\u{1f}$12345\u{1f}}{:product_id\u{1f}$12365\u{1f}}]}";
    const ORDER: &str = "{:order_id\u{1f}#1001\u{1f}}";
    const PROFILE: &str = "{:profile_id\u{1f}$p1\u{1f}}";

    /// What a browser keeps between pages.
    #[derive(Default)]
    struct Browser {
        texts: [String; 3],
        calls: u64,
    }

    impl Browser {
        /// Opens a page and makes calls on it; returns the kinds of its events.
        fn page(&mut self, time: u64, calls: &[(&str, &str)]) -> Vec<String> {
            let mut visit = VisitorContext::default();
            let mut kinds = Vec::new();
            for (kind, params) in [&[("land", "z")], calls].concat() {
                visit.reload(&self.texts[0], &self.texts[1], &self.texts[2]);
                self.calls += 1;
                let seed = format!("{:042x}", self.calls);
                let outcome = visit.process_call(&Call { time, ..call(&seed, kind, params) }).unwrap();
                for event in [outcome.landing, outcome.event].into_iter().flatten() {
                    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
                    kinds.push(event["type"].as_str().unwrap().to_owned());
                }
                if let Some(session) = visit.session.take_dirty(true) {
                    self.texts[1] = session;
                }
                self.texts[0] = visit.identity.cookie_value().into();
                self.texts[2] = visit.dedup.text().into();
            }
            kinds
        }
    }

    #[test]
    fn what_was_said_on_one_page_is_not_said_on_the_next() {
        let mut browser = Browser::default();
        let product = [("product_view", "{:product_id\u{1f}$11111\u{1f}}"), ("identify", PROFILE), ("basket_update", BASKET)];
        let thanks = [("page_view", "{:url\u{1f}$/thanks\u{1f}}"), ("identify", PROFILE), ("basket_update", BASKET), ("order", ORDER)];
        assert_eq!(browser.page(5, &product), ["land", "product_view", "identify", "basket_update"]);
        assert_eq!(browser.page(6, &thanks), ["page_view", "order"]);
        assert_eq!(browser.page(7, &product), ["product_view"]);
        assert_eq!(browser.page(8 + SESSION_TIMEOUT_MS, &thanks), ["land", "page_view"], "not on the next visit either");
        assert_eq!(browser.page(9 + SESSION_TIMEOUT_MS, &[("basket_update", "{:lines\u{1f}[]}")]), ["basket_update"]);
    }

    #[test]
    fn nothing_in_a_basket_nobody_knew_is_no_event() {
        assert_eq!(Browser::default().page(5, &[("basket_update", "{:lines\u{1f}[]}")]), ["land"]);
    }

    #[test]
    fn another_person_has_said_nothing() {
        let mut browser = Browser::default();
        let identify = |name: &str| format!("{{:email\u{1f}${name}@x.com\u{1f}}}");
        let (a, b) = (identify("a"), identify("b"));
        assert_eq!(browser.page(5, &[("basket_update", BASKET), ("identify", &a)]), ["land", "basket_update", "identify"]);
        assert_eq!(browser.page(6, &[("basket_update", BASKET)]), [""; 0], "who becomes known is the same visitor");
        assert_eq!(browser.page(7, &[("identify", &b), ("basket_update", BASKET)]), ["identify", "basket_update"]);
    }

    #[test]
    fn an_arrival_in_the_middle_of_a_visit_is_a_landing_in_it() {
        let mut visit = VisitorContext::default();
        visit.process_call(&call("0a", "land", "z")).unwrap();
        let session = visit.session.id().to_owned();
        assert_eq!(visit.process_call(&call("0b", "land", "z")).unwrap(), CallOutcome::default());
        assert!(visit.process_call(&call("0c", "arrival", "z")).unwrap().landing.is_some_and(|event| event.contains(&session)));
        assert_eq!(visit.session.id(), session);
    }

    #[test]
    fn a_store_holds_for_the_visit_until_another_is_named() {
        let store = |visit: &mut VisitorContext, time, store| {
            let outcome = visit.process_call(&Call { time, store, ..call("0a", "checkout", "z") }).unwrap();
            let event: serde_json::Value = serde_json::from_str(&outcome.event.unwrap()).unwrap();
            let mut next = VisitorContext::default();
            next.reload("", &visit.session.take_dirty(true).unwrap_or_default(), "");
            if !next.session.id().is_empty() {
                *visit = next;
            }
            event["storeId"].as_str().map(ToOwned::to_owned)
        };
        let mut visit = VisitorContext::default();
        assert_eq!(store(&mut visit, 1, ""), None);
        for (named, held) in [("uk", "uk"), ("", "uk"), ("a&sid=é=1", "a&sid=é=1"), ("", "a&sid=é=1")] {
            assert_eq!(store(&mut visit, 2, named).as_deref(), Some(held));
        }
        assert_eq!(store(&mut visit, 3 + SESSION_TIMEOUT_MS, ""), None);
    }
}

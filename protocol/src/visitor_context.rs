//! The visitor context: identity, session and deduplication state. It makes the [decisions](Decisions) about calls.
//!
//! The same context and the same calls give the same decisions. Calls are processed by the page's core, by the next page (calls that were
//! stored), and by the collector (calls of a page that closed before its core had loaded).

mod basket_diff;
mod dedup;
mod identity;
mod session;

pub use dedup::DedupState;
pub use identity::Identity;
pub use session::{SESSION_TIMEOUT_MS, Session, WRITE_INTERVAL_MS};

use crate::call::Call;
use crate::call_check::{self, ARRIVAL, CallError, LAND, RESET};
use crate::decisions::Decisions;
use crate::email;
use crate::flat_format::FlatValue;

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
pub struct DecidedCall {
    /// The [decisions](Decisions), as a flat text; empty if the call gives no event.
    pub decisions: String,
    /// Whether the identity must be saved: it has changed, or a session starts, and the cookie must outlive the visitor's next absence.
    pub must_save_identity: bool,
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

    /// Processes a call: decides what the collector needs to make its events, and updates the context. An invalid call changes nothing. A call
    /// of type `land` or `arrival` has no event besides the `land` event. One of type `reset` has none: it starts a new anonymous visitor with an
    /// empty deduplication state.
    pub fn decide(&mut self, call: &Call<'_>) -> Result<DecidedCall, CallError> {
        if call.kind == RESET {
            self.identity.reset(call.seed);
            self.dedup = DedupState::default();
            return Ok(DecidedCall { must_save_identity: true, is_dedup_changed: true, ..DecidedCall::default() });
        }
        call_check::check(call)?;
        let result = self.dedup.check(call);
        let is_new = self.identity.ensure_id(call.seed);
        let starts_session = self.session.touch(call.time, call.seed);
        self.session.set_store(call.store);
        let before = String::from(self.identity.cookie_value());
        let land = if starts_session || call.kind == ARRIVAL { before.as_str() } else { "" };
        let email = if call.kind == "identify" { email::normalise(call.params.text("email")) } else { None };
        let was_identified = self.identity.is_known();
        let linked = email.and_then(|email| self.identity.identify(email, call.seed));
        let is_dropped = matches!(call.kind, LAND | ARRIVAL) || (result.is_duplicate && linked.is_none());
        let visitor = if is_dropped { "" } else { linked.as_deref().unwrap_or(self.identity.cookie_value()) };
        let changes = FlatValue::new(&result.changes);
        let decided = Decisions { session: self.session.id(), store: self.session.store(), land, visitor, changes };
        let mut decisions = String::new();
        if !decided.is_empty() {
            decided.write(&mut decisions);
        }
        // Another person starts with an empty deduplication state.
        let is_other_person = was_identified && linked.is_some();
        let is_dedup_changed = is_other_person || !result.state.is_empty();
        if is_dedup_changed {
            self.dedup = if is_other_person { DedupState::default() } else { DedupState(result.state) };
        }
        Ok(DecidedCall { decisions, must_save_identity: is_new || linked.is_some() || starts_session, is_dedup_changed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat_format::FlatValue;

    fn call<'a>(seed: &'a str, kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed, kind, store: "", params: FlatValue::new(params), record: FlatValue::default() }
    }

    /// Processes a call; returns the visitors of its `land` event and of its own event, and whether the identity must be saved.
    fn decide(context: &mut VisitorContext, call: &Call<'_>) -> (String, String, bool) {
        let decided = context.decide(call).unwrap();
        let decisions = Decisions::parse(FlatValue::new(&decided.decisions));
        assert_eq!(decisions.is_empty(), decided.decisions.is_empty());
        (decisions.land.into(), decisions.visitor.into(), decided.must_save_identity)
    }

    #[test]
    fn first_call_starts_the_session_and_sets_the_identity() {
        let mut context = VisitorContext::default();
        assert_eq!(decide(&mut context, &call("0a", "checkout", "z")), ("0a".into(), "0a".into(), true));
        assert_eq!(decide(&mut context, &call("0b", "checkout", "z")), (String::new(), "0a".into(), false));
    }

    #[test]
    fn repeated_identify_gives_no_event() {
        let mut context = VisitorContext::default();
        let params = "{:email\u{1f}$a@x.com}";
        assert_eq!(decide(&mut context, &call("0a", "identify", params)).1, "0a");
        assert_eq!(context.decide(&call("0b", "identify", params)).unwrap(), DecidedCall::default());
    }

    #[test]
    fn identify_links_the_id_of_before_and_another_person_gets_a_new_one() {
        let mut context = VisitorContext::load("", "5f2", "", "");
        assert_eq!(decide(&mut context, &call("0a", "identify", "{:email\u{1f}$a@x.com\u{1f}}")), ("5f2".into(), "5f2".into(), true));
        assert_eq!(decide(&mut context, &call("0b", "checkout", "z")).1, "a@x.com");
        let later = Call { time: 5 + SESSION_TIMEOUT_MS, ..call("0c", "identify", "{:email\u{1f}$b@x.com\u{1f}}") };
        assert_eq!(decide(&mut context, &later), ("a@x.com".into(), "0c".into(), true));
    }

    #[test]
    fn reset_starts_an_anonymous_visitor_without_an_event() {
        let mut context = VisitorContext::load("", "a@x.com", "t=1&sid=s", "o1\u{1e}");
        let decided = context.decide(&call("0a", RESET, "z")).unwrap();
        assert_eq!(decided, DecidedCall { must_save_identity: true, is_dedup_changed: true, ..DecidedCall::default() });
        assert_eq!((context.identity.cookie_value(), context.dedup.text(), context.session.id()), ("0a", "", "s"));
        assert_eq!(decide(&mut context, &call("0b", "checkout", "z")), (String::new(), "0a".into(), false));
    }

    #[test]
    fn rejected_call_changes_nothing() {
        let mut context = VisitorContext::default();
        assert_eq!(context.decide(&call("0a", "nonsense", "z")).unwrap_err().reason, "unknown_type");
        assert_eq!(context, VisitorContext::default());
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
                let (land, visitor, _) = decide(&mut context, &Call { time, ..call(&seed, kind, params) });
                kinds.extend(
                    [(land, LAND), (visitor, kind)].iter().filter(|(visitor, _)| !visitor.is_empty()).map(|(_, kind)| kind.to_string()),
                );
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
        assert_eq!(decide(&mut context, &call("0a", "land", "z")), ("0a".into(), String::new(), true));
        let session = context.session.id().to_owned();
        assert_eq!(context.decide(&call("0b", "land", "z")).unwrap(), DecidedCall::default());
        assert_eq!(decide(&mut context, &call("0c", "arrival", "z")), ("0a".into(), String::new(), false));
        assert_eq!(context.session.id(), session);
    }

    #[test]
    fn store_is_kept_for_the_session_until_another_is_set() {
        let store = |context: &mut VisitorContext, time, store| {
            let decided = context.decide(&Call { time, store, ..call("0a", "checkout", "z") }).unwrap();
            let mut next = VisitorContext::default();
            next.reload("", &context.session.take_dirty(true).unwrap_or_default(), "");
            if !next.session.id().is_empty() {
                *context = next;
            }
            Decisions::parse(FlatValue::new(&decided.decisions)).store.to_owned()
        };
        let mut context = VisitorContext::default();
        assert_eq!(store(&mut context, 1, ""), "");
        for (set, expected) in [("uk", "uk"), ("", "uk"), ("a&sid=é=1", "a&sid=é=1"), ("", "a&sid=é=1")] {
            assert_eq!(store(&mut context, 2, set), expected);
        }
        assert_eq!(store(&mut context, 3 + SESSION_TIMEOUT_MS, ""), "");
    }
}

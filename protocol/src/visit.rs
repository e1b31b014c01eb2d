//! What a browser remembers of its visitor, and the events that calls become with it.
//!
//! Whoever has the same memory and the same calls makes the same events, to the id: the page's core, the next page for calls that waited
//! in storage, and the collector for calls that a page handed over before its core was there.

mod basket;
mod events;
mod identity;
mod notes;
mod session;

pub use events::Refusal;
pub use identity::Identity;
pub use notes::Notes;
pub use session::{GRAIN, PAUSE, Session};

use crate::call::Call;
use crate::email;
use crate::event::Visitor;

/// The memory: who, which visit, and what need not be said again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// Who the visitor is.
    pub identity: Identity,
    /// The visit that goes on.
    pub session: Session,
    /// What was said before.
    pub notes: Notes,
}

/// What became of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The event before it, where the call opens a visit or tells of an arrival.
    pub landing: Option<String>,
    /// The call's own event; None where the call says nothing new.
    pub event: Option<String>,
    /// Whether the visitor's name is another now and wants to be remembered.
    pub is_renamed: bool,
    /// Whether the notes are others now and want to be remembered.
    pub is_noted: bool,
}

impl Visit {
    /// Returns what a browser remembers: `visitor` and `session` as the cookies have them, `notes` as [`Notes`] writes them, and `made`, an id
    /// that the shop's server made for a visitor without one; empty texts where there is nothing.
    pub fn load(made: &str, visitor: &str, session: &str, notes: &str) -> Self {
        let mut visit = Self { identity: Identity::load(made), ..Self::default() };
        visit.recall(visitor, session, notes);
        visit
    }

    /// Takes over what the browser remembers; who or which visit may be empty, which says nothing.
    pub fn recall(&mut self, visitor: &str, session: &str, notes: &str) {
        self.identity.learn(visitor);
        self.session.join(Session::load(session));
        self.notes = Notes::load(notes);
    }

    /// Makes the events of a call, and remembers what it says. A call that is refused changes nothing; one whose kind is a landing only
    /// opens the visit.
    pub fn tell(&mut self, call: &Call<'_>) -> Result<Told, Refusal> {
        let news = self.notes.news(call);
        let params =
            if matches!(call.kind, events::LAND | events::ARRIVAL) { String::new() } else { events::parameters(call, &news.changes)? };
        let is_new = self.identity.meet(call.seed);
        let landing = self.land(call);
        let email = if call.kind == "identify" { email::normalise(call.params.text("email")) } else { None };
        let was_known = matches!(self.identity, Identity::Known(_));
        let linked = email.and_then(|email| self.identity.identify(email, call.seed));
        let is_silent = params.is_empty() || (news.is_old && linked.is_none());
        let visitor = linked.as_deref().map_or(self.identity.visitor(), Visitor::Id);
        let event = (!is_silent).then(|| events::text(call, params, visitor, &self.session));
        // Another person at the same computer has said nothing yet.
        let is_other = was_known && linked.is_some();
        let is_noted = is_other || !news.notes.is_empty();
        if is_noted {
            self.notes = if is_other { Notes::default() } else { Notes(news.notes) };
        }
        Ok(Told { landing, event, is_renamed: is_new || linked.is_some(), is_noted })
    }

    /// Makes the visitor a new anonymous one, who has said nothing yet.
    pub fn reset(&mut self, seed: &str) {
        self.identity.reset(seed);
        self.notes = Notes::default();
    }

    /// Takes note of when and where a call was made; returns the landing that it brings.
    fn land(&mut self, call: &Call<'_>) -> Option<String> {
        let opens = self.session.touch(call.time, call.seed);
        self.session.enter(call.store);
        (opens || call.kind == events::ARRIVAL).then(|| events::landing(call, self.identity.visitor(), &self.session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat::Flat;

    fn call<'a>(seed: &'a str, kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed, api: "shop", kind, page: Default::default(), store: "", params: Flat::new(params) }
    }

    #[test]
    fn the_first_call_opens_the_visit_and_names_the_visitor() {
        let mut visit = Visit::default();
        let told = visit.tell(&call("0a", "checkout", "z")).unwrap();
        assert!(told.landing.is_some() && told.event.is_some() && told.is_renamed);
        let told = visit.tell(&call("0b", "checkout", "z")).unwrap();
        assert!(told.landing.is_none() && told.event.is_some() && !told.is_renamed);
    }

    #[test]
    fn who_is_known_is_not_told_again() {
        let mut visit = Visit::default();
        let params = "{:email\u{1f}$a@x.com}";
        assert!(visit.tell(&call("0a", "identify", params)).unwrap().event.is_some());
        let told = visit.tell(&call("0b", "identify", params)).unwrap();
        assert_eq!(told, Told::default());
    }

    #[test]
    fn what_is_refused_is_not_remembered() {
        let mut visit = Visit::default();
        assert_eq!(visit.tell(&call("0a", "nonsense", "z")).unwrap_err().reason, "unknown_type");
        assert_eq!(visit, Visit::default());
    }

    #[test]
    fn the_same_memory_and_calls_make_the_same_events() {
        let (mut page, mut collector) = (Visit::default(), Visit::default());
        for (seed, kind) in [("0a", "land"), ("0b", "checkout")] {
            let call = call(seed, kind, "z");
            assert_eq!(page.tell(&call), collector.tell(&call));
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
            let mut visit = Visit::default();
            let mut kinds = Vec::new();
            for (kind, params) in [&[("land", "z")], calls].concat() {
                visit.recall(&self.texts[0], &self.texts[1], &self.texts[2]);
                self.calls += 1;
                let seed = format!("{:042x}", self.calls);
                let told = visit.tell(&Call { time, ..call(&seed, kind, params) }).unwrap();
                for event in [told.landing, told.event].into_iter().flatten() {
                    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
                    kinds.push(event["type"].as_str().unwrap().to_owned());
                }
                if let Some(session) = visit.session.unwritten(true) {
                    self.texts[1] = session;
                }
                self.texts[0] = visit.identity.content().into();
                self.texts[2] = visit.notes.text().into();
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
        assert_eq!(browser.page(8 + PAUSE, &thanks), ["land", "page_view"], "not on the next visit either");
        assert_eq!(browser.page(9 + PAUSE, &[("basket_update", "{:lines\u{1f}[]}")]), ["basket_update"]);
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
        let mut visit = Visit::default();
        visit.tell(&call("0a", "land", "z")).unwrap();
        let session = visit.session.id().to_owned();
        assert_eq!(visit.tell(&call("0b", "land", "z")).unwrap(), Told::default());
        assert!(visit.tell(&call("0c", "arrival", "z")).unwrap().landing.is_some_and(|event| event.contains(&session)));
        assert_eq!(visit.session.id(), session);
    }

    #[test]
    fn a_store_holds_for_the_visit_until_another_is_named() {
        let store = |visit: &mut Visit, time, store| {
            let told = visit.tell(&Call { time, store, ..call("0a", "checkout", "z") }).unwrap();
            let event: serde_json::Value = serde_json::from_str(&told.event.unwrap()).unwrap();
            let mut next = Visit::default();
            next.recall("", &visit.session.unwritten(true).unwrap_or_default(), "");
            if !next.session.id().is_empty() {
                *visit = next;
            }
            event["storeId"].as_str().map(ToOwned::to_owned)
        };
        let mut visit = Visit::default();
        assert_eq!(store(&mut visit, 1, ""), None);
        for (named, held) in [("uk", "uk"), ("", "uk"), ("a&sid=é=1", "a&sid=é=1"), ("", "a&sid=é=1")] {
            assert_eq!(store(&mut visit, 2, named).as_deref(), Some(held));
        }
        assert_eq!(store(&mut visit, 3 + PAUSE, ""), None);
    }
}

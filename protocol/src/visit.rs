//! What a browser remembers of its visitor, and the events that calls become with it.
//!
//! Whoever has the same memory and the same calls makes the same events, to the id: the page's core, the next page for calls that waited
//! in storage, and the collector for calls that a page handed over before its core was there.

mod events;
mod identity;
mod session;

pub use events::Refusal;
pub use identity::Identity;
pub use session::{GRAIN, PAUSE, Session};

use crate::call::Call;
use crate::email;
use crate::event::Visitor;

/// The memory: who, and which visit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// Who the visitor is.
    pub identity: Identity,
    /// The visit that goes on.
    pub session: Session,
}

/// What became of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The event before it, where the call opens a visit.
    pub landing: Option<String>,
    /// The call's own event; None where the call says nothing new.
    pub event: Option<String>,
    /// Whether the visitor's name is another now and wants to be remembered.
    pub is_renamed: bool,
}

impl Visit {
    /// Returns what a browser remembers: `visitor` and `session` as the cookies have them, and `made`, an id that the shop's server made for a
    /// visitor without one; empty texts where there is nothing.
    pub fn load(made: &str, visitor: &str, session: &str) -> Self {
        let mut identity = Identity::load(made);
        identity.learn(visitor);
        Self { identity, session: Session::load(session) }
    }

    /// Makes the events of a call, and remembers what it says. A call that is refused changes nothing; one whose kind is a landing only
    /// opens the visit.
    pub fn tell(&mut self, call: &Call<'_>) -> Result<Told, Refusal> {
        let params = if call.kind == events::LAND { String::new() } else { events::parameters(call)? };
        let is_new = self.identity.meet(call.seed);
        let opens = self.session.touch(call.time, call.seed);
        let landing = opens.then(|| events::landing(call, self.identity.visitor(), self.session.id()));
        let email = if call.kind == "identify" { email::normalise(call.params.text("email")) } else { None };
        let is_named = email.is_some();
        let linked = email.and_then(|email| self.identity.identify(email, call.seed));
        let is_silent = params.is_empty() || (is_named && linked.is_none());
        let visitor = linked.as_deref().map_or(self.identity.visitor(), Visitor::Id);
        let event = (!is_silent).then(|| events::text(call, params, visitor, self.session.id()));
        Ok(Told { landing, event, is_renamed: is_new || linked.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat::Flat;

    fn call<'a>(seed: &'a str, kind: &'a str, params: &'a str) -> Call<'a> {
        Call { time: 5, seed, api: "shop", kind, page: Default::default(), params: Flat::new(params) }
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
}

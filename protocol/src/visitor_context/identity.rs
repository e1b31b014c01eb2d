//! The identity of the visitor: a state machine.
//!
//! ```text
//! unknown ──first event──▶ anonymous(id) ──identify(a)──▶ known(a) ──identify(a)──▶ known(a), no event
//!                               ▲                            │
//!                               └──────── reset ─────────────┴──identify(b)──▶ known(b), through a new anonymous id
//! ```
//! The last transition separates two people at one computer: no anonymous id is ever linked to two e-mails.

use crate::event::Visitor;
use crate::{email, limits};

/// The longest anonymous id in a cookie; in bytes, so that it is also within [`limits::MAX_VISITOR_ID_CHARS`].
const MAX_ID_BYTES: usize = limits::MAX_VISITOR_ID_CHARS;

/// The visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// No event yet.
    #[default]
    Unknown,
    /// A browser, by anonymous id.
    Anonymous(String),
    /// An identified visitor, by normalised e-mail.
    Known(String),
}

impl Identity {
    /// Returns the identity of a cookie value. Ids of any form are accepted: older plug-ins made ids of other lengths.
    pub fn load(value: &str) -> Self {
        match email::normalise(value) {
            Some(email) => Self::Known(email),
            None if value.is_empty() || value.len() > MAX_ID_BYTES => Self::Unknown,
            None => Self::Anonymous(value.into()),
        }
    }

    /// Loads the value of the cookie; an empty or invalid value changes nothing.
    pub fn load_cookie(&mut self, value: &str) {
        match Self::load(value) {
            Self::Unknown => {}
            known => *self = known,
        }
    }

    /// Returns the value for the cookie; empty before the first event.
    pub fn cookie_value(&self) -> &str {
        match self {
            Self::Unknown => "",
            Self::Anonymous(name) | Self::Known(name) => name,
        }
    }

    /// Gives an unknown visitor the id `seed`; returns whether the visitor was unknown.
    pub fn ensure_id(&mut self, seed: &str) -> bool {
        let is_new = matches!(self, Self::Unknown);
        if is_new {
            self.reset(seed);
        }
        is_new
    }

    /// Returns the visitor for an event.
    pub fn visitor(&self) -> Visitor<&str> {
        match self {
            Self::Known(email) => Visitor::Email(email),
            other => Visitor::Id(other.cookie_value()),
        }
    }

    /// Identifies the visitor by a normalised e-mail. Returns the anonymous id to link with the e-mail; None if the visitor is already
    /// identified by it.
    pub fn identify(&mut self, email: String, seed: &str) -> Option<String> {
        let id = match self {
            Self::Known(known) if *known == email => return None,
            Self::Anonymous(id) => std::mem::take(id),
            Self::Known(_) | Self::Unknown => seed.into(),
        };
        *self = Self::Known(email);
        Some(id)
    }

    /// Starts a new anonymous visitor.
    pub fn reset(&mut self, seed: &str) {
        *self = Self::Anonymous(seed.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn id_of_any_form_is_accepted() {
        assert_eq!(Identity::load("5f2"), Identity::Anonymous("5f2".into()));
        assert_eq!(Identity::load("A@x.com"), Identity::Known("a@x.com".into()));
        assert_eq!(Identity::load(""), Identity::Unknown);
    }

    proptest! {
        /// Steps: 0 resets, 1 tracks, others identify by one of two e-mails. No id is ever linked to both.
        #[test]
        fn no_id_is_linked_to_two_emails(steps in prop::collection::vec(0_usize..4, 0..40)) {
            let mut identity = Identity::default();
            let mut links: Vec<(String, String)> = Vec::new();
            for (at, step) in steps.into_iter().enumerate() {
                let seed = format!("seed-{at}");
                let email = format!("{step}@x.com");
                match step {
                    0 => identity.reset(&seed),
                    1 => drop(identity.ensure_id(&seed)),
                    _ => {
                        if let Some(id) = identity.identify(email.clone(), &seed) {
                            prop_assert!(links.iter().all(|(linked, _)| *linked != id));
                            links.push((id, email.clone()));
                        }
                        prop_assert_eq!(identity.cookie_value(), &email);
                        prop_assert_eq!(identity.identify(email, &seed), None);
                    }
                }
                prop_assert_eq!(Identity::load(identity.cookie_value()), identity.clone());
            }
        }
    }
}

//! The identity of the visitor: a state machine.
//!
//! ```text
//! unknown ──first event──▶ anonymous(id) ──identify(a)──▶ known(a) ──identify(a)──▶ known(a), no event
//!                               ▲                            │
//!                               └──────── reset ─────────────┴──identify(b)──▶ known(b), through a new anonymous id
//! ```
//! The last transition separates two people at one computer: no anonymous id is ever linked to two e-mails.

use crate::{email, limits};

/// The longest anonymous id in a cookie; in bytes, so that it is also within [`limits::MAX_VISITOR_ID_CHARS`].
const MAX_ID_BYTES: usize = limits::MAX_VISITOR_ID_CHARS;

/// The visitor: unknown, a browser with an anonymous id, or an identified person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// An anonymous id or a normalised e-mail; empty before the first event.
    value: String,
    /// Whether the value is an e-mail.
    is_known: bool,
}

impl Identity {
    /// Returns the identity of a cookie value. Ids of any form are accepted: older plug-ins made ids of other lengths.
    pub fn load(value: &str) -> Self {
        match email::normalise(value) {
            Some(email) => Self { value: email, is_known: true },
            None if value.len() > MAX_ID_BYTES => Self::default(),
            None => Self { value: value.into(), is_known: false },
        }
    }

    /// Loads the value of the cookie; an empty or invalid value changes nothing.
    pub fn load_cookie(&mut self, value: &str) {
        let loaded = Self::load(value);
        if !loaded.value.is_empty() {
            *self = loaded;
        }
    }

    /// Returns the value for the cookie; empty before the first event.
    pub fn cookie_value(&self) -> &str {
        &self.value
    }

    /// Returns the value for the cookie.
    pub fn into_value(self) -> String {
        self.value
    }

    /// Returns whether the visitor is identified.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Gives an unknown visitor the id `seed`; returns whether the visitor was unknown.
    pub fn ensure_id(&mut self, seed: &str) -> bool {
        let is_new = self.value.is_empty();
        if is_new {
            self.reset(seed);
        }
        is_new
    }

    /// Identifies the visitor by a normalised e-mail. Returns the anonymous id to link with the e-mail; None if the visitor is already
    /// identified by it.
    pub fn identify(&mut self, email: String, seed: &str) -> Option<String> {
        if self.is_known && self.value == email {
            return None;
        }
        let before = std::mem::replace(&mut self.value, email);
        let was_anonymous = !std::mem::replace(&mut self.is_known, true) && !before.is_empty();
        Some(if was_anonymous { before } else { seed.into() })
    }

    /// Starts a new anonymous visitor.
    pub fn reset(&mut self, seed: &str) {
        *self = Self { value: seed.into(), is_known: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn id_of_any_form_is_accepted() {
        for (value, id, is_known) in [("5f2", "5f2", false), ("A@x.com", "a@x.com", true), ("", "", false), (&"0".repeat(129), "", false)] {
            assert_eq!(Identity::load(value), Identity { value: id.into(), is_known });
        }
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

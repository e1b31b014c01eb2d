//! Who the visitor is.
//!
//! ```text
//! unknown ──first event──▶ anonymous(id) ──identify(a)──▶ known(a) ──identify(a)──▶ known(a), and nothing is sent
//!                               ▲                            │
//!                               └──────── reset ─────────────┴──identify(b)──▶ known(b), through a new anonymous id
//! ```
//! The last arrow keeps two people at one computer apart: the collector never hears that one id is both.

use crate::email;
use crate::event::Visitor;

/// The longest id that a cookie may bring.
const ID_BYTES: usize = 128;

/// The visitor, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nothing was done yet.
    #[default]
    Unknown,
    /// A browser that somebody uses.
    Anonymous(String),
    /// A person, by normalised address.
    Known(String),
}

impl Identity {
    /// Returns the identity that a cookie's content stands for. Any id is accepted: older plug-ins made ids of other lengths.
    pub fn load(content: &str) -> Self {
        match email::normalise(content) {
            Some(email) => Self::Known(email),
            None if content.is_empty() || content.len() > ID_BYTES => Self::Unknown,
            None => Self::Anonymous(content.into()),
        }
    }

    /// Takes over what a cookie, or what stands in for it, says; one that says nothing changes nothing.
    pub fn load_cookie(&mut self, content: &str) {
        match Self::load(content) {
            Self::Unknown => {}
            known => *self = known,
        }
    }

    /// Returns the content of the cookie; empty while nobody is known.
    pub fn cookie_value(&self) -> &str {
        match self {
            Self::Unknown => "",
            Self::Anonymous(name) | Self::Known(name) => name,
        }
    }

    /// Gives an unknown visitor `seed` for an id; returns whether that was so.
    pub fn ensure_id(&mut self, seed: &str) -> bool {
        let is_new = matches!(self, Self::Unknown);
        if is_new {
            self.reset(seed);
        }
        is_new
    }

    /// Returns who an event is of.
    pub fn visitor(&self) -> Visitor<&str> {
        match self {
            Self::Known(email) => Visitor::Email(email),
            other => Visitor::Id(other.cookie_value()),
        }
    }

    /// Makes the visitor known under a normalised address. Returns the anonymous id that the address is linked to, or None where it is
    /// known already.
    pub fn identify(&mut self, email: String, seed: &str) -> Option<String> {
        let id = match self {
            Self::Known(known) if *known == email => return None,
            Self::Anonymous(id) => std::mem::take(id),
            Self::Known(_) | Self::Unknown => seed.into(),
        };
        *self = Self::Known(email);
        Some(id)
    }

    /// Makes the visitor a new anonymous one.
    pub fn reset(&mut self, seed: &str) {
        *self = Self::Anonymous(seed.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cookie_of_any_maker_is_accepted() {
        assert_eq!(Identity::load("5f2"), Identity::Anonymous("5f2".into()));
        assert_eq!(Identity::load("A@x.com"), Identity::Known("a@x.com".into()));
        assert_eq!(Identity::load(""), Identity::Unknown);
    }

    proptest! {
        /// Steps: 0 resets, 1 tracks, others identify as one of two people. No id is ever linked to both.
        #[test]
        fn no_id_is_two_people(steps in prop::collection::vec(0_usize..4, 0..40)) {
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

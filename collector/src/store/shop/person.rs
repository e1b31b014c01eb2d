//! Who somebody is: an e-mail, or a visitor of whom none is known.

use tillroll_protocol::event::Visitor;

/// Somebody who did something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Person {
    /// By a normalised e-mail.
    Email(String),
    /// By the id of a browser.
    Visitor(String),
}

impl Person {
    /// Returns who a visitor is, or None where a shop's server told nobody.
    pub(super) fn of(visitor: &Visitor) -> Option<Self> {
        match visitor {
            Visitor::Email(email) => Some(Self::Email(email.clone())),
            Visitor::Id(id) if id.is_empty() => None,
            Visitor::Id(id) => Some(Self::Visitor(id.clone())),
        }
    }

    /// Returns the text under which a person stands in a table.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Email(email) => format!("e{email}"),
            Self::Visitor(id) => format!("v{id}"),
        }
    }

    /// Reads what [`Person::to_text`] has written.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (kind, name) = text.split_at_checked(1)?;
        match kind {
            "e" => Some(Self::Email(name.into())),
            "v" => Some(Self::Visitor(name.into())),
            _ => None,
        }
    }
}

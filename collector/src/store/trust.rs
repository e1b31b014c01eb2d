//! How far the collector trusts the sender of a request, and what that means for the state.

use super::event_group::EventGroup;

/// The trust level of a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrustLevel {
    /// A browser, without authentication: anyone can send such a request.
    #[default]
    Browser,
    /// A program that identifies itself as a bot by its User-Agent, without authentication.
    Bot,
    /// A program that calls a back-end endpoint which requires no signature, without one.
    Unsigned,
    /// The owner of the project, authenticated by a secret.
    Owner,
}

/// The rank of a page in a last-writer-wins map.
pub(in crate::store) const PAGE_RANK: u8 = 0;

/// The rank of an owner in a last-writer-wins map.
pub(in crate::store) const OWNER_RANK: u8 = 2;

impl TrustLevel {
    /// Returns the rank in a last-writer-wins map: the higher rank wins.
    pub(in crate::store) fn rank(self) -> u8 {
        match self {
            Self::Browser | Self::Bot => PAGE_RANK,
            Self::Unsigned => 1,
            Self::Owner => OWNER_RANK,
        }
    }

    /// Returns the group of state events to which an event of this type belongs. The cart events of a bot are ignored.
    pub(in crate::store) fn event_group(self, event_type: &str) -> Option<EventGroup> {
        EventGroup::of(event_type).filter(|group| self != Self::Bot || *group != EventGroup::Carts)
    }
}

//! The bounds of what the state keeps about one thing. Reaching one removes nothing: what arrives later is not added, and is counted.

/// A bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Bound {
    /// Reports of one order by pages.
    OrderReports,
    /// Returns of one order by pages.
    OrderReturns,
    /// Links of one visitor, or visitors of one e-mail.
    IdentityLinks,
}

impl Bound {
    /// Returns the name, the value of a label.
    pub(in crate::store) fn name(self) -> &'static str {
        match self {
            Self::OrderReports => "order_reports",
            Self::OrderReturns => "order_returns",
            Self::IdentityLinks => "identity_links",
        }
    }
}

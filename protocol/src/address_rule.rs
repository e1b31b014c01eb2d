//! What an event's addresses lose before they are stored. The rule is the collector's; validation applies it to each address of an event.

/// A rule for addresses of pages. Each function returns the address as it is stored, or None if it stays as it is.
pub trait AddressRule: Sync {
    /// Returns the address of a page.
    fn page(&self, address: &str) -> Option<String>;

    /// Returns the address from which a visit came; empty if it is no source.
    fn source(&self, address: &str) -> Option<String>;
}

/// The rule that changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unchanged;

impl AddressRule for Unchanged {
    fn page(&self, _: &str) -> Option<String> {
        None
    }

    fn source(&self, _: &str) -> Option<String> {
        None
    }
}

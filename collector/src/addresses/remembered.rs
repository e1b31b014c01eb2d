//! The rule for the addresses of one request: its events are of few pages, so most addresses were looked at a moment ago.

use std::sync::{Mutex, PoisonError};

use tillroll_protocol::address_rule::AddressRule;

/// How many addresses are remembered: those of a page and of the one before it, and two more.
const MAX_REMEMBERED: usize = 4;

/// Applies another rule, and remembers the last addresses that it left as they are. An empty address stays as it is.
pub(crate) struct RememberedAddresses<'a> {
    rule: &'a dyn AddressRule,
    /// The addresses, and the place of the next one.
    unchanged: Mutex<([String; MAX_REMEMBERED], usize)>,
}

impl<'a> RememberedAddresses<'a> {
    pub(crate) fn new(rule: &'a dyn AddressRule) -> Self {
        Self { rule, unchanged: Mutex::default() }
    }
}

impl AddressRule for RememberedAddresses<'_> {
    fn page(&self, address: &str) -> Option<String> {
        let mut unchanged = self.unchanged.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, next) = &mut *unchanged;
        if known.iter().any(|known| known == address) {
            return None;
        }
        let stored = self.rule.page(address);
        if stored.is_none() {
            if let Some(oldest) = known.get_mut(*next) {
                oldest.clear();
                oldest.push_str(address);
            }
            *next = (*next + 1) % MAX_REMEMBERED;
        }
        stored
    }

    fn source(&self, address: &str) -> Option<String> {
        self.rule.source(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::ProjectAddresses;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn addresses_are_stored_as_without_memory(list in prop::collection::vec("(https://x/[a-c]?(\\?(a|token)=[12])?)?", 0..40)) {
            let rule = ProjectAddresses::default();
            let remembered = RememberedAddresses::new(&rule);
            for address in &list {
                prop_assert_eq!(remembered.page(address), rule.page(address));
                prop_assert_eq!(remembered.source(address), rule.source(address));
            }
        }
    }
}

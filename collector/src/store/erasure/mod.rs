//! Erases a person from the store.
//!
//! The person is found by the e-mail, by the visitors that gave it, by the visitors that reported an order with it, and by every event that
//! contains it. The search reads the whole log on a reading connection, so writes do not wait for it. Links and orders, which lead to the
//! events, are deleted last and in one transaction: after an interrupted erasure the same request completes it.

pub(in crate::store) mod apply;
pub(in crate::store) mod search;

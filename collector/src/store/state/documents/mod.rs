//! Orders, carts and returns as documents for analytics: main attributes at the top level, line items and addresses nested.
//!
//! A document is built from the current rows. Unknown attributes are left out.

pub(in crate::store) mod builder;
pub(in crate::store) mod changes;
mod lines;
mod put;

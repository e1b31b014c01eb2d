//! The current state of a project: customers, catalog, orders, carts and returns.
//!
//! The state is updated in the transaction that stores the change, and does not depend on the order in which changes arrive. Fields from the
//! back end are stored with their times, see [`lww`]. Carts and page fields of customers are derived again from the state events of each
//! person with a change in the transaction, see [`state_events`].
//!
//! Queries name their index. Otherwise SQLite reads all rows of a project, because each primary key begins with the project.

pub(in crate::store) mod apply;
mod carts;
pub(in crate::store) mod catalog;
pub(in crate::store) mod compaction;
mod customers;
pub(in crate::store) mod documents;
pub(in crate::store) mod erasure;
pub(in crate::store) mod export;
pub(in crate::store) mod imported_order;
pub(in crate::store) mod lww;
mod order;
mod order_reports;
mod orders;
pub(in crate::store) mod person;
pub(in crate::store) mod person_records;
pub(in crate::store) mod records;
pub(in crate::store) mod returns;
pub(in crate::store) mod state_events;
pub(in crate::store) mod tags;
pub(in crate::store) mod updater;

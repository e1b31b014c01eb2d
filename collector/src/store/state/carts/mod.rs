//! Carts: derived from the state events and orders of a person, and stored as rows.

pub(super) mod derive;
mod rows;

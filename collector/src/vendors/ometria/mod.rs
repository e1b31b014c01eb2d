//! Ometria: events that arrive through its headless API, and events that are forwarded to it.

pub mod headless;
pub mod to_ometria;

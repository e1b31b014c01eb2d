//! Authentication: HTTP Basic for owners, OAuth access tokens for analysts, and which clients are bots.

pub mod access_token;
pub mod basic;
pub mod bots;
pub mod keyring;
